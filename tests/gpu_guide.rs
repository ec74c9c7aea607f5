//! A face's geometry, guide and hull mask on the GPU against the CPU twins, on real landmarks
//! (tests/fixtures/mesh/poses.py) and drawn pictures.

mod layout;
mod photos;
mod slot;

use std::sync::LazyLock;

use alphaswap::align::canvas_side;
use alphaswap::face::Landmarks;
use alphaswap::guide::{Options, Source};
use alphaswap::identity::{Consent, Date, Identity, Texture};
use alphaswap::mesh::pose;
use alphaswap::path::gpu::face::Placement;
use alphaswap::path::{FaceJob, Smoothed};
use alphaswap::region;
use glam::{Affine2, Mat3, Vec2, Vec3};
use proptest::prelude::*;
use safetensors::SafeTensors;
use slot::{Slot, Truth};

use crate::engine_gpu::{context, noise};

/// All sizes of crop.
const CROPS: [usize; 3] = [128, 256, 512];
/// Where both agree that the face is certain.
const CERTAIN: f32 = 6.0;

/// Six faces in photo pixels.
static FACES: LazyLock<Vec<Landmarks>> = LazyLock::new(|| {
    let file = include_bytes!("fixtures/mesh/poses.safetensors");
    let tensors = SafeTensors::deserialize(file).unwrap();
    let floats: Vec<f32> = bytemuck::pod_collect_to_vec(tensors.tensor("points").unwrap().data());
    let face = |f: &[f32]| Landmarks(f.chunks_exact(3).map(Vec3::from_slice).collect());
    floats.chunks_exact(468 * 3).map(face).collect()
});

/// A smooth picture with some detail, planar `[3, side, side]`.
fn drawing(side: usize, phase: f32) -> Vec<f32> {
    let value = |i: usize| {
        let (c, i) = ((i / (side * side)) as f32, i % (side * side));
        let (u, v) = ((i % side) as f32 / side as f32, (i / side) as f32 / side as f32);
        let waves = (u * 23.0 + c + phase).sin() * (v * 17.0 - phase).cos();
        0.6 - 0.1 * c + 0.12 * waves + 0.2 * (v - 0.5) * (phase + c).cos()
    };
    (0..3 * side * side).map(value).collect()
}

/// A drawn photo of `face`, aligned to a crop of side `crop`.
fn texture(face: &Landmarks, crop: usize, phase: f32) -> Texture {
    let side = canvas_side(crop);
    let planes = drawing(side, phase);
    let points = face.mapped(alphaswap::align::canvas_from_frame(face, crop));
    let rgb = (0..3 * side * side).map(|i| (planes[i % 3 * side * side + i / 3] * 255.0).round() as u8).collect();
    Texture { side, rgb, pose: pose(&points).pose, points }
}

fn source(textures: Vec<Texture>) -> Source {
    let consent = Consent::new("a drawing", Date::constant(2025, 1, 1));
    Source::new(&Identity { name: "drawn".into(), consent, embeddings: vec![], textures })
}

/// Photos of several turns and sizes: candidates 0 to 2, and the mirror images of the turned ones as 3 and 4.
fn several() -> Source {
    let source = source(vec![texture(&FACES[0], 512, 0.4), texture(&FACES[2], 192, 1.3), texture(&FACES[1], 256, 2.0)]);
    assert_eq!(
        source.candidates.iter().map(|c| c.view.mirrored).collect::<Vec<_>>(),
        [false, false, false, true, true]
    );
    source
}

/// `face` turned to its left.
fn turned(face: &Landmarks, degrees: f32) -> Landmarks {
    let centre = face.0.iter().sum::<Vec3>() / face.0.len() as f32;
    let turn = Mat3::from_rotation_y(-degrees.to_radians());
    Landmarks(face.0.iter().map(|p| turn * (*p - centre) + centre).collect())
}

fn placement(crop: usize, eyes: f32) -> Placement {
    Placement { crop, smoothing: 0.5, feather: 0.03, options: Options { shape: 0.8, eyes } }
}

/// `face` moved a little at every point, as a net would.
fn shaken(face: &Landmarks, seed: u64, by: f32) -> Landmarks {
    let mut next = noise(seed);
    Landmarks(face.0.iter().map(|p| *p + Vec3::new(next(), next(), next()) * by).collect())
}

fn first_look(face: &Landmarks) -> FaceJob<'static> {
    FaceJob { frame_from_region: region::from_landmarks(face), history: None, elapsed_secs: 0.0, carried: None }
}

/// Largest distance of two lists of points.
pub fn farthest(a: &[Vec3], b: &[Vec3]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.distance(*b)).map(|d| if d.is_nan() { f32::MAX } else { d }).fold(0.0, f32::max)
}

