// Cells to pixels along one axis: Catmull-Rom interpolation. Twin of src/marks/watermark/taps.rs.
struct Cubic {
    cells: vec4<u32>,
    weights: vec4<f32>,
}

fn cubic_near(t: f32) -> f32 {
    return (1.5 * t - 2.5) * t * t + 1.0;
}

fn cubic_far(t: f32) -> f32 {
    return ((2.5 - 0.5 * t) * t - 4.0) * t + 2.0;
}

// The four cells around pixel `pixel` of `pixels`, of `cells` in all; the edge cell stands for those outside.
fn cubic(pixel: u32, pixels: u32, cells: u32) -> Cubic {
    let at = (f32(pixel) + 0.5) * f32(cells) / f32(pixels) - 0.5;
    let first = floor(at);
    let f = at - first;
    let places = vec4<i32>(i32(first)) + vec4<i32>(-1, 0, 1, 2);
    let near = vec4<u32>(clamp(places, vec4<i32>(0), vec4<i32>(i32(cells) - 1)));
    return Cubic(near, vec4<f32>(cubic_far(1.0 + f), cubic_near(f), cubic_near(1.0 - f), cubic_far(2.0 - f)));
}
