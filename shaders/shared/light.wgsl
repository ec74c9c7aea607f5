// The colour match (Rust: src/guide/light.rs). Cells: [128, 128], of which each grid uses the upper left part.
const GRID = 128u;
const CELLS = 16384u;
// Workgroups that share the sums over the window.
const SUM_GROUPS = 64u;
const LIGHT_SIGMA = 18.0;
const RIM_SIGMA = 8.0;
const LIGHT = 0.5;

struct Light {
    // lightness of the target's skin, how far it may be from that, and the same of the guide
    usual: vec4<f32>,
    // L*, a*, b* that bring the guide's skin to the target's; gain.w is 0 when there is nothing to compare
    gain: vec4<f32>,
    offset: vec4<f32>,
    // colour difference target - guide after gain and offset, low-passed; what is left of it near the rim
    wide: array<vec4<f32>, CELLS>,
    near: array<vec4<f32>, CELLS>,
}

// Of one picture's skin: mean L*, a*, b* and weight; summed squares around that mean.
struct Moments {
    mean: vec4<f32>,
    squares: vec4<f32>,
}

// 1 for lightness that is usual for skin, else 0.
fn usual(range: vec2<f32>, lightness: f32) -> f32 {
    return select(0.0, 1.0, abs(lightness - range.x) <= range.y);
}

// Standard deviation in cells of a filter given in crop 256ths.
fn cell_sigma(sigma: f32, crop: u32, cell: u32) -> f32 {
    return sigma * f32(crop) / 256.0 / f32(cell);
}

// Columns and rows of the grid over a window of `size` pixels.
fn grid(size: vec2<u32>, cell: u32) -> vec2<u32> {
    return (size + cell - 1u) / cell;
}
