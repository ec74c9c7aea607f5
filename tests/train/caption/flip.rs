//! Left and right change places where they are sides, and nowhere else.

use alphaswap::train::caption::flip;
use proptest::prelude::*;

#[test]
fn sides_change_places() {
    for (text, mirrored) in [
        ("", ""),
        ("The person looks left.", "The person looks right."),
        ("Facing slightly to the right with a faint smile.", "Facing slightly to the left with a faint smile."),
        ("In profile view, facing left; a RIGHT-HAND glove.", "In profile view, facing right; a LEFT-HAND glove."),
        ("Left eye closed, right eye open.", "Right eye closed, left eye open."),
        (
            "A nose ring on the left side, hair over the right cheek.",
            "A nose ring on the right side, hair over the left cheek.",
        ),
        (
            "A microphone at the bottom right, a sign in the upper left corner.",
            "A microphone at the bottom left, a sign in the upper right corner.",
        ),
        ("Rightmost, a leftward glance; turned rightwards.", "Leftmost, a rightward glance; turned leftwards."),
        ("A plant stands on the right behind the head.", "A plant stands on the left behind the head."),
        ("The eyes are looking left above the camera.", "The eyes are looking right above the camera."),
        ("Lit from the left, now in shade on the right.", "Lit from the right, now in shade on the left."),
        ("The right ear is visible; the left is not.", "The left ear is visible; the right is not."),
        ("the left and right edges", "the right and left edges"),
        ("Another person's arm covers the right.", "Another person's arm covers the left."),
        ("«left» “right” left/right", "«right» “left” right/left"),
    ] {
        assert_eq!(flip(text), mirrored);
    }
}

#[test]
fn other_senses_stay() {
    for text in [
        "The light is bright, the posture upright, the sign says copyright; cleft chin, a leaflet, frightened.",
        "All right, nothing left to see.",
        "Smiling right now; right after that, right-angled.",
        "A wall right behind the person and a plant is right next to it.",
        "A hand is right in front of the mouth.",
        "Two boards at a right angle.",
        "One ear is left uncovered and the collar is left open.",
        "LeFT, rIGHT, left_eye, right2",
        "Держит налево; 左 right左 ",
    ] {
        assert_eq!(flip(text), text);
    }
}

proptest! {
    #[test]
    fn twice_is_nothing(text in "\\PC*") {
        prop_assert_eq!(flip(&flip(&text)), text);
    }

    /// Of the words that decide, in any order.
    #[test]
    fn twice_is_nothing_in_captions(words in prop::collection::vec(prop::sample::select(vec![
        "left", "right", "Left", "RIGHT", "leftmost", "rightwards", "-", ",", ".", "\n", "all", "now", "the", "is", "open",
        "a", "angle", "in", "front", "side", "up", "behind", "next", "to", "looking", "nothing", "after", "bright",
    ]), 0..12), spaces in any::<bool>()) {
        let text = words.join(if spaces { " " } else { "" });
        prop_assert_eq!(flip(&flip(&text)), text);
    }
}
