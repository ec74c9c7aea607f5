// Convolution on the matrix units (cooperative matrices): f16 factors, f32 sums. Eight subgroups make one part each of
// 4 x 2 fragments. Should the driver run narrower subgroups than LANES, those past the eighth repeat the work of
// others and write nothing.

//!import slices
//!import fragment
//!import lanes

const PARTS = 8u;
const TILE = 8u * FRAGMENT;
const WORKGROUP = PARTS * LANES;
const TILE_K = 4u * WORKGROUP / TILE * 4u;
// Rows begin at multiples of 16 bytes, as fragments must; an odd number of them spreads rows over the banks.
const ROW = QUADS + 2u;
const APART = 4u;

// [PARTS, FRAGMENT, FRAGMENT]: fragments on their way out
var<workgroup> c_tile: array<f32, PARTS * FRAGMENT * FRAGMENT>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) tile: vec3<u32>, place: Place) {
    let quad = carried(place.index);
    let part = subgroup_of(place) % PARTS;
    let a_row = part / 4u * 4u * FRAGMENT;
    let b_row = part % 4u * 2u * FRAGMENT;
    let taps = first_taps(tile.x, quad);
    let slices = row_slices() * KERNEL;

    // Named one by one: an array in a loop might not stay in registers.
    var c00 = FragmentC();
    var c01 = FragmentC();
    var c10 = FragmentC();
    var c11 = FragmentC();
    var c20 = FragmentC();
    var c21 = FragmentC();
    var c30 = FragmentC();
    var c31 = FragmentC();
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
        for (var k = 0u; k < QUADS; k += FRAGMENT / 4u) {
            let b0 = load_b(b_row * ROW + k);
            let b1 = load_b((b_row + FRAGMENT) * ROW + k);
            let a0 = load_a(a_row * ROW + k);
            c00 = multiply_add(a0, b0, c00, place);
            c01 = multiply_add(a0, b1, c01, place);
            let a1 = load_a((a_row + FRAGMENT) * ROW + k);
            c10 = multiply_add(a1, b0, c10, place);
            c11 = multiply_add(a1, b1, c11, place);
            let a2 = load_a((a_row + 2u * FRAGMENT) * ROW + k);
            c20 = multiply_add(a2, b0, c20, place);
            c21 = multiply_add(a2, b1, c21, place);
            let a3 = load_a((a_row + 3u * FRAGMENT) * ROW + k);
            c30 = multiply_add(a3, b0, c30, place);
            c31 = multiply_add(a3, b1, c31, place);
        }
    }

    let c = tile.y * TILE + a_row;
    let pixel = tile.x * TILE + b_row;
    finish(c00, c, pixel, place);
    finish(c01, c, pixel + FRAGMENT, place);
    finish(c10, c + FRAGMENT, pixel, place);
    finish(c11, c + FRAGMENT, pixel + FRAGMENT, place);
    finish(c20, c + 2u * FRAGMENT, pixel, place);
    finish(c21, c + 2u * FRAGMENT, pixel + FRAGMENT, place);
    finish(c30, c + 3u * FRAGMENT, pixel, place);
    finish(c31, c + 3u * FRAGMENT, pixel + FRAGMENT, place);
}

// Writes a fragment of sums whose first row and column are (c, pixel).
fn finish(sums: FragmentC, c: u32, pixel: u32, place: Place) {
    let subgroup = subgroup_of(place);
    let at = subgroup % PARTS * FRAGMENT * FRAGMENT;
    workgroupBarrier();
    store_c(sums, at, place);
    workgroupBarrier();
    if subgroup < PARTS {
        for (var i = lane_of(place); i < FRAGMENT * FRAGMENT; i += lanes_of(place)) {
            write(c + i / FRAGMENT, pixel + i % FRAGMENT, c_tile[at + i]);
        }
    }
}
