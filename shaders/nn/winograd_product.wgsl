// Winograd's products: one matrix product for each of the 16 places of a tile (z). Both factors are padded, so no edge
// is looked at; the next slice is fetched while the current one is multiplied.

//!import elem
//!import winograd
//!import product

// [16, fan, columns]; four columns an element
@group(0) @binding(1) var<storage, read> spread: array<vec4<elem>>;
// [fan, 16, rows], zero where padded; four rows an element
@group(0) @binding(2) var<storage, read> weight: array<vec4<elem>>;
// [16, rows, columns]; four columns an element
@group(0) @binding(3) var<storage, read_write> sum: array<vec4<f32>>;

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    // quads from one input channel to the next
    let rows = 16u * (p.rows / 4u);
    let columns = p.columns / 4u;
    let k = id / QUADS;
    var w = k * rows + tile.z * (p.rows / 4u) + tile.y * QUADS + id % QUADS;
    var x = (tile.z * p.fan + k) * columns + tile.x * QUADS + id % QUADS;
    var next = fetch(w, rows, x, columns);
    var sums = Sums();
    for (var k0 = TILE_K; k0 <= p.fan; k0 += TILE_K) {
        exchange(id, next);
        if k0 < p.fan {
            w += TILE_K * rows;
            x += TILE_K * columns;
            next = fetch(w, rows, x, columns);
        }
        multiply(id / SIDE, id % SIDE, &sums);
    }

    let first = (tile.z * p.rows + tile.y * TILE + id / SIDE * 4u) * columns + tile.x * QUADS + id % SIDE;
    for (var i = 0u; i < 4u; i++) {
        let at = first + i * columns;
        sum[at] = sums.a[i];
        sum[at + SIDE] = sums.b[i];
        sum[at + TILE / 2u * columns] = sums.c[i];
        sum[at + TILE / 2u * columns + SIDE] = sums.d[i];
    }
}

fn fetch(w: u32, rows: u32, x: u32, columns: u32) -> Fetched {
    let half = TILE_K / 2u;
    return Fetched(
        array(vec4<f32>(weight[w]), vec4<f32>(weight[w + half * rows])),
        array(vec4<f32>(spread[x]), vec4<f32>(spread[x + half * columns])),
    );
}
