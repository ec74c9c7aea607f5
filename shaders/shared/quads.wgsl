// Four neighbouring pixels of a channel at a time, whatever the number of pixels; zero beyond the channel's end.

//!import elem

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [in_c, in_h, in_w]
@group(0) @binding(4) var<storage, read_write> output: array<elem>;
// [in_c, in_h, in_w], read with RESIDUAL only
@group(0) @binding(6) var<storage, read> residual: array<elem>;

fn pixels() -> u32 {
    return p.in_h * p.in_w;
}

fn quad_end(q: u32) -> u32 {
    return min(4u, pixels() - 4u * q);
}

fn read_quad(c: u32, q: u32) -> vec4<f32> {
    var v = vec4<f32>();
    for (var i = 0u; i < quad_end(q); i++) {
        v[i] = f32(input[c * pixels() + 4u * q + i]);
    }
    return v;
}

fn read_residual(c: u32, q: u32) -> vec4<f32> {
    var v = vec4<f32>();
    for (var i = 0u; i < quad_end(q); i++) {
        v[i] = f32(residual[c * pixels() + 4u * q + i]);
    }
    return v;
}

fn write_quad(c: u32, q: u32, v: vec4<f32>) {
    for (var i = 0u; i < quad_end(q); i++) {
        output[c * pixels() + 4u * q + i] = stored(v[i]);
    }
}
