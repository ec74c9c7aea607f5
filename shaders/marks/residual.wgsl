// How much brighter each cell is than its neighbours: second differences along both axes. Twin of residual in
// src/marks/watermark/contrast.rs. An invocation makes one cell of any level.

//!import cells

// [cells]: mean luma in codes, room in codes
@group(0) @binding(0) var<storage, read> cells: array<vec2<f32>>;
// [cells] codes
@group(0) @binding(1) var<storage, read_write> residuals: array<f32>;

// The columns or rows before and after `at`, edges repeated.
fn beside(at: u32, count: u32) -> vec2<u32> {
    return vec2<u32>(max(at, 1u) - 1u, min(at + 1u, count - 1u));
}

fn across(level: Level, x: u32, y: u32) -> f32 {
    let row = level.first + y * level.size.x;
    let near = beside(x, level.size.x);
    return cells[row + x].x - 0.5 * (cells[row + near.x].x + cells[row + near.y].x);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= cell_count() {
        return;
    }
    let level = level_of(id.x);
    let at = place_of(level, id.x);
    let near = beside(at.y, level.size.y);
    let around = across(level, at.x, near.x) + across(level, at.x, near.y);
    residuals[id.x] = across(level, at.x, at.y) - 0.5 * around;
}
