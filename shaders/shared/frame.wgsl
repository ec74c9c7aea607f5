// The frame as its stream knows it: planes of bytes, packed row after row (each row starts at a whole word), and how
// its codes become R, G, B. Channels are Y, U, V or R, G, B.
struct FrameParams {
    // columns, rows, words of the longest row, rows of all planes together
    size: vec4<u32>,
    // by plane: first word, words in a row, place of the first row among the rows of all planes, rows
    planes: array<vec4<u32>, 3>,
    // by channel: first byte, bytes from row to row, bytes from sample to sample, plane
    samples: array<vec4<u32>, 3>,
    // by channel: samples in a row, samples in a column, byte of the first sample in its row, unused
    counts: array<vec4<u32>, 3>,
    // by channel: frame position of the first sample, frame pixels between samples
    sites: array<vec4<f32>, 3>,
    // by row: three weights and a constant
    rgb_from_codes: array<vec4<f32>, 3>,
    codes_from_rgb: array<vec4<f32>, 3>,
    // how much of the swapped face is shown; three unused
    look: vec4<f32>,
}

@group(0) @binding(0) var<uniform> frame: FrameParams;
