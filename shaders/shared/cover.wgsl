// How a canvas pixel takes part in the guide.
struct Cover {
    // share of the guide
    mask: f32,
    // 1 where skin may be seen, 0 on eyes, mouth and beyond the edge
    skin: f32,
    // share of the rim's colour correction
    rim: f32,
}
