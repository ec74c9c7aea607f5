//! Mesh, pose, expression and alignment against the oracle's recorded numbers (tests/fixtures/mesh/poses.py).

use std::collections::{HashMap, HashSet};

use alphaswap::align::{canvas_from_frame, canvas_side, similarity};
use alphaswap::face::Landmarks;
use alphaswap::mesh::topology::FACE_OVAL;
use alphaswap::mesh::{EXPRESSIONS, canonical, expression, mirror, pose};
use glam::{Affine2, EulerRot, Mat3, Vec2, Vec3};
use proptest::prelude::*;
use safetensors::SafeTensors;

/// The recorded tensors by name, flat.
fn recorded() -> HashMap<String, Vec<f32>> {
    let file = include_bytes!("fixtures/mesh/poses.safetensors");
    let tensors = SafeTensors::deserialize(file).unwrap();
    let floats = |data: &[u8]| data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    tensors.iter().map(|(name, t)| (name.to_owned(), floats(t.data()))).collect()
}

fn faces(recorded: &HashMap<String, Vec<f32>>) -> Vec<Landmarks> {
    let face = |f: &[f32]| Landmarks(f.chunks_exact(3).map(Vec3::from_slice).collect());
    recorded["points"].chunks_exact(468 * 3).map(face).collect()
}

#[track_caller]
fn assert_close(name: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= tolerance, "{name}: got {got}, expected {expected}");
    }
}

#[test]
fn pose_and_expression_are_the_oracles() {
    let recorded = recorded();
    for (i, face) in faces(&recorded).iter().enumerate() {
        let part = |name: &str, n: usize| &recorded[name][i * n..(i + 1) * n];
        let fit = pose(face);
        assert_close("angles", &[fit.pose.yaw, fit.pose.pitch, fit.pose.roll], part("angles", 3), 1e-3);
        assert_close("rotation", &fit.rotation.transpose().to_cols_array(), part("rotation", 9), 1e-5);
        assert_close("scale", &[fit.scale], part("scale", 1), 1e-3);
        let every_13th: Vec<f32> = fit.normalised.0.iter().step_by(13).flat_map(|p| p.to_array()).collect();
        assert_close("normalised", &every_13th, part("normalised", 36 * 3), 1e-4);
        assert_close("expression", &expression(&fit.normalised), part("expression", EXPRESSIONS.len()), 1e-5);
    }
}

#[test]
fn the_canvas_is_the_oracles() {
    let recorded = recorded();
    for (i, face) in faces(&recorded).iter().enumerate() {
        let map = canvas_from_frame(face, 256);
        let [a, b, c, d, x, y] = map.to_cols_array();
        assert_close("canvas", &[a, c, x, b, d, y], &recorded["canvas"][i * 6..(i + 1) * 6], 2e-3);
    }
}

#[test]
fn canvases_of_all_sizes_show_the_same_picture() {
    let face = &faces(&recorded())[0];
    let reference = canvas_from_frame(face, 256);
    for crop in [128, 192, 512] {
        assert_eq!(canvas_side(crop), crop * 5 / 4);
        let map = canvas_from_frame(face, crop);
        for p in &face.0 {
            let expected = (reference.transform_point2(p.truncate()) + 0.5) * (crop as f32 / 256.0) - 0.5;
            assert!((map.transform_point2(p.truncate()) - expected).length() < 2e-2);
        }
    }
}

#[test]
fn mirroring_pairs_the_points_and_turns_the_pose_around() {
    assert!(mirror().iter().enumerate().all(|(i, &j)| mirror()[j as usize] as usize == i));
    assert_eq!((mirror()[33], mirror()[61], mirror()[1]), (263, 291, 1));
    for face in faces(&recorded()) {
        let seen = |&i: &u16| face.0[i as usize] * Vec3::new(-1.0, 1.0, 1.0);
        let image = pose(&Landmarks(mirror().iter().map(seen).collect())).pose;
        let own = pose(&face).pose;
        let expected = [-own.yaw, own.pitch, -own.roll];
        assert_close("pose", &[image.yaw, image.pitch, image.roll], &expected, 1e-2);
    }
}

#[test]
fn triangles_cover_the_face_oval_without_a_hole() {
    let mut edges: HashMap<(u16, u16), usize> = HashMap::new();
    for [a, b, c] in &canonical().triangles {
        for (a, b) in [(a, b), (b, c), (c, a)] {
            *edges.entry((*a.min(b), *a.max(b))).or_default() += 1;
        }
    }
    assert!(edges.values().all(|&n| n <= 2));
    let rim: HashSet<_> = edges.iter().filter(|(_, n)| **n == 1).map(|(e, _)| *e).collect();
    let oval = FACE_OVAL.iter().zip(FACE_OVAL.iter().cycle().skip(1)).map(|(a, b)| (*a.min(b), *a.max(b)));
    assert_eq!(rim, oval.collect::<HashSet<_>>());
}

proptest! {
    #[test]
    fn pose_finds_a_turned_canonical_head(
        yaw in -80f32..80.0, pitch in -60f32..60.0, roll in -170f32..170.0, scale in 1f32..40.0, x in -500f32..500.0,
    ) {
        let turn = |a: f32| a.to_radians();
        // Rotation whose angles are read as the oracle reads them: roll after pitch after yaw.
        let rotation = Mat3::from_euler(EulerRot::YXZ, turn(yaw), turn(pitch), turn(roll));
        let seen = |p: &Vec3| rotation * *p * scale * Vec3::new(1.0, -1.0, -1.0) + Vec3::new(x, 20.0, 5.0);
        let fit = pose(&Landmarks(canonical().points.iter().map(seen).collect()));
        prop_assert!(fit.rotation.abs_diff_eq(rotation, 1e-4));
        prop_assert!((fit.scale / scale - 1.0).abs() < 1e-4);
        prop_assert!((fit.pose.yaw - yaw).abs() < 0.05 && (fit.pose.pitch - pitch).abs() < 0.05);
        prop_assert!((fit.pose.roll - roll).abs() < 0.05);
        for (got, expected) in fit.normalised.0.iter().zip(&canonical().points) {
            prop_assert!(got.distance(*expected) < 1e-2);
        }
    }

    #[test]
    fn similarity_is_recovered(angle in -3.1f32..3.1, scale in 0.05f32..20.0, x in -900f32..900.0, y in -900f32..900.0) {
        let map = Affine2::from_scale_angle_translation(Vec2::splat(scale), angle, Vec2::new(x, y));
        let source = [Vec2::new(1.0, 2.0), Vec2::new(40.0, -3.0), Vec2::new(22.0, 31.0), Vec2::new(-8.0, 17.0)];
        let found = similarity(&source, &source.map(|p| map.transform_point2(p)));
        prop_assert!(source.iter().all(|p| found.transform_point2(*p).distance(map.transform_point2(*p)) < 2e-3));
    }
}

#[test]
fn one_place_gives_a_shift() {
    let map = similarity(&[Vec2::splat(3.0); 5], &[Vec2::new(7.0, 1.0); 5]);
    assert_eq!(map.transform_point2(Vec2::new(4.0, 3.0)), Vec2::new(8.0, 1.0));
}
