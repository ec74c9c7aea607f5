// Second half of the Gaussian: along the columns; then the difference per weight.

//!import face
//!import light

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [128, 128]
@group(0) @binding(2) var<storage, read> smooth_rows: array<vec4<f32>>;
// [1]
@group(0) @binding(3) var<storage, read_write> light: Light;

// Writes `near` instead of `wide`.
override RIM: bool = false;

// Keeps the quotient finite (and near 0) where no skin is within reach.
const TINY = 1e-3;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = grid(face.window.zw, input.cell);
    if any(id.xy >= size) {
        return;
    }
    let sigma = cell_sigma(select(LIGHT_SIGMA, RIM_SIGMA, RIM), input.crop, input.cell);
    let radius = i32(ceil(2.5 * sigma));
    var sum = vec4<f32>(0.0);
    var total = 0.0;
    for (var d = -radius; d <= radius; d += 1) {
        let tap = exp(-f32(d * d) / (2.0 * sigma * sigma));
        total += tap;
        let y = i32(id.y) + d;
        if y >= 0 && y < i32(size.y) {
            sum += tap * smooth_rows[u32(y) * GRID + id.x];
        }
    }
    let i = id.y * GRID + id.x;
    let field = vec4<f32>(sum.xyz / max(sum.w / total, TINY) / total, 0.0);
    if RIM {
        light.near[i] = field;
    } else {
        light.wide[i] = field;
    }
}
