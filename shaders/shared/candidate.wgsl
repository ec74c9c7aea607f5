// Sizes of canvas that a candidate is prepared for (Rust: path::gpu::face::SIZES).
const SIZES = 4u;

// A photo of the identity or its mirror image (Rust: path::gpu::face::CandidateHead).
struct Candidate {
    // degrees, as shown
    yaw: f32,
    // 1 for a mirror image, else 0
    mirrored: f32,
    // openings of the right and the left eye
    eyes: vec2<f32>,
    // for each size of canvas: first texel, side, bits of the scale from the photo's own pixels, 0
    levels: array<vec4<u32>, SIZES>,
}
