// Head pose, and with it the photos to show. Twin of src/mesh/pose.rs and src/guide/select.rs. One workgroup.

//!import face
//!import reduce4
//!import candidate

// [1]
@group(0) @binding(0) var<storage, read> input: FaceInput;
// [468]: the canonical head in cm, and the weight in the fit
@group(0) @binding(1) var<storage, read> head: array<vec4<f32>>;
// [candidates]
@group(0) @binding(2) var<storage, read> candidates: array<Candidate>;
// [1]
@group(0) @binding(3) var<storage, read_write> face: Face;

const FLIP = vec3<f32>(1.0, -1.0, -1.0);
const MIRROR_PENALTY = 10.0;
const BEYOND = 4.0;
const BAND = 8.0;
const EYE_OPEN = vec2<f32>(0.18, 0.26);

// The rotation R with the largest trace of `R c`, columns of c: sum of w a b_j, where R takes a to b. Horn's symmetric
// matrix, made positive by a shift, is squared until only its largest eigenvalue is left: ten times raise it to the
// power of 1024, while the next one is at least a tenth smaller for anything like a head.
fn best_rotation(c: mat3x3<f32>) -> mat3x3<f32> {
    let trace = c[0].x + c[1].y + c[2].z;
    let d = vec3<f32>(c[2].y - c[1].z, c[0].z - c[2].x, c[1].x - c[0].y);
    let xy = c[1].x + c[0].y;
    let zx = c[0].z + c[2].x;
    let yz = c[2].y + c[1].z;
    let diagonal = vec4<f32>(trace, 2.0 * vec3<f32>(c[0].x, c[1].y, c[2].z) - trace);
    var m = mat4x4<f32>(
        vec4<f32>(diagonal.x, d),
        vec4<f32>(d.x, diagonal.y, xy, zx),
        vec4<f32>(d.y, xy, diagonal.z, yz),
        vec4<f32>(d.z, zx, yz, diagonal.w),
    );
    let bound = sqrt(dot(m[0], m[0]) + dot(m[1], m[1]) + dot(m[2], m[2]) + dot(m[3], m[3]));
    m[0].x += bound;
    m[1].y += bound;
    m[2].z += bound;
    m[3].w += bound;
    for (var k = 0u; k < 10u; k += 1u) {
        m = m * (1.0 / (m[0].x + m[1].y + m[2].z + m[3].w));
        m = m * m;
    }
    // Every column is a multiple of the eigenvector; the longest has the most digits.
    var q = m[0];
    q = select(q, m[1], m[1].y > max(m[0].x, 0.0));
    q = select(q, m[2], m[2].z > max(m[0].x, m[1].y));
    q = select(q, m[3], m[3].w > max(max(m[0].x, m[1].y), m[2].z));
    return from_quaternion(normalize(q));
}

// `q` holds w, x, y, z.
fn from_quaternion(q: vec4<f32>) -> mat3x3<f32> {
    let w = q.x;
    let v = q.yzw;
    let x = 2.0 * (v * v.x + w * vec3<f32>(0.0, v.z, -v.y));
    let y = 2.0 * (v * v.y + w * vec3<f32>(-v.z, 0.0, v.x));
    let z = 2.0 * (v * v.z + w * vec3<f32>(v.y, -v.x, 0.0));
    let s = 1.0 - 2.0 * dot(v, v);
    return mat3x3<f32>(x + vec3<f32>(s, 0.0, 0.0), y + vec3<f32>(0.0, s, 0.0), z + vec3<f32>(0.0, 0.0, s));
}

fn seen(i: u32) -> vec3<f32> {
    return face.points[i].xyz * FLIP;
}

fn apart(a: u32, b: u32) -> f32 {
    return distance(face.normalised[a].xyz, face.normalised[b].xyz);
}

// Openings of the right and the left eye: lid distance over the eye's width.
fn eye_openings() -> vec2<f32> {
    let right = apart(159u, 145u) + apart(158u, 153u) + apart(160u, 144u);
    let left = apart(386u, 374u) + apart(385u, 380u) + apart(387u, 373u);
    return vec2<f32>(right / apart(33u, 133u), left / apart(263u, 362u)) / 3.0;
}

