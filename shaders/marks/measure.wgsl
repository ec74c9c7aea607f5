// Of each cell, how bright it is and how much it can take. Twin of Plan::measure and Cells::halve in
// src/marks/watermark/embed.rs. An invocation measures one fine cell; a quarter of them then make the coarse ones.

//!import codes
//!import mark
//!import cells
//!import room

// [1]
@group(0) @binding(2) var<uniform> mark: MarkParams;
// [cells]: mean luma in codes, room in codes
@group(0) @binding(3) var<storage, read_write> cells: array<vec2<f32>>;

// The fine level's columns and rows are multiples of it.
const SIDE = 16u;

var<workgroup> measured: array<vec2<f32>, SIDE * SIDE>;

fn luma(x: u32, y: u32) -> u32 {
    var sum = 128u;
    for (var channel = 0u; channel < 3u; channel++) {
        if mark.weights[channel] > 0u {
            sum += mark.weights[channel] * byte_at(channel, x, y);
        }
    }
    return sum >> 8u;
}

// First and end of the pixels of cell `cell` of `count` along an axis of `pixels`: at least one, though it be its
// neighbour's.
fn span(cell: u32, count: u32, pixels: u32) -> vec2<u32> {
    let start = min(cell * pixels / count, pixels - 1u);
    return vec2<u32>(start, max((cell + 1u) * pixels / count, start + 1u));
}

fn measure(cell: vec2<u32>) -> vec2<f32> {
    let columns = span(cell.x, fine().size.x, frame.size.x);
    let rows = span(cell.y, fine().size.y, frame.size.y);
    var sum = 0u;
    var squares = 0u;
    for (var y = rows.x; y < rows.y; y++) {
        for (var x = columns.x; x < columns.y; x++) {
            let code = luma(x, y);
            sum += code;
            squares += code * code;
        }
    }
    let pixels = f32((columns.y - columns.x) * (rows.y - rows.x));
    let mean = f32(sum) / pixels;
    let texture = sqrt(max(f32(squares) / pixels - mean * mean, 0.0));
    return vec2<f32>(mean, room_share(mean) * room(texture));
}

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
) {
    let own = measure(id.xy);
    cells[id.y * fine().size.x + id.x] = own;
    measured[local.y * SIDE + local.x] = own;
    workgroupBarrier();
    if all(local.xy < vec2<u32>(SIDE / 2u)) {
        let i = 2u * (local.y * SIDE + local.x);
        let place = group.xy * (SIDE / 2u) + local.xy;
        let sum = measured[i] + measured[i + 1u] + measured[i + SIDE] + measured[i + SIDE + 1u];
        cells[coarse().first + place.y * coarse().size.x + place.x] = 0.25 * sum;
    }
}
