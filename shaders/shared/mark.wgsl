// What the watermark's kernels must know of a frame's format and size.
struct MarkParams {
    // by channel: its weight in the luma, of 256, and 0 if the mark leaves it alone; one unused
    weights: vec4<u32>,
    // by level (fine, coarse; two unused): by how much a cell's residual changes with its mark
    response: vec4<f32>,
    // by level: what a cell's mark, squared, adds to the frame's mean square change
    energy: vec4<f32>,
    // by level: how much of it compression leaves
    kept: vec4<f32>,
}