// The nearest view and the runner-up, weighted so that a turning head does not make the face jump.
fn choose(yaw: f32) {
    var best = vec2<u32>(0u);
    var costs = vec2<f32>(1e30);
    for (var i = 0u; i < arrayLength(&candidates); i += 1u) {
        let photo = candidates[i].yaw;
        let turn_cost = abs(photo - yaw) + (BEYOND - 1.0) * max(abs(photo) - abs(yaw), 0.0);
        let cost = turn_cost + candidates[i].mirrored * MIRROR_PENALTY;
        if cost < costs.x {
            best = vec2<u32>(i, best.x);
            costs = vec2<f32>(cost, costs.x);
        } else if cost < costs.y {
            best.y = i;
            costs.y = cost;
        }
    }
    let first = 0.5 + 0.5 * min((costs.y - costs.x) / BAND, 1.0);
    face.candidates = best;
    face.candidate_weights = vec2<f32>(first, 1.0 - first);
    face.levels[0] = candidates[best.x].levels[input.level];
    face.levels[1] = candidates[best.y].levels[input.level];
    let identity = candidates[best.x].eyes * first + candidates[best.y].eyes * (1.0 - first);
    let open = min(eye_openings(), identity);
    face.eye_shares = input.eyes * vec2<f32>(rise(EYE_OPEN.x, EYE_OPEN.y, open.x), rise(EYE_OPEN.x, EYE_OPEN.y, open.y));
}

// Yaw, pitch and roll as seen in the frame: the canvas' own turn is taken back, with y up.
fn tell_angles(rotation: mat3x3<f32>) {
    let turn = normalize(face.canvas_from_frame_x);
    let back = mat3x3<f32>(vec3<f32>(turn, 0.0), vec3<f32>(-turn.y, turn.x, 0.0), vec3<f32>(0.0, 0.0, 1.0));
    let in_frame = back * rotation;
    face.yaw = degrees(atan2(in_frame[2].x, in_frame[2].z));
    face.pitch = degrees(asin(-clamp(in_frame[2].y, -1.0, 1.0)));
    face.roll = degrees(atan2(in_frame[0].y, in_frame[1].y));
}

@compute @workgroup_size(LANES4)
fn main(@builtin(local_invocation_index) lane: u32) {
    // An invocation has two points, or one and the first again without weight.
    let mine = vec2<u32>(lane, select(0u, lane + LANES4, lane + LANES4 < POINTS));
    let weights = vec2<f32>(head[mine.x].w, select(0.0, head[mine.y].w, mine.y != 0u));
    let seen_sum = seen(mine.x) * weights.x + seen(mine.y) * weights.y;
    let seen_mean = workgroup_sum4(lane, vec4<f32>(seen_sum, 0.0)).xyz;
    let head_sum = head[mine.x].xyz * weights.x + head[mine.y].xyz * weights.y;
    let head_mean = workgroup_sum4(lane, vec4<f32>(head_sum, 0.0)).xyz;
    var columns = array<vec4<f32>, 3>();
    for (var k = 0u; k < 2u; k += 1u) {
        let a = head[mine[k]].xyz - head_mean;
        let b = (seen(mine[k]) - seen_mean) * weights[k];
        columns[0] += vec4<f32>(a * b.x, dot(a, a) * weights[k]);
        columns[1] += vec4<f32>(a * b.y, 0.0);
        columns[2] += vec4<f32>(a * b.z, 0.0);
    }
    let x = workgroup_sum4(lane, columns[0]);
    let y = workgroup_sum4(lane, columns[1]);
    let z = workgroup_sum4(lane, columns[2]);
    let covariance = mat3x3<f32>(x.xyz, y.xyz, z.xyz);
    let rotation = best_rotation(covariance);
    let turned = rotation * covariance;
    let scale = (turned[0].x + turned[1].y + turned[2].z) / x.w;
    let back = transpose(rotation) * (1.0 / scale);
    for (var i = lane; i < POINTS; i += LANES4) {
        face.normalised[i] = vec4<f32>(back * (seen(i) - seen_mean) + head_mean, 0.0);
    }
    storageBarrier();
    if lane == 0u {
        for (var k = 0u; k < 3u; k += 1u) {
            face.rotation[k] = vec4<f32>(rotation[k], 0.0);
        }
        face.scale = scale;
        tell_angles(rotation);
        choose(degrees(atan2(rotation[2].x, rotation[2].z)));
    }
}
