// Shape exchange: the target's mesh takes on the identity's face shape. Twin of src/guide/{shape,window}.rs. One
// workgroup.

//!import face

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [469]: where each point's entries begin, and their end
@group(0) @binding(1) var<storage, read> kernel_rows: array<u32>;
// neighbour, bits of its weight
@group(0) @binding(2) var<storage, read> kernel_entries: array<vec2<u32>>;
// [candidates, 468]: smoothed shapes, cm
@group(0) @binding(3) var<storage, read> shapes: array<vec4<f32>>;
// [72]: mesh points of the rings' corners
@group(0) @binding(4) var<storage, read> ring_points: array<u32>;
// [1]
@group(0) @binding(5) var<storage, read_write> face: Face;

const LANES = 256u;
const FLIP = vec3<f32>(1.0, -1.0, -1.0);
// Where each ring begins in ring_points, and the end of the last.
const RINGS = array<u32, 5>(0u, 16u, 32u, 52u, 72u);

// Least x, least y, least -x, least -y.
var<workgroup> least: array<vec4<f32>, LANES>;

fn moved(i: u32) -> vec3<f32> {
    var own = vec3<f32>(0.0);
    for (var k = kernel_rows[i]; k < kernel_rows[i + 1u]; k += 1u) {
        let entry = kernel_entries[k];
        own += face.normalised[entry.x].xyz * bitcast<f32>(entry.y);
    }
    let first = shapes[face.candidates.x * POINTS + i].xyz * face.candidate_weights.x;
    let second = shapes[face.candidates.y * POINTS + i].xyz * face.candidate_weights.y;
    let rotation = mat3x3<f32>(face.rotation[0].xyz, face.rotation[1].xyz, face.rotation[2].xyz);
    let shift = rotation * ((first + second - own) * (input.shape * face.scale));
    return face.points[i].xyz + shift * FLIP;
}

// The smallest window around the mesh, a pixel wider on each side, without the canvas' outermost ring.
fn window(bounds: vec4<f32>) -> vec4<u32> {
    let limit = f32(input.side) - 1.0;
    let first = clamp(floor(bounds.xy) - 1.0, vec2<f32>(1.0), vec2<f32>(limit));
    let last = clamp(ceil(-bounds.zw) + 2.0, vec2<f32>(1.0), vec2<f32>(limit));
    return vec4<u32>(vec2<u32>(first), vec2<u32>(max(last - first, vec2<f32>(0.0))));
}

fn box(ring: u32) -> vec4<f32> {
    var bounds = vec4<f32>(1e30);
    for (var k = RINGS[ring]; k < RINGS[ring + 1u]; k += 1u) {
        let p = face.moved[ring_points[k]].xy;
        bounds = min(bounds, vec4<f32>(p, -p));
    }
    return bounds * vec4<f32>(1.0, 1.0, -1.0, -1.0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var bounds = vec4<f32>(1e30);
    for (var i = lane; i < POINTS; i += LANES) {
        let p = moved(i);
        face.moved[i] = vec4<f32>(p, 0.0);
        bounds = min(bounds, vec4<f32>(p.xy, -p.xy));
    }
    least[lane] = bounds;
    storageBarrier();
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if lane < half {
            least[lane] = min(least[lane], least[lane + half]);
        }
        workgroupBarrier();
    }
    if lane < RING_CORNERS {
        face.rings[lane] = face.moved[ring_points[lane]].xy;
    }
    if lane < 4u {
        face.ring_boxes[lane] = box(lane);
    }
    if lane == 0u {
        // What is no face has no window: whatever its numbers are, nothing walks over them.
        face.window = select(vec4<u32>(0u), window(least[0]), face.gate == 1.0);
    }
}
