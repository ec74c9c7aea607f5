//! The one-euro filter: quiet when still, quick when moving.

use alphaswap::face::{Landmarks, POINTS};
use alphaswap::path::Smoothed;
use alphaswap::smooth::one_euro;
use glam::Vec3;

const FRAME: f32 = 1.0 / 25.0;

/// A face of 60 px eye distance at `x`, each point off by a little noise that depends on `frame`.
fn face(x: f32, frame: usize, noise: f32) -> Landmarks {
    let point = |i: usize| {
        let shake = noise * ((frame * 7919 + i * 104729) as f32).sin();
        let place = if i == 263 {
            60.0
        } else if i == 33 {
            0.0
        } else {
            (i % 60) as f32
        };
        Vec3::new(x + place + shake, (i / 10) as f32 + shake, 0.0)
    };
    Landmarks((0..POINTS).map(point).collect())
}

fn run(frames: usize, smoothing: f32, at: impl Fn(usize) -> Landmarks) -> Vec<Smoothed> {
    let mut states: Vec<Smoothed> = Vec::new();
    for frame in 0..frames {
        let mut next = Smoothed::default();
        one_euro(&at(frame), states.last(), FRAME, smoothing, &mut next);
        states.push(next);
    }
    states
}

/// Mean distance that point 200 moves between frames, the first ten left out.
fn unrest(states: &[Smoothed]) -> f32 {
    let at = |s: &Smoothed| s.landmarks.0[200];
    states.windows(2).skip(10).map(|w| (at(&w[1]) - at(&w[0])).length()).sum::<f32>() / (states.len() - 11) as f32
}

#[test]
fn a_still_face_stands_still() {
    let raw = run(60, 0.0, |f| face(100.0, f, 0.5));
    let smooth = run(60, 0.5, |f| face(100.0, f, 0.5));
    assert!(unrest(&smooth) < 0.6 * unrest(&raw), "{} {}", unrest(&smooth), unrest(&raw));
    let strong = run(60, 1.0, |f| face(100.0, f, 0.5));
    assert!(unrest(&strong) < unrest(&smooth));
}

#[test]
fn a_quick_face_is_followed() {
    // Three eye distances a second.
    let states = run(50, 0.5, |f| face(7.2 * f as f32, f, 0.0));
    let (is, was) = (&states[49].landmarks.0[200], face(7.2 * 49.0, 49, 0.0).0[200]);
    assert!((*is - was).length() < 0.03 * 60.0, "{} behind", (*is - was).length());
}

#[test]
fn without_smoothing_nothing_changes() {
    let states = run(5, 0.0, |f| face(100.0, f, 2.0));
    assert_eq!(states[4].landmarks, face(100.0, 4, 2.0));
}
