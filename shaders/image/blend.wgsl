// Pastes a canvas back into the frame's own planes: code += mask * strength * (canvas - code), rounded to nearest.
// Bytes whose mask is zero, whose canvas is no number, and bytes that are no samples, stay as they are. An invocation makes one word (x) of one
// row (y, over all planes): whole words are the smallest thing that no two invocations share.

//!import frame
//!import samples
//!import affine
//!import finite

// packed planes, four bytes a word
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
// six numbers from MAP on: canvas pixels from frame pixels; at GATE: whether to paint at all
@group(0) @binding(2) var<storage, read> place: array<f32>;
// [3, SIDE, SIDE] RGB
@group(0) @binding(3) var<storage, read> canvas: array<f32>;
// [SIDE, SIDE]
@group(0) @binding(4) var<storage, read> hull: array<f32>;
// [1]: becomes 1 when there is something to paint
@group(0) @binding(5) var<storage, read_write> painted: array<u32>;

override SIDE: u32 = 1u;
override MAP: u32 = 0u;
override GATE: u32 = 6u;

fn pixel(x: u32, y: u32) -> vec4<f32> {
    let i = y * SIDE + x;
    return vec4<f32>(canvas[i], canvas[SIDE * SIDE + i], canvas[2u * SIDE * SIDE + i], hull[i]);
}

// R, G, B and the mask at canvas position `p`; nothing is shown outside.
fn shown(p: vec2<f32>) -> vec4<f32> {
    let last = f32(SIDE - 1u);
    if !(p.x >= 0.0 && p.y >= 0.0 && p.x < last && p.y < last) {
        return vec4<f32>(0.0);
    }
    let at = vec2<u32>(p);
    let f = p - vec2<f32>(at);
    let top = mix(pixel(at.x, at.y), pixel(at.x + 1u, at.y), f.x);
    let bottom = mix(pixel(at.x, at.y + 1u), pixel(at.x + 1u, at.y + 1u), f.x);
    return mix(top, bottom, f.y);
}

// The plane of row `row`.
fn plane_of(row: u32) -> u32 {
    var plane = 0u;
    for (var i = 1u; i < 3u; i++) {
        if frame.planes[i].w > 0u && row >= frame.planes[i].z {
            plane = i;
        }
    }
    return plane;
}

// `old` after blending, as an integer.
fn blended(old: u32, code: f32, weight: f32) -> u32 {
    let v = f32(old);
    return u32(clamp(v + (code - v) * weight + 0.5, 0.0, 255.0));
}

@compute @workgroup_size(32, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.y >= frame.size.w || place[GATE] < 0.5 {
        return;
    }
    if all(id.xy == vec2<u32>(0u)) {
        painted[0] = 1u;
    }
    let plane = plane_of(id.y);
    let rows = frame.planes[plane];
    if id.x >= rows.y {
        return;
    }
    let y = id.y - rows.z;
    let axes = vec4<f32>(place[MAP], place[MAP + 1u], place[MAP + 2u], place[MAP + 3u]);
    let shift = vec2<f32>(place[MAP + 4u], place[MAP + 5u]);
    let before = codes[rows.x + y * rows.y + id.x];
    var after = before;
    var at = vec2<f32>(-1.0);
    var rgbm = vec4<f32>(0.0);
    for (var byte = 0u; byte < 4u; byte++) {
        let s = sample_of(plane, 4u * id.x + byte);
        if s.x == 3u {
            continue;
        }
        let site = frame.sites[s.x];
        let p = site.xy + site.zw * vec2<f32>(f32(s.y), f32(y));
        if any(p != at) {
            at = p;
            rgbm = shown(affine(axes, shift, p));
        }
        let weight = rgbm.w * frame.look.x;
        if weight <= 0.0 {
            continue;
        }
        let code = dot(frame.codes_from_rgb[s.x], vec4<f32>(rgbm.xyz, 1.0));
        if !is_finite(code) {
            continue;
        }
        let mixed = blended((before >> (8u * byte)) & 255u, code, weight);
        after = (after & ~(255u << (8u * byte))) | (mixed << (8u * byte));
    }
    if after != before {
        codes[rows.x + y * rows.y + id.x] = after;
    }
}
