// Fragments of 16 x 16 without matrix units: for tests of everything around them. A factor is read only when it meets
// another, so its tile must not change before; lanes share a fragment of sums evenly.
const FRAGMENT = 16u;
alias FragmentA = u32;
alias FragmentB = u32;
alias FragmentC = array<f32, FRAGMENT * FRAGMENT / LANES>;

struct Place {
    @builtin(local_invocation_index) index: u32,
}

fn subgroup_of(place: Place) -> u32 {
    return place.index / LANES;
}

fn lane_of(place: Place) -> u32 {
    return place.index % LANES;
}

fn lanes_of(place: Place) -> u32 {
    return LANES;
}

fn load_a(at: u32) -> FragmentA {
    return at;
}

fn load_b(at: u32) -> FragmentB {
    return at;
}

fn multiply_add(a: FragmentA, b: FragmentB, c: FragmentC, place: Place) -> FragmentC {
    var sums = c;
    for (var i = 0u; i < FRAGMENT * FRAGMENT / LANES; i++) {
        let at = lane_of(place) + i * LANES;
        for (var k = 0u; k < FRAGMENT / 4u; k++) {
            let x = vec4<f32>(a_tile[a + at / FRAGMENT * ROW + k]);
            let y = vec4<f32>(b_tile[b + at % FRAGMENT * ROW + k]);
            sums[i] += dot(x, y);
        }
    }
    return sums;
}

fn store_c(c: FragmentC, at: u32, place: Place) {
    var sums = c;
    for (var i = 0u; i < FRAGMENT * FRAGMENT / LANES; i++) {
        c_tile[at + lane_of(place) + i * LANES] = sums[i];
    }
}
