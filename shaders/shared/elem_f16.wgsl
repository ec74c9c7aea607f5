enable f16;
// Stored type of feature maps and of the weights that meet them. Sums are f32 whatever this is.
alias elem = f16;

// Saturated: an infinity would become no number at the next subtraction.
fn stored(v: f32) -> elem {
    return elem(clamp(v, -65504.0, 65504.0));
}
