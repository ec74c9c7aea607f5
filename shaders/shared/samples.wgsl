// Which sample a byte of a plane is.

//!import frame

// The channel that byte `byte` of a row of `plane` belongs to, and its column; channel 3 is none.
fn sample_of(plane: u32, byte: u32) -> vec2<u32> {
    for (var channel = 0u; channel < 3u; channel++) {
        let first = frame.counts[channel].z;
        if frame.samples[channel].w != plane || byte < first {
            continue;
        }
        let step = frame.samples[channel].z;
        let x = (byte - first) / step;
        if x * step == byte - first && x < frame.counts[channel].x {
            return vec2<u32>(channel, x);
        }
    }
    return vec2<u32>(3u, 0u);
}
