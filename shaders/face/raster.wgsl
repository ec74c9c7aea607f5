// Which triangle is seen at each pixel, and where in it. Twin of src/guide/raster.rs. A workgroup has a tile: it lists
// the triangles that may touch the tile, then each invocation takes the nearest one that covers its pixel.

//!import face
//!import triangle
//!import texel

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [2, 898]
@group(0) @binding(1) var<storage, read> triangles: array<Triangle>;
// [side, side]
@group(0) @binding(2) var<storage, read_write> texels: array<Texel>;

// Draws the mesh before the shape exchange instead of the one after it.
override HULL: bool = false;

const TILE = 16u;
const INCLUSIVE = -1e-4;

var<workgroup> listed: atomic<u32>;
var<workgroup> list: array<u32, TRIANGLES>;

fn touches(t: Triangle, lo: vec2<f32>, hi: vec2<f32>) -> bool {
    let first = t.a + min(min(t.ab, t.ac), vec2<f32>(0.0));
    let last = t.a + max(max(t.ab, t.ac), vec2<f32>(0.0));
    return t.area != 0.0 && all(first <= hi) && all(last >= lo);
}

@compute @workgroup_size(TILE, TILE)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(global_invocation_id) pixel: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let base = select(0u, TRIANGLES, HULL);
    let lo = vec2<f32>(tile.xy * TILE);
    if lane == 0u {
        atomicStore(&listed, 0u);
    }
    workgroupBarrier();
    for (var t = lane; t < TRIANGLES; t += TILE * TILE) {
        if touches(triangles[base + t], lo, lo + f32(TILE - 1u)) {
            list[atomicAdd(&listed, 1u)] = t;
        }
    }
    workgroupBarrier();
    if any(pixel.xy >= vec2<u32>(input.side)) {
        return;
    }
    var best = Texel(0.0, 0.0, UNCOVERED);
    var depth = 3e38;
    // Nothing is ever painted on the canvas' outermost ring.
    let inside = all(pixel.xy > vec2<u32>(0u)) && all(pixel.xy < vec2<u32>(input.side - 1u));
    let count = select(0u, atomicLoad(&listed), inside);
    for (var k = 0u; k < count; k += 1u) {
        let number = list[k];
        let t = triangles[base + number];
        let p = vec2<f32>(pixel.xy) - t.a;
        let u = perp_dot(p, t.ac) / t.area;
        let v = perp_dot(t.ab, p) / t.area;
        let covers = u >= INCLUSIVE && v >= INCLUSIVE && u + v <= 1.0 - INCLUSIVE;
        // Equally near ones: the last, whatever the order of the list.
        let nearer = t.depth < depth || (t.depth == depth && (best.triangle == UNCOVERED || number > best.triangle));
        if covers && nearer {
            best = Texel(u, v, number);
            depth = t.depth;
        }
    }
    texels[pixel.y * input.side + pixel.x] = best;
}
