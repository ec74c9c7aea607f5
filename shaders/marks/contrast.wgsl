// What is read of each cell, and how much that grows with its residual. Twin of Contrast::measure in
// src/marks/watermark/contrast.rs. An invocation makes one cell of any level.

//!import cells
//!import room

// [cells] codes
@group(0) @binding(0) var<storage, read> residuals: array<f32>;
// [cells]: contrast, its slope
@group(0) @binding(1) var<storage, read_write> contrasts: array<vec2<f32>>;

// Half the side of the square over which "usual" is measured, in cells.
override AROUND: u32 = 0u;
// Larger contrasts count as this.
override MOST_CONTRAST: f32 = 0.0;
// By level, added to the mean square residual.
override FINE_FLOOR: f32 = 1.0;
override COARSE_FLOOR: f32 = 1.0;

// Mean of the squared residuals around `at`, cut at the edges.
fn mean_square(level: Level, at: vec2<u32>) -> f32 {
    let start = max(at, vec2<u32>(AROUND)) - AROUND;
    let end = min(at + AROUND + 1u, level.size);
    var sum = 0.0;
    for (var y = start.y; y < end.y; y++) {
        for (var x = start.x; x < end.x; x++) {
            let residual = residuals[level.first + y * level.size.x + x];
            sum += residual * residual;
        }
    }
    return sum / f32((end.x - start.x) * (end.y - start.y));
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= cell_count() {
        return;
    }
    let level = level_of(id.x);
    let least = select(FINE_FLOOR, COARSE_FLOOR, level.index == 1u);
    let usual = sqrt(mean_square(level, place_of(level, id.x)) + least);
    let value = clamp(residuals[id.x] / usual, -MOST_CONTRAST, MOST_CONTRAST);
    contrasts[id.x] = vec2<f32>(value, 1.0 / usual) * room(usual) / usual;
}
