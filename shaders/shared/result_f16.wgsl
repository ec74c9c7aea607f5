enable f16;
// Stored type of a conversion's result.
alias result = f16;
