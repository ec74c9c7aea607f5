enable f16;
// Stored type of a conversion's result.
alias result = f16;

// Saturated, as what `elem_f16` stores.
fn converted(v: f32) -> result {
    return result(clamp(v, -65504.0, 65504.0));
}
