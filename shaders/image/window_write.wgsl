// What a generator made, bilinear onto the canvas. A guided generator's change is added to the canvas, which holds
// the guide; another one's picture replaces it. An invocation changes one pixel (x, y) of one channel (z).

//!import window

// [3, HEIGHT, WIDTH]: what the network made
@group(0) @binding(0) var<storage, read> made: array<f32>;
// [3, HEIGHT, WIDTH]: the guide that the network saw; anything when GUIDED is 0
@group(0) @binding(1) var<storage, read> seen: array<f32>;
// [3, SIDE, SIDE]
@group(0) @binding(2) var<storage, read_write> canvas: array<f32>;

override GUIDED: u32 = 0u;

// Places of a canvas column or row in the window: two indices, the weight of the second, and how much of the window
// is there at all (it ends half a window pixel outside the outer centres).
struct Tap {
    near: u32,
    far: u32,
    f: f32,
    cover: f32,
}

fn tap(at: u32, start: u32, n: u32) -> Tap {
    let v = (f32(at) + 0.5 - f32(start)) / f32(RATIO) - 0.5;
    let cover = clamp(v + 1.0, 0.0, 1.0) * clamp(f32(n) - v, 0.0, 1.0);
    let inside = clamp(v, 0.0, f32(n - 1u));
    let near = min(u32(inside), n - 1u);
    return Tap(near, min(near + 1u, n - 1u), inside - f32(near), cover);
}

fn change(channel: u32, y: u32, x: u32) -> f32 {
    let i = (channel * HEIGHT + y) * WIDTH + x;
    return select(made[i], made[i] - seen[i], GUIDED == 1u);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SIDE || id.y >= SIDE {
        return;
    }
    let column = tap(id.x, LEFT, WIDTH);
    let row = tap(id.y, TOP, HEIGHT);
    let cover = column.cover * row.cover;
    if cover <= 0.0 {
        return;
    }
    let top = mix(change(id.z, row.near, column.near), change(id.z, row.near, column.far), column.f);
    let bottom = mix(change(id.z, row.far, column.near), change(id.z, row.far, column.far), column.f);
    let i = (id.z * SIDE + id.y) * SIDE + id.x;
    let kept = select(1.0 - cover, 1.0, GUIDED == 1u);
    canvas[i] = canvas[i] * kept + mix(top, bottom, row.f) * cover;
}
