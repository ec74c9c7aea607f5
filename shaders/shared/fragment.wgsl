enable wgpu_cooperative_matrix;
//!import subgroup
//!import fragment_size

// Fragments on the matrix units. Weights are stored by rows, pixels by columns.

// The fragment of weights that begins at quad `at` of its tile.
fn load_a(at: u32) -> FragmentA {
    return coopLoadT<FragmentA>(&a_tile[at], ROW);
}

// The fragment of pixels that begins at quad `at` of its tile.
fn load_b(at: u32) -> FragmentB {
    return coopLoad<FragmentB>(&b_tile[at], ROW);
}

fn multiply_add(a: FragmentA, b: FragmentB, c: FragmentC, place: Place) -> FragmentC {
    return coopMultiplyAdd(a, b, c);
}

fn store_c(c: FragmentC, at: u32, place: Place) {
    coopStoreT(c, &c_tile[at], FRAGMENT);
}
