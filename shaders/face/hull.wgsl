// The face mask of the final blend: the mesh's hull with a soft edge. Twin of src/mask.rs.

//!import face

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [side, side] pixels below the hull's edge
@group(0) @binding(1) var<storage, read> depth: array<f32>;
// [side, side]
@group(0) @binding(2) var<storage, read_write> hull_mask: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < input.side * input.side {
        hull_mask[id.x] = rise(0.0, max(input.feather, 1e-3), depth[id.x]);
    }
}
