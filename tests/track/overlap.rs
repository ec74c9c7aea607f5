//! One frame in flight while the next one is started: nothing may be shown that is hidden with one frame at a time.

use alphaswap::settings::Fallback;
use alphaswap::{Error, Report};
use glam::Vec2;

use super::scripted::{Made, Stage, chequered, meshed, profile, shown};
use crate::engine_gpu::noise;
use crate::support::Picture;

const FRAME_SECS: f32 = 0.04;

/// Faces that walk, jump, turn away and vanish, frame by frame.
fn script(seed: u64, frames: usize) -> Vec<Vec<Made>> {
    let mut next = noise(seed);
    let mut faces: Vec<Made> = Vec::new();
    let step = |_| {
        faces.retain(|_| next() < 0.95);
        for face in &mut faces {
            face.centre += Vec2::new(next(), next()) * if next() > 0.9 { 150.0 } else { 4.0 };
            face.centre = face.centre.clamp(Vec2::splat(30.0), Vec2::new(290.0, 210.0));
            face.meshed ^= next() > 0.85;
        }
        if faces.len() < 3 && next() > 0.6 {
            faces.push(meshed(160.0 + 120.0 * next(), 120.0 + 80.0 * next()));
        }
        faces.clone()
    };
    (0..frames).map(step).collect()
}

/// Plays `script` with one frame at a time, and with a frame in flight.
fn played(script: &[Vec<Made>], detect_interval: u32) -> [Vec<(Picture, Report)>; 2] {
    let [mut single, mut double] = [Stage::new(Fallback::Blur, &[]), Stage::overlapping(Fallback::Blur, &[])];
    for stage in [&mut single, &mut double] {
        stage.look.detect_interval = detect_interval;
        stage.pipeline.set_look(stage.look.clone());
    }
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for faces in script {
        single.set(faces);
        double.set(faces);
        one.push(single.frame(FRAME_SECS));
        two.extend(double.exchange(FRAME_SECS));
    }
    two.push(double.finish());
    assert_eq!(one.len(), two.len());
    [one, two]
}

#[test]
fn what_is_hidden_stays_hidden() {
    for seed in 0..20 {
        let script = script(seed, 60);
        for interval in [2, 5, 30] {
            let [one, two] = played(&script, interval);
            for (i, ((one, two), faces)) in one.iter().zip(&two).zip(&script).enumerate() {
                for face in faces {
                    let (single, double) = (shown(&one.0, face.centre), shown(&two.0, face.centre));
                    assert!(single || !double, "seed {seed}, interval {interval}, frame {i}, {:?}", face.centre);
                }
            }
        }
    }
}

#[test]
fn a_face_that_is_found_again_is_painted_once() {
    let still = vec![meshed(100.0, 100.0)];
    // Somebody who turns away comes between, and the face is found again beside the place where it was lost. The next
    // frame, on its way already, has another face at that place.
    let again = vec![profile(65.0, 100.0), meshed(115.0, 100.0)];
    let after = vec![meshed(65.0, 100.0), meshed(140.0, 100.0)];
    let script = [still.clone(), still.clone(), still, again, after];
    let [one, two] = played(&script, 30);
    for (i, (one, two)) in one.iter().zip(&two).enumerate() {
        assert!(one.0 == two.0, "frame {i}");
        for Report { faces, .. } in [&one.1, &two.1] {
            assert!(faces.len() == 1 && faces[0].id == 1 && faces[0].swapped, "frame {i}: {faces:?}");
        }
    }
    assert!(shown(&two[4].0, Vec2::new(65.0, 100.0)) && !shown(&two[4].0, Vec2::new(140.0, 100.0)));
}

#[test]
fn a_frame_in_flight_must_be_finished_first() {
    let mut stage = Stage::overlapping(Fallback::Blur, &[meshed(100.0, 100.0)]);
    assert!(stage.exchange(FRAME_SECS).is_none());
    let before = chequered(stage.size);
    let (mut other, pipeline) = (before.clone(), &mut stage.pipeline);
    let refused = [
        pipeline.process(&mut other.view_mut(), None).err(),
        pipeline.conceal(&mut other.view_mut()).err(),
        pipeline.overlap(&before.view(), None, None).err(),
    ];
    for error in refused {
        assert!(matches!(&error, Some(Error::Frame(m)) if m.starts_with("a frame is in flight")), "{error:?}");
    }
    assert!(other == before);
    // It is still there, and others are taken after it.
    let (picture, report) = stage.finish();
    assert!(report.found.len() == 1 && !shown(&picture, Vec2::new(100.0, 100.0)));
    assert!(stage.frame(FRAME_SECS).1.faces[0].swapped);
}
