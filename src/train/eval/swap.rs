//! Making the outputs that are judged: every source onto every target, by the filter's own path on the CPU.

use std::path::PathBuf;
use std::sync::Arc;

use glam::Affine2;
use image::RgbImage;

use super::judge::Judge;
use super::measure::Framed;
use super::photos::{Photo, Unusable};
use crate::align::crop_from_frame;
use crate::error::{Error, Result};
use crate::frame::FrameViewMut;
use crate::identity::encoder::aligned;
use crate::identity::enroll::Enroller;
use crate::identity::photo::view;
use crate::identity::{Consent, Date, Identity};
use crate::models::Model;
use crate::path::cpu::CpuPath;
use crate::path::{Done, FaceJob, FramePath, PRESENCE, Painter, Work};
use crate::region;
use crate::settings::Look;

/// The crop whose template [`crop_from_frame`] takes, in pixels.
const CROP: f32 = 256.0;

/// The photos of an evaluation, read once for all models.
pub struct Cast {
    /// Sources in the common frame.
    pub sources: Vec<Framed>,
    /// Their identities, one for each.
    pub identities: Vec<Arc<Identity>>,
    /// Targets in the common frame.
    pub targets: Vec<Framed>,
    /// The targets' photos, and how they are swapped.
    scenes: Vec<Scene>,
    /// Photos that could not be used.
    pub skipped: Vec<Unusable>,
}

/// A target's photo.
struct Scene {
    picture: RgbImage,
    /// Where the landmark network looks.
    picture_from_region: Affine2,
    frame_from_picture: Affine2,
}

impl Cast {
    /// Enrolls the sources and reads the targets; `side` is that of the common frame in pixels, `encoders` are model
    /// files of encoders that generators need beside FaceRes.
    ///
    /// # Errors
    /// [`Error::Training`] when no source or no target is left, with the reasons; [`Error::Model`] for an encoder.
    pub fn read(
        judge: &mut Judge,
        (sources, targets): (&[Photo], &[Photo]),
        side: usize,
        encoders: &[PathBuf],
    ) -> Result<Self> {
        let mut enroller = Enroller::new()?;
        for encoder in encoders {
            enroller = enroller.with_encoder(&Model::open(encoder)?)?;
        }
        let mut skipped = Vec::new();
        let sources = usable(sources, &mut skipped, |photo| {
            let picture = photo.open()?;
            Ok((enroll(&mut enroller, photo, &picture)?, scene(judge, photo, picture, side)?.0))
        });
        let targets = usable(targets, &mut skipped, |photo| scene(judge, photo, photo.open()?, side));
        for (what, empty) in [("source", sources.is_empty()), ("target", targets.is_empty())] {
            if empty {
                let reasons: Vec<_> = skipped.iter().map(|s| format!("{}: {}", s.photo, s.reason)).collect();
                return Err(Error::training("evaluation", format!("no {what} is left; {}", reasons.join("; "))));
            }
        }
        let (identities, sources) = sources.into_iter().unzip();
        let (targets, scenes) = targets.into_iter().unzip();
        Ok(Self { sources, identities, targets, scenes, skipped })
    }
}

/// What `read` makes of each photo; those that it refuses are listed in `skipped`.
pub fn usable<T>(photos: &[Photo], skipped: &mut Vec<Unusable>, mut read: impl FnMut(&Photo) -> Result<T>) -> Vec<T> {
    let mut results = Vec::new();
    for photo in photos {
        match read(photo) {
            Ok(result) => results.push(result),
            Err(error) => skipped.push(Unusable::new(photo, error)),
        }
    }
    results
}

/// The identity of one photo.
fn enroll(enroller: &mut Enroller, photo: &Photo, picture: &RgbImage) -> Result<Arc<Identity>> {
    let sample = enroller.sample(&photo.path, picture, None)?;
    let consent = Consent::new("evaluation", Date::ZERO);
    Ok(Arc::new(enroller.identity(&photo.name, consent, vec![sample])?))
}

/// A photo in the common frame, and the photo itself.
fn scene(judge: &mut Judge, photo: &Photo, picture: RgbImage, side: usize) -> Result<(Framed, Scene)> {
    let no_face = || Error::training(photo.path.display(), "no face found");
    let mesh = judge.find(&picture)?.filter(|mesh| mesh.presence >= PRESENCE).ok_or_else(no_face)?;
    let frame_from_picture = frame_from_crop(side) * crop_from_frame(&mesh.landmarks);
    let frame = aligned(&picture, frame_from_picture, side)?;
    let face = judge.read(&frame)?.ok_or_else(no_face)?;
    let scene = Scene { picture, picture_from_region: region::from_landmarks(&mesh.landmarks), frame_from_picture };
    Ok((Framed { name: photo.name.clone(), person: photo.person.clone(), picture: frame, face }, scene))
}

/// The crop of 256 px seen at another size; pixel centres stand at whole numbers.
fn frame_from_crop(side: usize) -> Affine2 {
    let ratio = side as f32 / CROP;
    Affine2::from_scale_angle_translation(glam::Vec2::splat(ratio), 0.0, glam::Vec2::splat((ratio - 1.0) / 2.0))
}

/// Swaps one identity after the other by one model.
pub struct Swapper {
    path: CpuPath,
    look: Look,
    done: Done,
}

impl Swapper {
    /// Plans the model; `identity` is the first one.
    ///
    /// # Errors
    /// [`Error::Model`] for a broken model, or an identity that lacks its encoder's embedding.
    pub fn new(painter: &Painter, identity: &Identity) -> Result<Self> {
        painter.check(identity)?;
        let path = CpuPath::new(Some((painter, identity)))?;
        Ok(Self { path, look: Look { badge: false, ..Look::default() }, done: Done::default() })
    }

    /// Another identity.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn put_on(&mut self, identity: &Identity) -> Result<()> {
        self.path.set_identity(identity)
    }

    /// The target of that number, swapped, in the common frame of `side` pixels; none when the path did not paint.
    pub fn swap(&mut self, cast: &Cast, target: usize, side: usize) -> Result<Option<RgbImage>> {
        let scene = &cast.scenes[target];
        let mut picture = scene.picture.clone();
        let (info, stride) = (view(&picture)?.info, picture.width() as usize * 3);
        let mut frame = FrameViewMut::new(info, [&mut picture, &mut [], &mut []], [stride, 0, 0])?;
        let job =
            FaceJob { frame_from_region: scene.picture_from_region, history: None, elapsed_secs: 0.0, carried: None };
        let work = Work { detect: false, jobs: &[job], look: &self.look, mark: None };
        self.path.swap(&mut frame, &work, &mut self.done)?;
        let painted = self.done.faces.first().is_some_and(|face| face.swapped);
        painted.then(|| aligned(&picture, scene.frame_from_picture, side)).transpose()
    }
}
