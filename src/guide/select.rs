//! Which photo: the identity's texture whose yaw is nearest to the target's, mirrored ones included.
//!
//! The choice is a pair of weights that changes smoothly with the yaw, so a turning head does not make the face jump.

/// A mirrored photo must be nearer by this many degrees: faces are not symmetric.
const MIRROR_PENALTY: f32 = 10.0;
/// Each degree that a photo is turned further than the target counts this much: it lacks the far side of the face.
const BEYOND: f32 = 4.0;
/// Below this turn, in degrees, a photo is frontal and its mirror image would bring nothing.
const FRONTAL: f32 = 6.0;
/// Two photos whose costs differ by less than this, in degrees, are shown together.
const BAND: f32 = 8.0;
/// A photo within this many degrees of one that is already there brings nothing but a blur of both.
const APART: f32 = 8.0;
/// The same for a mirror image, which a real photo beats.
const APART_MIRRORED: f32 = 15.0;

/// A candidate and how much of it is shown; the weights of a choice sum to 1.
pub type Weighted = (usize, f32);

/// What selection needs to know of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Turn of the head as shown (of the mirror image, when mirrored), degrees.
    pub yaw: f32,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
}

/// Whether `view` adds something to the views already taken.
pub fn worthwhile(view: View, mut taken: impl Iterator<Item = View>) -> bool {
    let apart = if view.mirrored { APART_MIRRORED } else { APART };
    let frontal_image = view.mirrored && view.yaw.abs() < FRONTAL;
    !frontal_image && taken.all(|other| (other.yaw - view.yaw).abs() >= apart)
}

/// The best view for a target turned by `yaw` degrees, and the runner-up where the two are close (else weight 0).
/// `views` must not be empty.
pub fn choose(views: impl Iterator<Item = View>, yaw: f32) -> [Weighted; 2] {
    let cost = |v: View| turn_cost(v.yaw, yaw) + if v.mirrored { MIRROR_PENALTY } else { 0.0 };
    let mut best = [(0, f32::INFINITY); 2];
    for (i, cost) in views.map(cost).enumerate() {
        if cost < best[0].1 {
            best = [(i, cost), best[0]];
        } else if cost < best[1].1 {
            best[1] = (i, cost);
        }
    }
    let lead = ((best[1].1 - best[0].1) / BAND).min(1.0);
    let first = if lead.is_nan() { 1.0 } else { 0.5 + 0.5 * lead };
    [(best[0].0, first), (best[1].0, 1.0 - first)]
}

/// How badly a photo turned by `photo` degrees fits a target turned by `target`.
fn turn_cost(photo: f32, target: f32) -> f32 {
    (photo - target).abs() + (BEYOND - 1.0) * (photo.abs() - target.abs()).max(0.0)
}
