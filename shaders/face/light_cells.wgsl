// Sums the guide's skin and its weighted colour difference to the target over the cells of the window.

//!import face
//!import lab
//!import cover
//!import light

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [side, side]
@group(0) @binding(2) var<storage, read> lab: array<LabPair>;
// [side, side]
@group(0) @binding(3) var<storage, read> covers: array<Cover>;
// [1]
@group(0) @binding(4) var<storage, read> light: Light;
// [128, 128]: difference, weight
@group(0) @binding(5) var<storage, read_write> cells: array<vec4<f32>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= grid(face.window.zw, input.cell)) {
        return;
    }
    let first = face.window.xy + id.xy * input.cell;
    let end = min(first + input.cell, face.window.xy + face.window.zw);
    var sum = vec4<f32>(0.0);
    for (var y = first.y; y < end.y; y += 1u) {
        for (var x = first.x; x < end.x; x += 1u) {
            let i = y * input.side + x;
            let weight = covers[i].skin * usual(light.usual.zw, lab[i].guide.x);
            let guide = lab[i].guide.xyz * light.gain.xyz + light.offset.xyz;
            sum += weight * vec4<f32>(lab[i].own.xyz - guide, 1.0);
        }
    }
    cells[id.y * GRID + id.x] = sum * light.gain.w;
}