#[test]
fn the_guide_is_the_cpus_on_every_size() {
    let Some(ctx) = context() else { return };
    let source = several();
    let slot = Slot::new(ctx, &source, &CROPS);
    let mut chosen = Vec::new();
    // The fourth looks between two photos, the fifth where only a mirror image looks.
    for (i, face) in FACES.iter().enumerate() {
        let placement = placement(CROPS[i % 3], (i % 2) as f32);
        let canvas = drawing(canvas_side(placement.crop), 3.0 + i as f32);
        let face = shaken(&turned(face, if i == 3 { 15.6 } else { 0.0 }), i as u64, 0.5);
        let truth = Truth::new(&source, &first_look(&face), &face, &placement, &canvas);
        let made = slot.run(ctx, &first_look(&face), &face, CERTAIN, &placement, &canvas);
        made.assert_like(&truth, &format!("face {i}, crop {}", placement.crop));
        chosen.push((made.head.candidates, made.head.candidate_weights));
    }
    let shown = |face: usize, candidate: u32| {
        let (candidates, weights) = chosen[face];
        candidates.iter().zip(weights).any(|(c, weight)| *c == candidate && weight > 0.05)
    };
    assert!(shown(3, 0) && shown(3, 1), "{chosen:?}");
    assert!(shown(4, 3), "{chosen:?}");
}

#[test]
fn slots_share_a_workspace_and_sizes_change_from_frame_to_frame() {
    let Some(ctx) = context() else { return };
    let source = source(vec![texture(&FACES[2], 256, 0.0)]);
    let slot = Slot::new(ctx, &source, &CROPS[..2]);
    for crop in [256, 128, 256] {
        let (placement, canvas) = (placement(crop, 1.0), drawing(canvas_side(crop), 5.0));
        let job = first_look(&FACES[4]);
        let made = slot.run(ctx, &job, &FACES[4], CERTAIN, &placement, &canvas);
        made.assert_like(&Truth::new(&source, &job, &FACES[4], &placement, &canvas), &format!("crop {crop}"));
    }
}

#[test]
fn a_face_at_the_canvas_edge_leaves_the_ring_alone() {
    let Some(ctx) = context() else { return };
    let source = several();
    let slot = Slot::new(ctx, &source, &CROPS[..1]);
    // Blown up around the nose, but for the points that the alignment reads.
    let nose = FACES[5].0[1];
    let aligned = [33, 133, 362, 263, 1, 61, 291];
    let grow = |(i, p): (usize, &Vec3)| if aligned.contains(&i) { *p } else { nose + (*p - nose) * 2.2 };
    let face = Landmarks(FACES[5].0.iter().enumerate().map(grow).collect());
    let (placement, side) = (placement(128, 0.0), canvas_side(128));
    let (job, canvas) = (first_look(&face), drawing(side, 1.0));
    let truth = Truth::new(&source, &job, &face, &placement, &canvas);
    let made = slot.run(ctx, &job, &face, CERTAIN, &placement, &canvas);
    made.assert_like(&truth, "blown up");
    let ring = |i: &usize| [0, side - 1].contains(&(i % side)) || [0, side - 1].contains(&(i / side));
    assert!((0..side * side).filter(ring).all(|i| made.mask[i] == 0.0 && made.hull[i] == 0.0));
    assert!((1..side - 1).any(|x| made.hull[side + x] > 0.0), "the face does not reach the edge");
}

#[test]
fn what_is_no_face_is_not_painted() {
    let Some(ctx) = context() else { return };
    let source = several();
    let slot = Slot::new(ctx, &source, &CROPS[..1]);
    let (placement, canvas) = (placement(128, 0.0), drawing(canvas_side(128), 0.0));
    let job = first_look(&FACES[0]);
    let swapped = |face: &Landmarks, logit: f32| slot.run(ctx, &job, face, logit, &placement, &canvas).outcome.swapped;
    assert!(swapped(&FACES[0], 0.01));
    assert!(!swapped(&FACES[0], -0.01));
    assert!(!swapped(&FACES[0], f32::NAN));
    assert!(!swapped(&Landmarks(vec![Vec3::NAN; 468]), CERTAIN));
    assert!(!swapped(&Landmarks(vec![Vec3::INFINITY; 468]), CERTAIN));
    // The slot is none the worse for it.
    let made = slot.run(ctx, &job, &FACES[0], CERTAIN, &placement, &canvas);
    made.assert_like(&Truth::new(&source, &job, &FACES[0], &placement, &canvas), "afterwards");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn geometry_is_the_cpus(
        face in 0..6usize, seed in any::<u64>(), angle in -0.6f32..0.6, zoom in 0.2f32..3.0, logit in -4f32..4.0,
        smoothing in 0f32..1.0, elapsed_secs in 0f32..0.2, known in any::<bool>(), crop in 0..3usize,
    ) {
        let Some(ctx) = context() else { return Ok(()) };
        let turn = Affine2::from_scale_angle_translation(Vec2::splat(zoom), angle, Vec2::new(40.0, -7.0));
        let face = shaken(&FACES[face].mapped(turn), seed, 2.0);
        let before = Smoothed { landmarks: shaken(&face, !seed, 3.0), speed: shaken(&face, seed ^ 5, 1.0).0 };
        let frame_from_region = region::from_landmarks(&before.landmarks);
        let job = FaceJob { frame_from_region, history: known.then_some(&before), elapsed_secs, carried: None };
        let placement = Placement { smoothing, ..placement(CROPS[crop], 1.0) };
        let source = several();
        let slot = Slot::new(ctx, &source, &CROPS);
        let truth = Truth::geometry(&job, &face, &placement);
        let made = slot.look(ctx, &job, &face, logit, &placement);
        made.check(&truth, logit).map_err(TestCaseError::fail)?;
    }
}
