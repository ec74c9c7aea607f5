//! What is said of a source's photo, by the numbers that were measured on it: each number alone, at its bound and beyond.

use alphaswap::face::Pose;
use alphaswap::identity::quality::Quality;

/// A photo with which nothing is wrong.
pub fn good() -> Quality {
    Quality {
        crop_pixels: 300.0,
        presence: 0.9,
        pose: Pose { yaw: 5.0, pitch: -4.0, roll: 3.0 },
        luma: 130.0,
        sharpness: 0.1,
        side_light: 1.1,
        covered: 0.05,
        eye_opening: 0.3,
        mouth_opening: 0.02,
    }
}

/// Something that is different about a photo.
pub type Change = fn(&mut Quality);

/// The good photo with these changes.
pub fn changed(changes: &[Change]) -> Quality {
    let mut quality = good();
    changes.iter().for_each(|change| change(&mut quality));
    quality
}

/// What is said, the last value that is fine, and one that is not.
const WARNINGS: [(&str, Change, Change); 9] = [
    ("the face is small", |q| q.crop_pixels = 160.0, |q| q.crop_pixels = 159.0),
    ("the face is dark", |q| q.luma = 70.0, |q| q.luma = 69.0),
    ("the photo is soft", |q| q.sharpness = 0.022, |q| q.sharpness = 0.0219),
    ("the light comes from one side", |q| q.side_light = 1.5, |q| q.side_light = 1.51),
    ("cover part of the face", |q| q.covered = 0.2, |q| q.covered = 0.21),
    ("the head is tilted", |q| q.pose.pitch = 25.0, |q| q.pose.pitch = 25.1),
    ("the head is tilted", |q| q.pose.pitch = -25.0, |q| q.pose.pitch = -25.1),
    ("an eye seems closed", |q| q.eye_opening = 0.15, |q| q.eye_opening = 0.149),
    ("the mouth is open", |q| q.mouth_opening = 0.12, |q| q.mouth_opening = 0.121),
];

const REFUSALS: [(&str, Change, Change); 8] = [
    ("the face cannot be read", |q| q.presence = 0.5, |q| q.presence = 0.49),
    ("too small, about 59 pixels high", |q| q.crop_pixels = 80.0, |q| q.crop_pixels = 79.0),
    ("the head is turned by 51 degrees; at most 50", |q| q.pose.yaw = 50.0, |q| q.pose.yaw = 51.0),
    ("the head is turned by 51 degrees; at most 50", |q| q.pose.yaw = -50.0, |q| q.pose.yaw = -51.0),
    ("too dark (mean brightness 34 of 255)", |q| q.luma = 35.0, |q| q.luma = 34.0),
    ("overexposed (mean brightness 235 of 255)", |q| q.luma = 234.0, |q| q.luma = 235.0),
    ("the face is blurred", |q| q.sharpness = 0.011, |q| q.sharpness = 0.0109),
    // Without a face the other numbers mean nothing.
    ("the face cannot be read", |_| {}, |q| (q.presence, q.luma, q.crop_pixels) = (0.1, 0.0, 10.0)),
];

#[test]
fn each_fault_is_warned_of_and_no_photo_refused_for_it() {
    for (words, within, beyond) in WARNINGS {
        let (within, beyond) = (changed(&[within]), changed(&[beyond]));
        assert_eq!(within.warnings(), [""; 0], "{words}: {within:?}");
        let told = beyond.warnings();
        assert!(told.len() == 1 && told[0].contains(words), "{words}: {told:?}");
        assert_eq!(beyond.refusal(), None, "{words}");
        assert!(beyond.score() < within.score(), "{words}");
    }
    let all: Vec<Change> = WARNINGS.iter().map(|(_, _, beyond)| *beyond).collect();
    assert_eq!(changed(&all).warnings().len(), 8);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    for (words, within, beyond) in REFUSALS {
        assert_eq!(changed(&[within]).refusal(), None, "{words}");
        let told = changed(&[beyond]).refusal().unwrap_or_else(|| panic!("taken: {words}"));
        assert!(told.contains(words), "{told:?} does not say {words:?}");
    }
}
