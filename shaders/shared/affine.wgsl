// Affine maps as six numbers in a buffer: x axis, y axis, shift.

fn affine(axes: vec4<f32>, shift: vec2<f32>, p: vec2<f32>) -> vec2<f32> {
    return axes.xy * p.x + axes.zw * p.y + shift;
}

// Three rows of weights with a constant each.
fn convert(rows: array<vec4<f32>, 3>, v: vec3<f32>) -> vec3<f32> {
    let w = vec4<f32>(v, 1.0);
    return vec3<f32>(dot(rows[0], w), dot(rows[1], w), dot(rows[2], w));
}
