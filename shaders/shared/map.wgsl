// Shapes of the first input and of the output, and what an operation needs beside them.
struct MapParams {
    in_c: u32,
    in_h: u32,
    in_w: u32,
    out_c: u32,
    out_h: u32,
    out_w: u32,
    // block side, or first place in the output
    extra: u32,
    // epsilon, or length of the result
    factor: f32,
}

@group(0) @binding(0) var<uniform> p: MapParams;
