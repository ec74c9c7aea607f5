// Convolution as a matrix product without writing the unfolded matrix, for many input channels: kernel taps are
// outermost and channels inside, so that edges are looked at once a tap and the rest is one addition a slice. The next
// slice is fetched while the current one is multiplied.

//!import conv
//!import product

// [KERNEL * KERNEL, in_c padded to TILE_K, out_c padded to TILE], zero where padded; four channels an element
@group(0) @binding(2) var<storage, read> weight: array<vec4<elem>>;

@compute @workgroup_size(SIDE * SIDE)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) id: u32) {
    // Invocations past the last pixel repeat it and write nothing.
    let fetched = tile.x * TILE + id % QUADS * 4u;
    let pixel = min(fetched + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.out_h * p.out_w - 1u));
    let py = pixel / p.out_w;
    let y0 = vec4<i32>(py * STRIDE) - i32(p.pad_top);
    let x0 = vec4<i32>((pixel - py * p.out_w) * STRIDE) - i32(p.pad_left);

    let width = (p.out_c + TILE - 1u) / TILE * QUADS;
    var w = id / QUADS * width + tile.y * QUADS + id % QUADS;
    let slices = KERNEL * KERNEL * ((p.in_c + TILE_K - 1u) / TILE_K);
    var tap = 0u;
    var c = id / QUADS;
    var places = places_of(tap, y0, x0);
    var next = fetch(w, width, c, places);
    var sums = Sums();
    for (var slice = 1u; slice <= slices; slice++) {
        exchange(id, next);
        if slice < slices {
            w += TILE_K * width;
            c += TILE_K;
            if c - id / QUADS >= p.in_c {
                tap++;
                c = id / QUADS;
                places = places_of(tap, y0, x0);
            }
            next = fetch(w, width, c, places);
        }
        multiply(id / SIDE, id % SIDE, &sums);
    }

    let first_channel = tile.y * TILE + id / SIDE * 4u;
    let first_pixel = tile.x * TILE + id % SIDE * 4u;
    for (var i = 0u; i < 4u; i++) {
        store(first_channel + i, first_pixel, sums.a[i]);
        store(first_channel + i, first_pixel + TILE / 2u, sums.b[i]);
        store(first_channel + TILE / 2u + i, first_pixel, sums.c[i]);
        store(first_channel + TILE / 2u + i, first_pixel + TILE / 2u, sums.d[i]);
    }
}

// Where four pixels of an input channel lie under a tap.
fn places_of(tap: u32, y0: vec4<i32>, x0: vec4<i32>) -> vec4<i32> {
    let y = y0 + i32(tap / KERNEL);
    let x = x0 + i32(tap % KERNEL);
    return vec4<i32>(place(y.x, x.x), place(y.y, x.y), place(y.z, x.z), place(y.w, x.w));
}

fn fetch(w: u32, width: u32, c: u32, places: vec4<i32>) -> Fetched {
    let half = TILE_K / 2u;
    return Fetched(
        array(vec4<f32>(weight[w]), vec4<f32>(weight[w + half * width])),
        array(pixels(c, places), pixels(c + half, places)),
    );
}

// Channels past the last are zero: whatever lies behind the input must not meet a zero weight, for it may be no number.
fn pixels(c: u32, places: vec4<i32>) -> vec4<f32> {
    if c >= p.in_c {
        return vec4<f32>();
    }
    let at = vec4<u32>(max(places, vec4<i32>())) + c * p.in_h * p.in_w;
    let v = vec4<f32>(f32(input[at.x]), f32(input[at.y]), f32(input[at.z]), f32(input[at.w]));
    return select(v, vec4<f32>(), places < vec4<i32>());
}
