// Exact distance to the nearest uncovered pixel from the distances within the columns. A workgroup has a row; a pixel
// looks sideways only as far as something nearer can lie.

//!import face

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [side, side]: within the column
@group(0) @binding(1) var<storage, read> distances: array<f32>;
// [side, side] pixels
@group(0) @binding(2) var<storage, read_write> depth: array<f32>;

const LANES = 128u;
// Rust: path::gpu::face::MAX_SIDE.
const MAX_SIDE = 640u;

var<workgroup> squared: array<f32, MAX_SIDE>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let side = input.side;
    let row = group.x * side;
    for (var x = lane; x < side; x += LANES) {
        let d = distances[row + x];
        squared[x] = d * d;
    }
    workgroupBarrier();
    for (var x = lane; x < side; x += LANES) {
        var nearest = squared[x];
        // The ring is uncovered: at its distance the walk ends.
        for (var dx = 1u; f32(dx * dx) < nearest && dx <= min(x, side - 1u - x); dx += 1u) {
            nearest = min(nearest, f32(dx * dx) + min(squared[x - dx], squared[x + dx]));
        }
        depth[row + x] = sqrt(nearest);
    }
}
