// Lays a map out for the f16 matrix products: edges added, channels last and filled up with zeros to a multiple of
// TILE_K. It costs one pass over the map; then every tap of a pixel is a run of neighbours. With UPSAMPLE the map is
// read as if it had been upsampled by 2 first.

enable f16;
//!import geometry
//!import tap
//!import upsampled

// Channels of a slice (nn/conv_half.wgsl, nn/conv_matrix.wgsl).
override TILE_K: u32 = 32u;
override UPSAMPLE: bool = false;

// [in_c, in_h, in_w], or half as high and wide with UPSAMPLE
@group(0) @binding(1) var<storage, read> input: array<f16>;
// [rows, columns, in_c / 4 rounded up to whole slices]; four channels an element
@group(0) @binding(2) var<storage, read_write> output: array<vec4<f16>>;

// A workgroup turns PIXELS x QUADS of four channels: reads run along pixels, writes along channels.
const PIXELS = 32u;
const QUADS = 8u;
// A row is longer than QUADS so that neighbours lie in different banks.
const ROW = QUADS + 1u;

// [PIXELS, ROW]
var<workgroup> turned: array<vec4<f16>, PIXELS * ROW>;

@compute @workgroup_size(PIXELS * QUADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let spot = min(group.x * PIXELS + id % PIXELS, rows() * columns() - 1u);
    let y = spot / columns();
    let at = place(i32(y) - i32(p.pad_top), i32(spot - y * columns()) - i32(p.pad_left));
    let c = (group.y * QUADS + id / PIXELS) * 4u;
    let values = vec4<f16>(value(c, at), value(c + 1u, at), value(c + 2u, at), value(c + 3u, at));
    turned[id % PIXELS * ROW + id / PIXELS] = values;
    workgroupBarrier();
    let quads = (p.in_c + TILE_K - 1u) / TILE_K * TILE_K / 4u;
    let row = group.x * PIXELS + id / QUADS;
    let column = group.y * QUADS + id % QUADS;
    if row < rows() * columns() && column < quads {
        output[row * quads + column] = turned[id / QUADS * ROW + id % QUADS];
    }
}

// Pixel `at` of channel c, zero where there is none.
fn value(c: u32, at: i32) -> f16 {
    if c >= p.in_c || at < 0 {
        return 0.0h;
    }
    if UPSAMPLE {
        return f16(upsampled(c, p.in_h / 2u, p.in_w / 2u, u32(at) / p.in_w, u32(at) % p.in_w));
    }
    return input[c * p.in_h * p.in_w + u32(at)];
}
