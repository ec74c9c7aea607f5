// Stored type of feature maps and of the weights that meet them. Sums are f32 whatever this is.
alias elem = f32;

fn stored(v: f32) -> elem {
    return v;
}
