//! What a face on its canvas shows, in steps that words exist for.
//!
//! The bounds were set by eye on about 580 portraits (studio, snapshots, sheets of acted emotions), each measure sorted
//! and looked at. What the mesh cannot tell is not here: MediaPipe's 468 points keep the lids open over many closed eyes.

use image::RgbImage;

use super::pixels;
use crate::face::{Landmarks, Pose};
use crate::mesh;

/// Half of the picture, as the viewer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Smaller x.
    Left,
    /// Larger x.
    Right,
}

impl Side {
    /// `Right` for what is positive to the right.
    fn of(value: f32) -> Self {
        if value > 0.0 { Self::Right } else { Self::Left }
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// Where the face points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Into the camera, or nearly.
    Front,
    /// A little past it.
    Slight(Side),
    /// Past it; both eyes are seen.
    Clear(Side),
    /// One half of the face hides the other.
    Profile(Side),
}

/// How the head nods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nod {
    /// As in most portraits.
    Level,
    /// The chin near the chest.
    Lowered,
    /// The chin up.
    Raised,
}

/// What the mouth does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouth {
    /// Closed and at rest.
    Neutral,
    /// The corners just up.
    SlightSmile,
    /// Wide, corners up, closed.
    Smile,
    /// The same with parted lips.
    BroadSmile,
    /// The corners down.
    Down,
    /// A gap between the lips.
    Parted,
    /// Open and not wide: speaking, surprised.
    Open,
    /// The same, far open.
    WideOpen,
}

/// How the eyes stand, where it is striking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eyes {
    /// Both.
    Closed,
    /// Both, in a face that is surprised.
    Wide,
}

/// Where the eyes look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaze {
    /// Into the camera.
    Camera,
    /// Well past it.
    Aside(Side),
}

/// What is behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backdrop {
    /// Of one colour, whose name this is.
    Plain(&'static str),
    /// Of many.
    Busy,
}

/// Everything that is put into words.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Where the face points.
    pub turn: Turn,
    /// How the head nods.
    pub nod: Nod,
    /// Where the top of the head leans on the canvas.
    pub tilt: Option<Side>,
    /// None in profile, where the corners of the mouth cannot be compared.
    pub mouth: Option<Mouth>,
    /// How the eyes stand.
    pub eyes: Option<Eyes>,
    /// Where they look.
    pub gaze: Option<Gaze>,
    /// Where the light comes from, if from one side.
    pub light: Option<Side>,
    /// Nothing in the picture is bright.
    pub dim: bool,
    /// What is behind the head.
    pub backdrop: Option<Backdrop>,
}

/// Yaw in degrees up to which a head faces the camera, is slightly turned, is turned; beyond it is in profile.
const YAW: [f32; 3] = [10.0, 22.0, 45.0];
/// Yaw beyond which halves of the face, and both eyes, cannot be compared.
const MAX_COMPARED_YAW: f32 = 30.0;
/// Pitch in degrees below which a head is raised and above which it is lowered. Frontal portraits lie around 6.
const PITCH: (f32, f32) = (-7.0, 14.5);
/// Roll in degrees from which on a head is tilted; the alignment takes most of it out.
const ROLL: f32 = 8.0;
/// Eye opening (see [`mesh::expression`]) below which both eyes are closed (people who smile go down to .16 with open
/// ones), and above which they are wide open if the mouth is open too; there are faces whose eyes always measure wide.
const EYES: (f32, f32) = (0.15, 0.315);
/// Degrees from the camera within which the eyes look into it, and from which on they look aside.
const GAZE: (f32, f32) = (12.0, 24.0);
/// Luma ratio of the face's halves from which on the light comes from one side.
const SIDE_LIGHT: f32 = 1.4;
/// 95th percentile of the canvas' luma below which a picture is dim.
const DIM: f32 = 100.0;

