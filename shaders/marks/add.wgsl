// Adds the cells' mark to the luma of every pixel, to R, G and B alike, if a face was painted into the frame. Twin of
// Plan::add in src/marks/watermark/embed.rs. An invocation makes one word (x) of one row (y) of the first plane.

//!import frame
//!import samples
//!import mark
//!import cells
//!import cubic

// packed planes, four bytes a word
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
// [1]
@group(0) @binding(2) var<uniform> mark: MarkParams;
// [fine cells] codes
@group(0) @binding(3) var<storage, read> marks: array<f32>;
// [1]: not 0 if a face was painted
@group(0) @binding(4) var<storage, read> painted: array<u32>;

// The mark of column `x`, in codes.
fn mark_at(x: u32, rows: Cubic) -> f32 {
    let columns = cubic(x, frame.size.x, fine().size.x);
    var sum = 0.0;
    for (var k = 0u; k < 4u; k++) {
        let row = rows.cells[k] * fine().size.x;
        let c = columns.cells;
        let near = vec4<f32>(marks[row + c.x], marks[row + c.y], marks[row + c.z], marks[row + c.w]);
        sum += rows.weights[k] * dot(columns.weights, near);
    }
    return sum;
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let plane = frame.planes[0];
    if painted[0] == 0u || id.x >= plane.y || id.y >= plane.w {
        return;
    }
    let rows = cubic(id.y, frame.size.y, fine().size.y);
    let word = plane.x + id.y * plane.y + id.x;
    var codes_of = codes[word];
    // A pixel's R, G and B stand in the same word, or in this one and the next.
    var at = frame.size.x;
    var change = 0.0;
    for (var byte = 0u; byte < 4u; byte++) {
        let s = sample_of(0u, 4u * id.x + byte);
        if s.x == 3u || mark.weights[s.x] == 0u {
            continue;
        }
        if s.y != at {
            at = s.y;
            change = mark_at(at, rows);
        }
        let shift = 8u * byte;
        let code = u32(clamp(f32((codes_of >> shift) & 255u) + change + 0.5, 0.0, 255.0));
        codes_of = (codes_of & ~(255u << shift)) | (code << shift);
    }
    codes[word] = codes_of;
}
