// What the frame before says of where the face is now, for a frame that is submitted before that one was read: the
// region to look at and the filter's history. A face that was not painted keeps what it had. Twin of src/region.rs and
// of Track::update. One workgroup.

//!import face

// [1]
@group(0) @binding(0) var<storage, read_write> input: FaceInput;
// [1]: of the frame before
@group(0) @binding(1) var<storage, read> face: Face;

const LANES = 256u;
// See src/region.rs.
const ENLARGE = 1.5;
// Side of the landmark net's input in pixels.
const SIDE = 192.0;

var<workgroup> low: array<vec2<f32>, LANES>;
var<workgroup> high: array<vec2<f32>, LANES>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
    let painted = face.gate > 0.5;
    // The direction from eye to eye: level points turned by it stand as the face does.
    let eyes = face.smoothed[263].xy - face.smoothed[33].xy;
    let apart = length(eyes);
    let level = select(vec2<f32>(1.0, 0.0), eyes / apart, apart > 0.0);
    var lo = vec2<f32>(3.4e38);
    var hi = vec2<f32>(-3.4e38);
    for (var i = lane; i < POINTS; i += LANES) {
        let p = face.smoothed[i].xy;
        let turned = vec2<f32>(dot(level, p), perp_dot(level, p));
        lo = min(lo, turned);
        hi = max(hi, turned);
        if painted {
            input.previous[i] = face.smoothed[i];
            input.previous_speed[i] = face.speed[i];
        }
    }
    low[lane] = lo;
    high[lane] = hi;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            low[lane] = min(low[lane], low[lane + half]);
            high[lane] = max(high[lane], high[lane + half]);
        }
        workgroupBarrier();
    }
    if lane == 0u && painted {
        let size = high[0] - low[0];
        let middle = (high[0] + low[0]) / 2.0;
        let x = level * (max(size.x, size.y) * ENLARGE / SIDE);
        let y = vec2<f32>(-x.y, x.x);
        let centre = level * middle.x + vec2<f32>(-level.y, level.x) * middle.y;
        input.region_x = x;
        input.region_y = y;
        input.region_origin = centre - (x + y) * (SIDE / 2.0);
    }
}