impl Facts {
    /// Reads a canvas and the mesh in its pixels. Pose is the one on the canvas, which is what CLIP sees too.
    pub fn measure(canvas: &RgbImage, points: &Landmarks) -> Self {
        let fit = mesh::pose(points);
        let Pose { yaw, pitch, roll } = fit.pose;
        let turn = turn(yaw);
        let luma = pixels::Luma::of(canvas);
        let compared = yaw.abs() < MAX_COMPARED_YAW;
        let mouth = (!matches!(turn, Turn::Profile(_))).then(|| mouth(&fit.normalised));
        let eyes = compared.then(|| eyes(&fit.normalised, mouth)).flatten();
        let halves = compared.then(|| luma.halves(points)).flatten();
        Self {
            turn,
            nod: nod(turn, pitch),
            tilt: (roll.abs() > ROLL).then(|| Side::of(-roll)),
            mouth,
            eyes,
            gaze: (compared && eyes != Some(Eyes::Closed)).then(|| gaze(&luma, points, yaw)).flatten(),
            light: halves.and_then(|(left, right)| match left / right.max(1.0) {
                ratio if ratio > SIDE_LIGHT => Some(Side::Left),
                ratio if ratio < 1.0 / SIDE_LIGHT => Some(Side::Right),
                _ => None,
            }),
            dim: luma.percentile(0.95) < DIM,
            backdrop: pixels::backdrop(canvas),
        }
    }
}

fn turn(yaw: f32) -> Turn {
    let (amount, side) = (yaw.abs(), Side::of(yaw));
    match YAW.iter().filter(|bound| amount > **bound).count() {
        0 => Turn::Front,
        1 => Turn::Slight(side),
        2 => Turn::Clear(side),
        _ => Turn::Profile(side),
    }
}

/// The mesh of a profile nods by another ten degrees; there nothing is said.
fn nod(turn: Turn, pitch: f32) -> Nod {
    match turn {
        Turn::Profile(_) => Nod::Level,
        _ if pitch < PITCH.0 => Nod::Raised,
        _ if pitch > PITCH.1 => Nod::Lowered,
        _ => Nod::Level,
    }
}

/// From width and opening (see [`mesh::expression`]) and from how far the corners stand above the lips' middle, in
/// distances between the outer eye corners.
fn mouth(normalised: &Landmarks) -> Mouth {
    let [_, _, open, width, ..] = mesh::expression(normalised);
    let at = |i: usize| normalised.0[i];
    let lift = ((at(61).y + at(291).y) - (at(13).y + at(14).y)) / 2.0 / at(33).distance(at(263)).max(1e-6);
    match () {
        () if open > 0.22 && width < 0.64 => Mouth::WideOpen,
        () if open > 0.14 && width < 0.64 => Mouth::Open,
        () if width > 0.64 && lift > 0.015 && open > 0.05 => Mouth::BroadSmile,
        () if width > 0.64 && lift > 0.015 => Mouth::Smile,
        () if width > 0.595 && lift > 0.008 => Mouth::SlightSmile,
        () if open > 0.05 => Mouth::Parted,
        () if lift < -0.012 => Mouth::Down,
        () => Mouth::Neutral,
    }
}

fn eyes(normalised: &Landmarks, mouth: Option<Mouth>) -> Option<Eyes> {
    let [a, b, ..] = mesh::expression(normalised);
    match mouth {
        _ if a.max(b) < EYES.0 => Some(Eyes::Closed),
        Some(Mouth::Open | Mouth::WideOpen) if a.min(b) > EYES.1 => Some(Eyes::Wide),
        _ => None,
    }
}

/// Where both eyes look together, head and eyes added; None when an iris cannot be made out.
fn gaze(luma: &pixels::Luma, points: &Landmarks, yaw: f32) -> Option<Gaze> {
    /// Contrast of the iris to the white from which on its place is to be trusted; lashes of closed eyes reach .65.
    const CONTRAST: f32 = 0.8;
    /// Least distance of each iris from the eye's middle when the eyes look aside, in eye widths.
    const SHIFT: f32 = 0.1;
    /// An eye's width over the eyeball's radius: 30 mm and 12 mm in adults.
    const WIDTH: f32 = 30.0 / 12.0;
    let [a, b] = [(33, 133), (362, 263)].map(|(left, right)| luma.iris(points, left, right));
    let contrast = a.contrast.min(b.contrast);
    let shift = (a.place + b.place) / 2.0 - 0.5;
    let angle = yaw + (WIDTH * shift).clamp(-1.0, 1.0).asin().to_degrees();
    let together = (a.place - 0.5).abs().min((b.place - 0.5).abs()) >= SHIFT && (a.place > 0.5) == (b.place > 0.5);
    match () {
        () if contrast > CONTRAST && together && angle.abs() > GAZE.1 => Some(Gaze::Aside(Side::of(angle))),
        () if contrast > CONTRAST && angle.abs() < GAZE.0 => Some(Gaze::Camera),
        () => None,
    }
}
