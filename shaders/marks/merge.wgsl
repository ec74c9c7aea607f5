// The mark of each fine cell, and with it that of the coarse ones around. Twin of the end of Embedder::decide and of
// Cells::merge in src/marks/watermark/embed.rs. An invocation makes one fine cell.

//!import cells
//!import cubic

// [cells]: a cell's group, twice, and one more if its sign is negative
@group(0) @binding(0) var<storage, read> key: array<u32>;
// [cells]: mean luma in codes, room in codes
@group(0) @binding(1) var<storage, read> cells: array<vec2<f32>>;
// [2, GROUPS]: factors on the room of the group's cells, with the wanted sign
@group(0) @binding(2) var<storage, read> strengths: array<f32>;
// [fine cells] codes
@group(0) @binding(3) var<storage, read_write> marks: array<f32>;

override GROUPS: u32 = 1u;

fn own(level: Level, place: vec2<u32>) -> f32 {
    let cell = level.first + place.y * level.size.x + place.x;
    let strength = strengths[level.index * GROUPS + (key[cell] >> 1u)];
    return select(strength, -strength, (key[cell] & 1u) == 1u) * cells[cell].y;
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let level = fine();
    if id.x >= level.size.x * level.size.y {
        return;
    }
    let place = place_of(level, id.x);
    let columns = cubic(place.x, level.size.x, coarse().size.x);
    let rows = cubic(place.y, level.size.y, coarse().size.y);
    var sum = own(level, place);
    for (var k = 0u; k < 4u; k++) {
        var row = vec4<f32>(0.0);
        for (var j = 0u; j < 4u; j++) {
            row[j] = own(coarse(), vec2<u32>(columns.cells[j], rows.cells[k]));
        }
        sum += rows.weights[k] * dot(columns.weights, row);
    }
    marks[id.x] = sum;
}
