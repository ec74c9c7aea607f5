// Stored type of a conversion's result.
alias result = f32;
