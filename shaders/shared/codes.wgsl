// Reading a frame's samples.

//!import frame
//!import affine

// packed planes, four bytes a word
@group(0) @binding(1) var<storage, read> codes: array<u32>;

fn byte_at(channel: u32, x: u32, y: u32) -> u32 {
    let s = frame.samples[channel];
    let byte = s.x + y * s.y + x * s.z;
    return (codes[byte / 4u] >> (8u * (byte % 4u))) & 255u;
}

fn code(channel: u32, x: u32, y: u32) -> f32 {
    return f32(byte_at(channel, x, y));
}
