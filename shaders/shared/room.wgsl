// How many codes a cell may be changed by, up to a common factor. Twin of room and share
// in src/marks/watermark/contrast.rs.
override ROOM_BASE: f32 = 0.0;
override ROOM_GAIN: f32 = 0.0;
// A cell as bright as this, in codes, takes all of its room; one of code 0 this share.
override BRIGHT: f32 = 1.0;
override DARK_SHARE: f32 = 1.0;

// `texture` is the standard deviation of its pixels.
fn room(texture: f32) -> f32 {
    return ROOM_BASE + ROOM_GAIN * texture;
}

// Of a cell's room, by its mean luma.
fn room_share(mean: f32) -> f32 {
    return min(DARK_SHARE + (1.0 - DARK_SHARE) / BRIGHT * mean, 1.0);
}
