//! What is followed, hidden and given up, with a path whose faces are made up by the test.

mod overlap;
mod scripted;

use alphaswap::settings::Fallback;
use glam::Vec2;

use self::scripted::{PAINT, Stage, chequered, meshed, profile, shown};

#[test]
fn a_lost_face_is_hidden_however_slow_the_frames_are() {
    for secs in [0.04, 0.3, 0.7, 0.95] {
        let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
        assert_eq!(stage.frame(secs).1.found.len(), 1);
        stage.set(&[]);
        let (picture, report) = stage.frame(secs);
        assert!(!shown(&picture, Vec2::new(100.0, 100.0)), "{secs} s");
        assert!(!report.faces[0].swapped && report.lost.is_empty());
    }
}

#[test]
fn a_face_is_given_up_after_a_while() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
    let id = stage.frame(0.04).1.found[0];
    stage.set(&[]);
    let lost: Vec<usize> = (0..30).filter(|_| stage.frame(0.04).1.lost == [id]).collect();
    assert!(lost.len() == 1 && (11..=15).contains(&lost[0]), "{lost:?}");
    assert!(shown(&stage.frame(0.04).0, Vec2::new(100.0, 100.0)));
}

#[test]
fn what_hides_a_face_moves_along() {
    for fallback in [Fallback::Blur, Fallback::Freeze] {
        let mut stage = Stage::new(fallback, &[meshed(80.0, 100.0)]);
        stage.frame(0.04);
        // It turns away and walks for two seconds; the detector still sees a head.
        for step in 1..50 {
            let x = 80.0 + 3.0 * step as f32;
            stage.set(&[profile(x, 100.0)]);
            let (picture, report) = stage.frame(0.04);
            assert!(!shown(&picture, Vec2::new(x, 100.0)), "{fallback:?} step {step}");
            assert!(report.lost.is_empty() && report.found.is_empty());
        }
        // It turns back: the same face.
        stage.set(&[meshed(227.0, 100.0)]);
        let report = stage.frame(0.04).1;
        assert!(report.faces[0].swapped && report.found.is_empty(), "{report:?}");
    }
}

#[test]
fn freeze_shows_the_swapped_picture() {
    let mut stage = Stage::new(Fallback::Freeze, &[meshed(100.0, 100.0)]);
    stage.frame(0.04);
    stage.set(&[]);
    let (picture, _) = stage.frame(0.04);
    assert_eq!(picture.planes[0][(100 * 320 + 100) * 3], PAINT);
}

#[test]
fn late_frames_hide_what_was_swapped() {
    for (fallback, visible) in [(Fallback::Blur, false), (Fallback::Freeze, false), (Fallback::Pass, true)] {
        let mut stage = Stage::new(fallback, &[meshed(100.0, 100.0)]);
        stage.frame(0.04);
        let mut late = chequered(stage.size);
        stage.pipeline.conceal(&mut late.view_mut()).unwrap();
        assert_eq!(shown(&late, Vec2::new(100.0, 100.0)), visible, "{fallback:?}");
    }
}

#[test]
fn max_faces_holds_at_once() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(60.0, 60.0), meshed(160.0, 60.0), meshed(260.0, 60.0)]);
    assert_eq!(stage.frame(0.04).1.faces.len(), 3);
    stage.look.max_faces = 1;
    stage.pipeline.set_look(stage.look.clone());
    let report = stage.frame(0.04).1;
    assert_eq!((report.faces.len(), report.lost.len()), (1, 2), "{report:?}");
    assert!((0..20).all(|_| stage.frame(0.04).1.faces.len() == 1));
}

#[test]
fn ids_that_are_forgotten_are_told() {
    let mut stage = Stage::new(Fallback::Blur, &[meshed(100.0, 100.0)]);
    let first = stage.frame(0.04).1.found[0];
    stage.pipeline.reset();
    let report = stage.frame(0.04).1;
    assert_eq!(report.lost, [first]);
    // A new size, and a gap.
    stage.size = (640, 240);
    let second = stage.frame(0.04).1;
    assert_eq!(second.lost, report.found);
    assert_eq!(stage.frame(5.0).1.lost, second.found);
}
