// Triangles of the mesh before (second half of the result) and after the shape exchange, and the confidence of each
// point. Twin of src/guide/density.rs. One workgroup.

//!import face
//!import triangle

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [898] packed corners
@group(0) @binding(1) var<storage, read> topology: array<u32>;
// [candidates, 898] signed areas of the photos' triangles, canvas sides squared
@group(0) @binding(2) var<storage, read> areas: array<f32>;
// [469]: where each point's triangles begin, and their end
@group(0) @binding(3) var<storage, read> fan_rows: array<u32>;
// triangles around each point
@group(0) @binding(4) var<storage, read> fans: array<u32>;
// [1]
@group(0) @binding(5) var<storage, read_write> face: Face;
// [2, 898]
@group(0) @binding(6) var<storage, read_write> triangles: array<Triangle>;

const LANES = 256u;
const RISE = vec2<f32>(0.2, 0.4);
const GAIN = 1.1;

// Quality times weight, and weight.
var<workgroup> qualities: array<vec2<f32>, TRIANGLES>;

fn triangle(a: vec3<f32>, b: vec3<f32>, c: vec3<f32>) -> Triangle {
    let ab = b.xy - a.xy;
    let ac = c.xy - a.xy;
    let area = perp_dot(ab, ac);
    // Written so that NaN draws nothing.
    let drawn = abs(area) >= 1e-6 && abs(area) < 1e30;
    return Triangle(a.xy, ab, ac, select(0.0, area, drawn), a.z + b.z + c.z);
}

fn quality(t: u32, own: f32) -> f32 {
    let first = areas[face.candidates.x * TRIANGLES + t] * face.candidate_weights.x;
    let second = areas[face.candidates.y * TRIANGLES + t] * face.candidate_weights.y;
    let texture = first + second;
    if texture <= 0.0 || own <= 0.0 {
        return 0.0;
    }
    return clamp((texture / own - RISE.x) / RISE.y, 0.0, 1.0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    for (var t = lane; t < TRIANGLES; t += LANES) {
        let i = corners(topology[t]);
        let seen = triangle(face.moved[i.x].xyz, face.moved[i.y].xyz, face.moved[i.z].xyz);
        triangles[t] = seen;
        triangles[TRIANGLES + t] = triangle(face.points[i.x].xyz, face.points[i.y].xyz, face.points[i.z].xyz);
        let side = f32(input.side);
        let own = -0.5 * seen.area / (side * side);
        qualities[t] = abs(own) * vec2<f32>(quality(t, own), 1.0);
    }
    workgroupBarrier();
    for (var i = lane; i < POINTS; i += LANES) {
        var sums = vec2<f32>(0.0);
        for (var k = fan_rows[i]; k < fan_rows[i + 1u]; k += 1u) {
            sums += qualities[fans[k]];
        }
        face.moved[i].w = min(sums.x / max(sums.y, 1e-30) * GAIN, 1.0);
    }
}
