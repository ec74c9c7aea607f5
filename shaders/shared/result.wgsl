// Stored type of a conversion's result.
alias result = f32;

fn converted(v: f32) -> result {
    return v;
}
