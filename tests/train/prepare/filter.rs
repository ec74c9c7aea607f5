//! Which measured photos are good enough to learn from: each number alone, at its bound and beyond.

use alphaswap::face::Pose;
use alphaswap::identity::quality::Quality;
use alphaswap::train::prepare::filter::{Filter, kind};

use crate::quality::{Change, changed, good};

/// The whole reason, the last value that is fine, and one that is not.
const CASES: [(&str, Change, Change); 6] = [
    ("face not readable: presence 0.49", |q| q.presence = 0.5, |q| q.presence = 0.49),
    ("too small: a crop of 63 px", |q| q.crop_pixels = 64.0, |q| q.crop_pixels = 63.0),
    ("too dark: mean luma 19 of 255", |q| q.luma = 20.0, |q| q.luma = 19.0),
    ("too bright: mean luma 241 of 255", |q| q.luma = 240.0, |q| q.luma = 241.0),
    ("blurred: sharpness 0.0079", |q| q.sharpness = 0.008, |q| q.sharpness = 0.0079),
    ("covered: 61 % of the upper face", |q| q.covered = 0.6, |q| q.covered = 0.61),
];

#[test]
fn each_number_has_its_bound() {
    let filter = Filter::default();
    for (reason, within, beyond) in CASES {
        assert_eq!(filter.refusal(&changed(&[within])), None, "{reason}");
        assert_eq!(filter.refusal(&changed(&[beyond])).as_deref(), Some(reason));
    }
    let kinds = CASES.map(|(reason, _, _)| kind(reason));
    assert_eq!(kinds, ["face not readable", "too small", "too dark", "too bright", "blurred", "covered"]);
}

/// What an enrolment refuses or warns of, and a generator must learn.
#[test]
fn profiles_and_odd_faces_are_taken() {
    let pose = Pose { yaw: 80.0, pitch: -40.0, roll: 60.0 };
    let odd = Quality { pose, side_light: 5.0, eye_opening: 0.0, mouth_opening: 0.9, ..good() };
    assert!(odd.refusal().is_some());
    assert_eq!(Filter::default().refusal(&odd), None);
}

#[test]
fn bounds_are_the_filters_own() {
    let default = Filter::default();
    let strict = [
        (Filter { min_presence: 0.95, ..default }, "face not readable"),
        (Filter { min_crop: 400.0, ..default }, "too small"),
        (Filter { luma: [150.0, 240.0], ..default }, "too dark"),
        (Filter { luma: [20.0, 100.0], ..default }, "too bright"),
        (Filter { min_sharpness: 0.2, ..default }, "blurred"),
        (Filter { max_covered: 0.01, ..default }, "covered"),
    ];
    for (filter, word) in strict {
        assert_eq!(filter.refusal(&good()).as_deref().map(kind), Some(word));
    }
}
