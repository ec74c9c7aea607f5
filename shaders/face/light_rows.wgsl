// First half of a separable Gaussian over the cells, zero outside the grid: along the rows.

//!import face
//!import light

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [1]
@group(0) @binding(1) var<storage, read> face: Face;
// [128, 128]: difference, weight
@group(0) @binding(2) var<storage, read> cells: array<vec4<f32>>;
// [1]
@group(0) @binding(3) var<storage, read> light: Light;
// [128, 128]
@group(0) @binding(4) var<storage, read_write> smooth_rows: array<vec4<f32>>;

// Filters what the wide pass left, for the rim.
override RIM: bool = false;

fn value(i: u32) -> vec4<f32> {
    let cell = cells[i];
    if !RIM {
        return cell;
    }
    return vec4<f32>(cell.xyz - LIGHT * light.wide[i].xyz * cell.w, cell.w);
}

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
        let x = i32(id.x) + d;
        if x >= 0 && x < i32(size.x) {
            sum += tap * value(id.y * GRID + u32(x));
        }
    }
    smooth_rows[id.y * GRID + id.x] = sum / total;
}
