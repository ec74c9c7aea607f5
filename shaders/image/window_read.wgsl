// The window of a canvas: means over RATIO x RATIO canvas pixels. An invocation makes one pixel (x, y) of one
// channel (z).

//!import window

// [3, SIDE, SIDE]
@group(0) @binding(0) var<storage, read> canvas: array<f32>;
// [3, HEIGHT, WIDTH]
@group(0) @binding(1) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= WIDTH || id.y >= HEIGHT {
        return;
    }
    let first = (id.z * SIDE + TOP + id.y * RATIO) * SIDE + LEFT + id.x * RATIO;
    var sum = 0.0;
    for (var y = 0u; y < RATIO; y++) {
        for (var x = 0u; x < RATIO; x++) {
            sum += canvas[first + y * SIDE + x];
        }
    }
    output[(id.z * HEIGHT + id.y) * WIDTH + id.x] = sum / f32(RATIO * RATIO);
}
