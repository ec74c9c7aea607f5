// Channels of the input, followed by those of the other.

//!import gather

// [out_c - in_c, in_h, in_w]
@group(0) @binding(3) var<storage, read> other: array<elem>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_h * p.out_w;
    if id.x >= pixels {
        return;
    }
    let i = id.y * pixels + id.x;
    if id.y < p.in_c {
        output[i] = input[i];
    } else {
        output[i] = other[i - p.in_c * pixels];
    }
}
