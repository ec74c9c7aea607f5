// A mesh triangle on the canvas, ready to be drawn.
struct Triangle {
    // first corner and the way to the others, canvas pixels
    a: vec2<f32>,
    ab: vec2<f32>,
    ac: vec2<f32>,
    // perp_dot(ab, ac); 0 when there is nothing to draw
    area: f32,
    // sum of the corners' z
    depth: f32,
}

// The corners of a triangle from its packed form, ten bits each.
fn corners(packed: u32) -> vec3<u32> {
    return vec3<u32>(packed, packed >> 10u, packed >> 20u) & vec3<u32>(1023u);
}
