// How strong each group must be at each level. Twin of Embedder::decide in src/marks/watermark/embed.rs: all groups get
// the same margin, the largest that the budget allows; a group's levels share what it costs so that most of it is
// kept.
// One workgroup, an invocation for each group.

//!import reduce
//!import mark
//!import cells

// [1]
@group(0) @binding(0) var<uniform> mark: MarkParams;
// [GROUPS]: 1 or -1
@group(0) @binding(1) var<storage, read> wanted: array<f32>;
// [2, GROUPS]: contrast with its sign, room times slope, squared room, squared share of the room
@group(0) @binding(2) var<storage, read> sums: array<vec4<f32>>;
// [2, GROUPS]: factors on the room of the group's cells, with the wanted sign
@group(0) @binding(3) var<storage, read_write> strengths: array<f32>;

override GROUPS: u32 = 1u;
override LEAST_STRENGTH: f32 = 0.0;
override MOST_STRENGTH: f32 = 0.0;
// Mean square change that is allowed in a bright frame, squared codes.
override BUDGET: f32 = 0.0;
// From which mean square share of the room on a frame counts as bright.
override LIT: f32 = 1.0;
// No margin is larger; and how often the interval from 0 on is halved.
override MOST_MARGIN: f32 = 0.0;
override HALVINGS: u32 = 0u;

struct Group {
    // its sum, positive where it is as wanted
    have: f32,
    // by level: what a strength of 1 adds to the sum, and to the frame's mean square change
    gain: vec2<f32>,
    cost: vec2<f32>,
}

fn strength(group: Group, margin: f32) -> vec2<f32> {
    let part = mark.kept.xy * group.gain / group.cost;
    let need = (margin - group.have) / dot(group.gain, part);
    return clamp(need * part, vec2<f32>(LEAST_STRENGTH), vec2<f32>(MOST_STRENGTH));
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    let g = min(lane, GROUPS - 1u);
    let of_fine = sums[g];
    let of_coarse = sums[GROUPS + g];
    let gain = vec2<f32>(of_fine.y, of_coarse.y) * mark.response.xy;
    let group = Group(wanted[g] * (of_fine.x + of_coarse.x), gain, vec2<f32>(of_fine.z, of_coarse.z) * mark.energy.xy);
    // The other invocations cost nothing.
    let counted = select(0.0, 1.0, lane < GROUPS);
    let lit = workgroup_sum(lane, counted * of_fine.w) / f32(fine().size.x * fine().size.y);
    let budget = BUDGET * min(lit / LIT, 1.0);
    var low = 0.0;
    var high = MOST_MARGIN;
    for (var i = 0u; i < HALVINGS; i++) {
        let middle = 0.5 * (low + high);
        let each = strength(group, middle);
        let spent = workgroup_sum(lane, counted * dot(each * each, group.cost));
        high = select(high, middle, spent > budget);
        low = select(middle, low, spent > budget);
    }
    if lane < GROUPS {
        let each = wanted[g] * strength(group, low);
        strengths[g] = each.x;
        strengths[GROUPS + g] = each.y;
    }
}
