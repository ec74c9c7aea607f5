// A matrix product through workgroup memory. A workgroup of SIDE x SIDE invocations makes TILE x TILE sums from slices
// of TILE_K rows of both factors; an invocation makes 8 x 8: 16 values read for 64 products. Its rows and columns are
// two runs of four, TILE / 2 apart, so that neighbours read neighbouring vectors and no bank twice. With its 64 sums,
// 16 factors and 16 values of the next slice it needs about 120 registers, so that two workgroups of 256 share a core
// with 64 K of them; the multiplications of one slice hide the way of the next from memory. Unrolled by hand, for
// loops that bounds checks guard are not unrolled by every driver.

//!import tile

const QUADS = TILE / 4u;
const SIDE = TILE / 8u;
const TILE_K = SIDE;

// [TILE_K, QUADS] x four rows of the product
var<workgroup> left: array<vec4<f32>, TILE_K * QUADS>;
// [TILE_K, QUADS] x four columns of the product
var<workgroup> right: array<vec4<f32>, TILE_K * QUADS>;

// The 8 x 8 sums: a column of a matrix is a row of the product.
struct Sums {
    // first rows and columns
    a: mat4x4<f32>,
    // first rows, second columns
    b: mat4x4<f32>,
    // second rows, first columns
    c: mat4x4<f32>,
    // second rows and columns
    d: mat4x4<f32>,
}

// What an invocation fetches of a slice: quad id % QUADS of rows id / QUADS and that plus TILE_K / 2.
struct Fetched {
    left: array<vec4<f32>, 2>,
    right: array<vec4<f32>, 2>,
}

// Makes a fetched slice the current one.
fn exchange(id: u32, next: Fetched) {
    workgroupBarrier();
    left[id] = next.left[0];
    left[id + SIDE * SIDE] = next.left[1];
    right[id] = next.right[0];
    right[id + SIDE * SIDE] = next.right[1];
    workgroupBarrier();
}

// Adds the product of the current slices.
fn multiply(row: u32, column: u32, sums: ptr<function, Sums>) {
    for (var k = 0u; k < TILE_K * QUADS; k += 4u * QUADS) {
        multiply_row(k + row, k + column, sums);
        multiply_row(k + QUADS + row, k + QUADS + column, sums);
        multiply_row(k + 2u * QUADS + row, k + 2u * QUADS + column, sums);
        multiply_row(k + 3u * QUADS + row, k + 3u * QUADS + column, sums);
    }
}

fn multiply_row(row: u32, column: u32, sums: ptr<function, Sums>) {
    let l = left[row];
    let m = left[row + SIDE];
    let r = right[column];
    let s = right[column + SIDE];
    (*sums).a += mat4x4<f32>(r * l.x, r * l.y, r * l.z, r * l.w);
    (*sums).b += mat4x4<f32>(s * l.x, s * l.y, s * l.z, s * l.w);
    (*sums).c += mat4x4<f32>(r * m.x, r * m.y, r * m.z, r * m.w);
    (*sums).d += mat4x4<f32>(s * m.x, s * m.y, s * m.z, s * m.w);
}
