// Operations that make each output from a few inputs: an invocation makes one pixel (x) of one channel (y).

//!import elem
//!import map

// [in_c, in_h, in_w]
@group(0) @binding(1) var<storage, read> input: array<elem>;
// [out_c, out_h, out_w]
@group(0) @binding(2) var<storage, read_write> output: array<elem>;

fn at(c: u32, y: u32, x: u32) -> elem {
    return input[(c * p.in_h + y) * p.in_w + x];
}
