// One face's state on the device (Rust: path::gpu::face::{FaceInput, Face}). x is right, y down, z away from the viewer.
const POINTS = 468u;
const TRIANGLES = 898u;
// Corners of the right eye, the left eye, the outer and the inner lips, in this order.
const RING_CORNERS = 72u;

// Written by the CPU once a frame. A map is two columns and a shift: x * p.x + y * p.y + origin.
struct FaceInput {
    // landmark-net input pixels to frame pixels
    region_x: vec2<f32>,
    region_y: vec2<f32>,
    region_origin: vec2<f32>,
    // since `previous` was made; 0 when there is none
    elapsed_secs: f32,
    // 0 none to 1 strongest
    smoothing: f32,
    // sides of crop and canvas, pixels
    crop: u32,
    side: u32,
    // which of a candidate's levels fits this canvas
    level: u32,
    // width of the hull mask's soft edge, canvas pixels
    feather: f32,
    // how much of the identity's shape and eyes is shown, 0 to 1
    shape: f32,
    eyes: f32,
    // presence logit from which the face is painted
    least_presence: f32,
    // side of a cell of the light's grid, canvas pixels
    cell: u32,
    // [468] smoothed landmarks of the last frame, frame pixels, and their speed a second
    previous: array<vec4<f32>, POINTS>,
    previous_speed: array<vec4<f32>, POINTS>,
}

// Made by the kernels track, pose, shape and triangles.
struct Face {
    // 1 when the face is to be painted, else 0
    gate: f32,
    // 0 to 1
    presence: f32,
    // in the frame, degrees
    yaw: f32,
    pitch: f32,
    roll: f32,
    // canvas pixels per cm of the canonical head
    scale: f32,
    // how much of the identity's right and left eye is shown
    eye_shares: vec2<f32>,
    canvas_from_frame_x: vec2<f32>,
    canvas_from_frame_y: vec2<f32>,
    canvas_from_frame_origin: vec2<f32>,
    frame_from_canvas_x: vec2<f32>,
    frame_from_canvas_y: vec2<f32>,
    frame_from_canvas_origin: vec2<f32>,
    // the part of the canvas that the guide is made on: first column and row, columns, rows
    window: vec4<u32>,
    // chosen candidates and their weights
    candidates: vec2<u32>,
    candidate_weights: vec2<f32>,
    // the candidates' photo levels: first texel, side, bits of the scale from the photo's own pixels
    levels: array<vec4<u32>, 2>,
    // canonical axes to camera axes, columns
    rotation: array<vec4<f32>, 3>,
    // [468] as the network said and after the filter, frame pixels; speed of the latter, pixels a second
    raw: array<vec4<f32>, POINTS>,
    smoothed: array<vec4<f32>, POINTS>,
    speed: array<vec4<f32>, POINTS>,
    // [468] canvas pixels; after the shape exchange, with the confidence as w; without the pose, cm
    points: array<vec4<f32>, POINTS>,
    moved: array<vec4<f32>, POINTS>,
    normalised: array<vec4<f32>, POINTS>,
    // corners of the moved rings; their boxes (left, top, right, bottom)
    rings: array<vec2<f32>, RING_CORNERS>,
    ring_boxes: array<vec4<f32>, 4>,
}

// 0 up to `low`, 1 from `high` on, smooth between.
fn rise(low: f32, high: f32, x: f32) -> f32 {
    let t = clamp((x - low) / (high - low), 0.0, 1.0);
    return t * t * (3.0 - 2.0 * t);
}

fn perp_dot(a: vec2<f32>, b: vec2<f32>) -> f32 {
    return a.x * b.y - a.y * b.x;
}
