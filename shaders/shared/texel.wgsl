// Marks a pixel that no triangle covers.
const UNCOVERED = 0xffffffffu;

// What is seen at one pixel of the canvas.
struct Texel {
    // weights of the triangle's second and third corner; the first has the rest
    u: f32,
    v: f32,
    // triangle number or UNCOVERED
    triangle: u32,
}
