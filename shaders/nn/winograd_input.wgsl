// Winograd's input transform: an invocation makes one tile (x) of one channel (y). With UPSAMPLE the map is read as if
// it had been upsampled by 2 (shared/upsampled.wgsl) first.

//!import elem
//!import winograd
//!import tap

override UPSAMPLE: bool = false;

// [in_c, in_h, in_w], or half as high and wide with UPSAMPLE
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [16, fan, columns], zero where padded
@group(0) @binding(2) var<storage, read_write> spread: array<elem>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= p.columns {
        return;
    }
    let origin = vec2<i32>(corner(id.x)) - vec2<i32>(i32(p.pad_top), i32(p.pad_left));
    var d = mat4x4<f32>();
    if id.y < p.in_c {
        if UPSAMPLE {
            d = upsampled(id.y, origin);
        } else {
            d = patch_of(id.y, origin);
        }
    }
    // B^T d B; a row of d is a column here
    let v = transpose(mix(transpose(mix(d))));
    let at = id.y * p.columns + id.x;
    let step = p.fan * p.columns;
    write(at, step, v[0]);
    write(at + 4u * step, step, v[1]);
    write(at + 8u * step, step, v[2]);
    write(at + 12u * step, step, v[3]);
}

fn write(at: u32, step: u32, v: vec4<f32>) {
    spread[at] = stored(v.x);
    spread[at + step] = stored(v.y);
    spread[at + 2u * step] = stored(v.z);
    spread[at + 3u * step] = stored(v.w);
}

// B^T
fn mix(d: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
}

// The 4 x 4 inputs from `origin` on.
fn patch_of(c: u32, origin: vec2<i32>) -> mat4x4<f32> {
    let o = origin;
    return mat4x4<f32>(row(c, o.x, o.y), row(c, o.x + 1, o.y), row(c, o.x + 2, o.y), row(c, o.x + 3, o.y));
}

fn row(c: u32, y: i32, x: i32) -> vec4<f32> {
    return vec4<f32>(tap(c, y, x), tap(c, y, x + 1), tap(c, y, x + 2), tap(c, y, x + 3));
}

// The same of the map upsampled by 2, for an odd `origin`: three rows and columns of the map reach them all.
fn upsampled(c: u32, origin: vec2<i32>) -> mat4x4<f32> {
    let first = (origin - 1) / 2;
    let a = upsampled_row(c, first.x, origin.y, first.y);
    let b = upsampled_row(c, first.x + 1, origin.y, first.y);
    let e = upsampled_row(c, first.x + 2, origin.y, first.y);
    let y = origin.x + vec4<i32>(0, 1, 2, 3);
    let inside = vec4<f32>(y >= vec4<i32>() & y < vec4<i32>(i32(p.in_h)));
    return mat4x4<f32>(
        (0.75 * a + 0.25 * b) * inside.x,
        (0.75 * b + 0.25 * a) * inside.y,
        (0.75 * b + 0.25 * e) * inside.z,
        (0.75 * e + 0.25 * b) * inside.w,
    );
}

// Row y of the map at the upsampled columns x to x + 3, from its columns `first` to `first` + 2.
fn upsampled_row(c: u32, y: i32, x: i32, first: i32) -> vec4<f32> {
    let h = i32(p.in_h) / 2;
    let w = i32(p.in_w) / 2;
    let base = (i32(c) * h + clamp(y, 0, h - 1)) * w;
    let a = f32(input[base + clamp(first, 0, w - 1)]);
    let b = f32(input[base + clamp(first + 1, 0, w - 1)]);
    let e = f32(input[base + clamp(first + 2, 0, w - 1)]);
    let columns = x + vec4<i32>(0, 1, 2, 3);
    let inside = columns >= vec4<i32>() & columns < vec4<i32>(i32(p.in_w));
    let near = vec4<f32>(a, b, b, e);
    let far = vec4<f32>(b, a, e, b);
    return select(vec4<f32>(), 0.75 * near + 0.25 * far, inside);
}
