// Where an invocation stands among the subgroups that the driver made.
struct Place {
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) lanes: u32,
}

fn subgroup_of(place: Place) -> u32 {
    return place.subgroup;
}

fn lane_of(place: Place) -> u32 {
    return place.lane;
}

fn lanes_of(place: Place) -> u32 {
    return place.lanes;
}
