// How many codes a cell may be changed by, up to a common factor. Twin of room in src/marks/watermark/contrast.rs.
override ROOM_BASE: f32 = 0.0;
override ROOM_GAIN: f32 = 0.0;

// `texture` is the standard deviation of its pixels.
fn room(texture: f32) -> f32 {
    return ROOM_BASE + ROOM_GAIN * texture;
}
