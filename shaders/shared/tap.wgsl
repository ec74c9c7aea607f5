// Reading `input`, a map of p.in_h rows and p.in_w columns, at places that may lie beyond its edge.

// Pixels beyond the edge are mirrored (without repeating the edge) instead of zero.
override REFLECT: bool = false;

fn mirror(i: i32, n: i32) -> i32 {
    let folded = abs(i);
    return clamp(select(folded, 2 * n - 2 - folded, folded >= n), 0, n - 1);
}

// Index in a channel of the pixel at a place that may lie beyond the edge; below zero when the value there is zero.
fn place(y: i32, x: i32) -> i32 {
    let h = i32(p.in_h);
    let w = i32(p.in_w);
    if REFLECT {
        return mirror(y, h) * w + mirror(x, w);
    }
    return select(y * w + x, -1, y < 0 || y >= h || x < 0 || x >= w);
}

// The input at a place that may lie beyond the edge.
fn tap(c: u32, y: i32, x: i32) -> f32 {
    let at = place(y, x);
    if at < 0 {
        return 0.0;
    }
    return f32(input[c * p.in_h * p.in_w + u32(at)]);
}
