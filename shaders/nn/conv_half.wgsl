// Convolution in f16 arithmetic, two products an instruction where the machine packs them. Sums of a slice are f16, at
// most TILE_K / 2 products each; across slices they are f32, so that long sums stay exact. An invocation makes 8
// channels x 4 pixels, 8 channels and 16 pixels apart.

//!import slices

const TILE = 64u;
const TILE_K = 32u;
const WORKGROUP = 128u;
// Sixteen neighbours read their quads from different banks.
const ROW = QUADS + 1u;
const APART = 8u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    let row = id / 16u;
    let column = id % 16u;
    let quad = carried(id);
    let taps = first_taps(tile.x, quad);
    let slices = row_slices() * KERNEL;

    // By channel: four pixels. Named one by one: an array in a loop might not stay in registers.
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    var s4 = vec4<f32>();
    var s5 = vec4<f32>();
    var s6 = vec4<f32>();
    var s7 = vec4<f32>();
    var a = fetch_weights(tile.y, 0u, quad);
    var b = fetch_pixels(taps, 0u);
    for (var slice = 0u; slice < slices; slice++) {
        workgroupBarrier();
        put(a, b, quad);
        workgroupBarrier();
        if slice + 1u < slices {
            a = fetch_weights(tile.y, slice + 1u, quad);
            b = fetch_pixels(taps, slice + 1u);
        }
        var h0 = mat2x4<f16>();
        var h1 = mat2x4<f16>();
        var h2 = mat2x4<f16>();
        var h3 = mat2x4<f16>();
        var h4 = mat2x4<f16>();
        var h5 = mat2x4<f16>();
        var h6 = mat2x4<f16>();
        var h7 = mat2x4<f16>();
        for (var k = 0u; k < QUADS; k++) {
            let at = row * ROW + k;
            let pixels = pixel_pairs(column * ROW + k);
            h0 = multiply_add(a_tile[at], pixels, h0);
            h1 = multiply_add(a_tile[at + 8u * ROW], pixels, h1);
            h2 = multiply_add(a_tile[at + 16u * ROW], pixels, h2);
            h3 = multiply_add(a_tile[at + 24u * ROW], pixels, h3);
            h4 = multiply_add(a_tile[at + 32u * ROW], pixels, h4);
            h5 = multiply_add(a_tile[at + 40u * ROW], pixels, h5);
            h6 = multiply_add(a_tile[at + 48u * ROW], pixels, h6);
            h7 = multiply_add(a_tile[at + 56u * ROW], pixels, h7);
        }
        s0 += total(h0);
        s1 += total(h1);
        s2 += total(h2);
        s3 += total(h3);
        s4 += total(h4);
        s5 += total(h5);
        s6 += total(h6);
        s7 += total(h7);
    }

    let c = tile.y * TILE + row;
    let pixel = tile.x * TILE + column;
    finish(c, pixel, s0);
    finish(c + 8u, pixel, s1);
    finish(c + 16u, pixel, s2);
    finish(c + 24u, pixel, s3);
    finish(c + 32u, pixel, s4);
    finish(c + 40u, pixel, s5);
    finish(c + 48u, pixel, s6);
    finish(c + 56u, pixel, s7);
}

// A quad of four pixels, as channels (0, 1) of pixels 0 and 1, of 2 and 3, then channels (2, 3) likewise.
fn pixel_pairs(at: u32) -> mat4x4<f16> {
    let q0 = b_tile[at];
    let q1 = b_tile[at + 16u * ROW];
    let q2 = b_tile[at + 32u * ROW];
    let q3 = b_tile[at + 48u * ROW];
    return mat4x4<f16>(vec4<f16>(q0.xy, q1.xy), vec4<f16>(q2.xy, q3.xy), vec4<f16>(q0.zw, q1.zw), vec4<f16>(q2.zw, q3.zw));
}

// Adds the products of a quad of weights to sums over even and over odd channels of pixels 0 and 1, and 2 and 3.
fn multiply_add(w: vec4<f16>, pixels: mat4x4<f16>, sums: mat2x4<f16>) -> mat2x4<f16> {
    let half = mat2x4<f16>(fma(w.xyxy, pixels[0], sums[0]), fma(w.xyxy, pixels[1], sums[1]));
    return mat2x4<f16>(fma(w.zwzw, pixels[2], half[0]), fma(w.zwzw, pixels[3], half[1]));
}

// By pixel: even and odd channels together.
fn total(sums: mat2x4<f16>) -> vec4<f32> {
    let low = vec4<f32>(sums[0]);
    let high = vec4<f32>(sums[1]);
    return vec4<f32>(low.xz + low.yw, high.xz + high.yw);
}

fn finish(c: u32, pixel: u32, sums: vec4<f32>) {
    write(c, pixel, sums.x);
    write(c, pixel + 16u, sums.y);
    write(c, pixel + 32u, sums.z);
    write(c, pixel + 48u, sums.w);
}
