// Distance to the nearest uncovered pixel of the same column. A workgroup has a column. Twin, with distance_rows, of
// src/guide/distance.rs.

//!import face
//!import texel

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [side, side]
@group(0) @binding(1) var<storage, read> texels: array<Texel>;
// [side, side] pixels
@group(0) @binding(2) var<storage, read_write> distances: array<f32>;

const LANES = 128u;
// Rust: path::gpu::face::MAX_SIDE.
const MAX_SIDE = 640u;

var<workgroup> covered: array<u32, MAX_SIDE>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let side = input.side;
    for (var y = lane; y < side; y += LANES) {
        covered[y] = u32(texels[y * side + group.x].triangle != UNCOVERED);
    }
    workgroupBarrier();
    for (var y = lane; y < side; y += LANES) {
        // The ring is uncovered, so the walk ends inside the canvas.
        var steps = 0u;
        while steps <= min(y, side - 1u - y) && (covered[y - steps] & covered[y + steps]) == 1u {
            steps += 1u;
        }
        distances[y * side + group.x] = f32(steps);
    }
}
