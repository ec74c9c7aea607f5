enable f16;
//!import activation
//!import geometry

// What the f16 matrix products share. Rows are output channels, columns output pixels; the inner dimension runs over
// kernel taps and, within each, input channels, in slices of TILE_K. The input was laid out by `conv_columns`, so that
// a slice of a pixel is TILE_K values in a row, whatever the edge does. A workgroup makes TILE x TILE outputs; each of
// its WORKGROUP invocations carries four quads of either factor from storage to workgroup memory, one slice ahead.

// [rows, columns, QUADS per slice of channels]; four channels an element
@group(0) @binding(1) var<storage, read> input: array<vec4<f16>>;
// [out_c / TILE rounded up, slices, TILE, QUADS]; four input channels an element, zero where padded
@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;
// [out_c]: bias, slope of the activation below zero
@group(0) @binding(3) var<storage, read> channel: array<vec2<f32>>;
// [out_c, out_h, out_w]
@group(0) @binding(4) var<storage, read_write> output: array<f16>;

const QUADS = TILE_K / 4u;
// Rows of a tile that the workgroup carries at a time.
const STEP = WORKGROUP / QUADS;

// [TILE, ROW]: the weights of a slice; a row is longer than QUADS so that neighbours lie in different banks
var<workgroup> a_tile: array<vec4<f16>, TILE * ROW>;
// [TILE, ROW]: its pixels
var<workgroup> b_tile: array<vec4<f16>, TILE * ROW>;

// The quad of a tile that invocation `id` carries first. Two runs of QUADS neighbours, which write together, carry rows
// APART, so that both halves of the banks are written at once.
fn carried(id: u32) -> u32 {
    let run = id / QUADS;
    let row = run / (2u * APART) * 2u * APART + run % 2u * APART + run / 2u % APART;
    return row * QUADS + id % QUADS;
}

// Quads of a pixel of the laid out input.
fn pixel_quads() -> u32 {
    return (p.in_c + TILE_K - 1u) / TILE_K * QUADS;
}

// Slices of one row of kernel taps: these lie side by side in the input.
fn row_slices() -> u32 {
    return pixel_quads() / QUADS * KERNEL;
}

// Where the first taps of this invocation's four pixels lie; pixels past the last repeat it.
fn first_taps(tile: u32, quad: u32) -> vec4<u32> {
    let pixel = min(tile * TILE + quad / QUADS + STEP * vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.out_h * p.out_w - 1u));
    let y = pixel / p.out_w;
    let x = pixel - y * p.out_w;
    return (y * columns() + x) * STRIDE * pixel_quads() + quad % QUADS;
}

fn fetch_pixels(taps: vec4<u32>, slice: u32) -> mat4x4<f16> {
    let per_row = row_slices();
    let at = taps + slice / per_row * columns() * pixel_quads() + slice % per_row * QUADS;
    return mat4x4<f16>(input[at.x], input[at.y], input[at.z], input[at.w]);
}

fn fetch_weights(tile: u32, slice: u32, quad: u32) -> mat4x4<f16> {
    let at = (tile * row_slices() * KERNEL + slice) * TILE * QUADS + quad;
    return mat4x4<f16>(weight[at], weight[at + WORKGROUP], weight[at + 2u * WORKGROUP], weight[at + 3u * WORKGROUP]);
}

fn put(a: mat4x4<f16>, b: mat4x4<f16>, quad: u32) {
    let at = quad / QUADS * ROW + quad % QUADS;
    a_tile[at] = a[0];
    a_tile[at + STEP * ROW] = a[1];
    a_tile[at + 2u * STEP * ROW] = a[2];
    a_tile[at + 3u * STEP * ROW] = a[3];
    b_tile[at] = b[0];
    b_tile[at + STEP * ROW] = b[1];
    b_tile[at + 2u * STEP * ROW] = b[2];
    b_tile[at + 3u * STEP * ROW] = b[3];
}

// Saturated: an infinity would become no number at the next subtraction.
fn write(c: u32, pixel: u32, sum: f32) {
    let pixels = p.out_h * p.out_w;
    if c < p.out_c && pixel < pixels {
        let r = activate(vec4<f32>(sum + channel[c].x), vec4<f32>(channel[c].y));
        output[c * pixels + pixel] = f16(clamp(r.x, -65504.0, 65504.0));
    }
}
