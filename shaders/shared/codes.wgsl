// Reading a frame's samples.

//!import frame
//!import affine

// packed planes, four bytes a word
@group(0) @binding(1) var<storage, read> codes: array<u32>;

fn code(channel: u32, x: u32, y: u32) -> f32 {
    let s = frame.samples[channel];
    let byte = s.x + y * s.y + x * s.z;
    return f32((codes[byte / 4u] >> (8u * (byte % 4u))) & 255u);
}
