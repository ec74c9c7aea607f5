// Convolution as a matrix product without writing the unfolded matrix: rows are output channels, columns output
// pixels, and the inner dimension ("fan") runs over input channels and kernel taps. A workgroup makes TILE x TILE
// outputs, an invocation 4 x 4; both factors pass through workgroup memory in slices of TILE_K.

//!import conv
//!import tile

// [fan padded to TILE_K, out_c padded to TILE], zero where padded; four channels an element
@group(0) @binding(2) var<storage, read> weight: array<vec4<elem>>;

const QUADS = TILE / 4u;
const TILE_K = 16u;

// [TILE_K, QUADS] x four channels
var<workgroup> a_tile: array<vec4<f32>, TILE_K * QUADS>;
// [TILE_K, QUADS] x four pixels
var<workgroup> b_tile: array<vec4<f32>, TILE_K * QUADS>;

@compute @workgroup_size(QUADS * QUADS)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let column = id % QUADS;
    let row = id / QUADS;
    let fan = p.in_c * KERNEL * KERNEL;
    let weight_quads = (p.out_c + TILE - 1u) / TILE * QUADS;

    // Invocations past the last pixel repeat it and write nothing.
    let first_pixel = tile.x * TILE + column * 4u;
    let pixel = min(first_pixel + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.out_h * p.out_w - 1u));
    let py = pixel / p.out_w;
    let y0 = vec4<i32>(py * STRIDE) - i32(p.pad_top);
    let x0 = vec4<i32>((pixel - py * p.out_w) * STRIDE) - i32(p.pad_left);

    var acc = mat4x4<f32>();
    for (var k0 = 0u; k0 < fan; k0 += TILE_K) {
        for (var k = row; k < TILE_K; k += QUADS) {
            a_tile[k * QUADS + column] = vec4<f32>(weight[(k0 + k) * weight_quads + tile.y * QUADS + column]);
            b_tile[k * QUADS + column] = unfolded(k0 + k, fan, y0, x0);
        }
        workgroupBarrier();
        for (var k = 0u; k < TILE_K; k++) {
            let a = a_tile[k * QUADS + row];
            let b = b_tile[k * QUADS + column];
            acc += mat4x4<f32>(a * b.x, a * b.y, a * b.z, a * b.w);
        }
        workgroupBarrier();
    }

    let rows = transpose(acc);
    let first_channel = tile.y * TILE + row * 4u;
    store(first_channel, first_pixel, rows[0]);
    store(first_channel + 1u, first_pixel, rows[1]);
    store(first_channel + 2u, first_pixel, rows[2]);
    store(first_channel + 3u, first_pixel, rows[3]);
}

// Row k of the unfolded matrix at four pixels whose kernel windows begin at (y0, x0). Rows past the end are zero:
// whatever lies behind the input must not meet a zero weight, for it may be no number.
fn unfolded(k: u32, fan: u32, y0: vec4<i32>, x0: vec4<i32>) -> vec4<f32> {
    if k >= fan {
        return vec4<f32>();
    }
    let c = k / (KERNEL * KERNEL);
    let t = k % (KERNEL * KERNEL);
    let y = y0 + i32(t / KERNEL);
    let x = x0 + i32(t % KERNEL);
    return vec4<f32>(tap(c, y.x, x.x), tap(c, y.y, x.y), tap(c, y.z, x.z), tap(c, y.w, x.w));
}
