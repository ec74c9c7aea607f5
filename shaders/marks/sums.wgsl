// Sums over the cells of each group at each level: what it has, what its strength gains, what that costs, and how much
// dark cells take. Twin of the sums in Embedder::decide, src/marks/watermark/embed.rs. A workgroup sums one group's
// cells of one level.

//!import reduce4
//!import room

// [2 x groups + 1]: by level and group, where its cells begin in `members`; the end of the last
@group(0) @binding(0) var<storage, read> starts: array<u32>;
// [cells]: a cell's number, twice, and one more if its sign is negative
@group(0) @binding(1) var<storage, read> members: array<u32>;
// [cells]: mean luma in codes, room in codes
@group(0) @binding(2) var<storage, read> cells: array<vec2<f32>>;
// [cells]: contrast, its slope
@group(0) @binding(3) var<storage, read> contrasts: array<vec2<f32>>;
// [2, groups]: contrast with its sign, room times slope, squared room, squared share of the room
@group(0) @binding(4) var<storage, read_write> sums: array<vec4<f32>>;

@compute @workgroup_size(LANES4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let end = starts[group.x + 1u];
    var sum = vec4<f32>(0.0);
    for (var k = starts[group.x] + lane; k < end; k += LANES4) {
        let cell = members[k] >> 1u;
        let own = cells[cell].y;
        let taken = room_share(cells[cell].x);
        let contrast = contrasts[cell];
        let known = select(contrast.x, -contrast.x, (members[k] & 1u) == 1u);
        sum += vec4<f32>(known, own * contrast.y, own * own, taken * taken);
    }
    sum = workgroup_sum4(lane, sum);
    if lane == 0u {
        sums[group.x] = sum;
    }
}
