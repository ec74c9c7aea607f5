//! Enrolling: from photos of a person to an [`Identity`].

mod upright;
mod views;

use std::path::{Path, PathBuf};

use image::RgbImage;

use self::upright::{Upright, upright};
pub use self::views::Views;
use super::encoder::Encoder;
use super::photo::{fitted, from_planes, no_larger, view};
use super::quality::{self, Quality};
use super::{Consent, Identity, Texture, file};
use crate::align::{canvas_from_frame, canvas_side, native_crop};
use crate::error::{Error, Result};
use crate::face::{Detection, Landmarks};
use crate::models::Model;
use crate::path::cpu::CpuPath;
use crate::path::cpu::sample::{Border, Sampler};
use crate::path::{FramePath, MeshReading};
use crate::region;
use crate::settings::Look;

/// [`Sample::likeness`] below which two photos are taken to show two people. Of 2185 pairs of photos of one person (ten
/// people; expressions, light, up to 50 degrees of turn) .1 % lie below, the least alike at .30; of 83000 pairs of
/// different people 93 %, of those of one sex and one studio 80 %. Siblings pass.
pub const OTHER_PERSON: f32 = 0.35;
/// [`Sample::likeness`] below which it is worth asking whether two photos show one person: 2 % of one person's pairs, 97
/// % of those of different people.
pub const DOUBTFUL: f32 = 0.45;

/// Smallest and largest crop of a texture in pixels.
pub(crate) const CROPS: (usize, usize) = (128, 512);

/// Looks at photos and makes identities. Always on the CPU: it is done once per person.
pub struct Enroller {
    path: CpuPath,
    encoders: Vec<Encoder>,
}

/// What one photo gives.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The photo's name, for messages.
    pub photo: PathBuf,
    /// The aligned photo.
    pub texture: Texture,
    /// What each encoder saw in each of its crops; most views of a video are dropped before they are embedded.
    seen: Vec<Vec<Vec<f32>>>,
    /// FaceRes's embedding, without its mean, of length 1.
    face: Vec<f32>,
    /// What was measured.
    pub quality: Quality,
    /// Quarter turns to the left that made the face upright, 0 to 3.
    pub quarter_turns: u8,
}

impl Enroller {
    /// Loads the networks that ship, FaceRes as the one encoder.
    ///
    /// # Errors
    /// [`Error::Model`] when a shipped model is broken.
    pub fn new() -> Result<Self> {
        let encoders = vec![Encoder::new(&Model::builtin("identity")?)?];
        Ok(Self { path: CpuPath::new(None)?, encoders })
    }

    /// Adds the encoder of other people's generators. It must come before the first sample.
    ///
    /// # Errors
    /// [`Error::Model`] when `model` is no encoder, or there is one of its name.
    pub fn with_encoder(mut self, model: &Model) -> Result<Self> {
        let encoder = Encoder::new(model)?;
        if self.encoders.iter().any(|e| e.name == encoder.name) {
            let reason = format!("there is an encoder called {} already; give each its own name", encoder.name);
            return Err(Error::model(&model.name, reason));
        }
        self.encoders.push(encoder);
        Ok(self)
    }

    /// Reads the face in `picture`. Where there are several faces, `face` picks one, counted from 1, from left to
    /// right. A face that lies or stands on its head is turned upright. `photo` is the picture's name in messages. A picture larger than [`crate::frame::FrameInfo::SIDE`] is
    /// shrunk first.
    ///
    /// # Errors
    /// [`Error::Enroll`] says why the photo cannot be used: no face, several faces with their places, or a face that
    /// [`Quality::refusal`] does not take.
    pub fn sample(&mut self, photo: &Path, picture: &RgbImage, face: Option<usize>) -> Result<Sample> {
        let refuse = |reason: String| Error::Enroll { photo: photo.into(), reason };
        let picture = &*fitted(picture);
        let detection = {
            let mut faces = self.path.detect(&view(picture)?, Look::default().threshold)?;
            faces.sort_by(|a, b| a.min.x.total_cmp(&b.min.x));
            pick(&faces, face).map_err(refuse)?
        };
        let Upright { picture, reading, quarter_turns } = upright(&mut self.path, picture, &detection)?;
        let MeshReading { landmarks, presence } = reading;
        let crop_pixels = native_crop(&landmarks);
        let (picture, landmarks) = no_larger(&picture, &landmarks, CROPS.1);
        let (canvas, points) = warp_canvas(&picture, &landmarks, quality::CROP)?;
        let quality = Quality::measure(&canvas, &points, crop_pixels, presence);
        tracing::debug!(photo = %photo.display(), ?quality, "measured");
        if let Some(reason) = quality.refusal() {
            return Err(refuse(reason));
        }
        let texture = texture(&picture, &landmarks, quality)?;
        let seen: Vec<_> = self.encoders.iter().map(|e| e.look(&picture, &landmarks)).collect::<Result<_>>()?;
        let face = normalised(self.encoders[0].embed(seen[..1].iter()).swap_remove(0).values);
        Ok(Sample { photo: photo.into(), texture, seen, face, quality, quarter_turns })
    }

    /// Puts samples of this enroller together: raw embeddings are averaged, textures kept in the order of their yaw.
    ///
    /// # Errors
    /// [`Error::Enroll`] when no sample looks into the camera, there are none or too many, or they show two people.
    ///
    /// # Panics
    /// When a sample was made by an enroller with other encoders.
    pub fn identity(&mut self, name: &str, consent: Consent, mut samples: Vec<Sample>) -> Result<Identity> {
        let yaw = |s: &Sample| s.quality.pose.yaw;
        let front = samples.iter().min_by(|a, b| yaw(a).abs().total_cmp(&yaw(b).abs()));
        let Some(front) = front else {
            return Err(Error::Enroll { photo: PathBuf::new(), reason: "there is no photo to enroll".into() });
        };
        let refuse = |reason: String| Err(Error::Enroll { photo: front.photo.clone(), reason });
        if yaw(front).abs() > quality::FRONT_YAW {
            return refuse(format!(
                "the head is turned by {:.0} degrees and there is no photo from the front (up to {:.0}); add one",
                yaw(front).abs(),
                quality::FRONT_YAW
            ));
        }
        if samples.len() > file::MAX_TEXTURES {
            return refuse(format!("there are {} photos, at most {} are taken", samples.len(), file::MAX_TEXTURES));
        }
        one_person(&samples)?;
        samples.sort_by(|a, b| yaw(a).total_cmp(&yaw(b)));
        let mut embeddings = Vec::new();
        for (i, encoder) in self.encoders.iter_mut().enumerate() {
            embeddings.extend(encoder.embed(samples.iter().map(|s| &s.seen[i])));
        }
        let textures = samples.into_iter().map(|s| s.texture).collect();
        Ok(Identity { name: name.into(), consent, embeddings, textures })
    }
}

impl Sample {
    /// How much two faces look like one person's, -1 to 1: the correlation of their FaceRes embeddings.
    pub fn likeness(&self, other: &Self) -> f32 {
        self.face.iter().zip(&other.face).map(|(a, b)| a * b).sum()
    }
}

/// The sample with the highest [`Quality::score`]; the others are compared with it.
pub fn best(samples: &[Sample]) -> Option<&Sample> {
    samples.iter().max_by(|a, b| a.quality.score().total_cmp(&b.quality.score()))
}

/// Checks that all samples look like the best one.
fn one_person(samples: &[Sample]) -> Result<()> {
    let Some(best) = best(samples) else { return Ok(()) };
    let other = samples.iter().min_by(|a, b| best.likeness(a).total_cmp(&best.likeness(b)));
    match other.map(|other| (other, best.likeness(other))) {
        Some((other, likeness)) if likeness < OTHER_PERSON => Err(Error::Enroll {
            photo: other.photo.clone(),
            reason: format!(
                "it shows another person than {} (likeness {likeness:.2}, one person's photos have {OTHER_PERSON} or \
                 more); an identity is of one person: leave one of the two out, or pick the right face with --face N",
                best.photo.display()
            ),
        }),
        _ => Ok(()),
    }
}

/// An embedding without its mean, at length 1: the product of two of these is their correlation.
fn normalised(mut embedding: Vec<f32>) -> Vec<f32> {
    let mean = embedding.iter().sum::<f32>() / embedding.len() as f32;
    embedding.iter_mut().for_each(|v| *v -= mean);
    let length = embedding.iter().map(|v| v * v).sum::<f32>().sqrt();
    embedding.iter_mut().for_each(|v| *v /= length.max(f32::MIN_POSITIVE));
    embedding
}

fn pick(faces: &[Detection], face: Option<usize>) -> Result<Detection, String> {
    let list = || {
        let place = |(i, f): (usize, &Detection)| {
            let (size, middle) = ((f.max - f.min).max_element(), (f.min + f.max) / 2.0);
            format!("{} at ({:.0}, {:.0}), {size:.0} px", i + 1, middle.x, middle.y)
        };
        faces.iter().enumerate().map(place).collect::<Vec<_>>().join("; ")
    };
    match (faces, face) {
        ([], _) => {
            Err("no face found; use a well-lit photo from the front in which the face is at least 60 pixels high"
                .into())
        }
        ([only], None | Some(1)) => Ok(*only),
        (_, Some(n)) => {
            let reason = || format!("there is no face {n}; found: {}", list());
            n.checked_sub(1).and_then(|i| faces.get(i)).copied().ok_or_else(reason)
        }
        (_, None) => Err(format!("{} faces found, pick one with --face N: {}", faces.len(), list())),
    }
}

/// Landmarks of a detected face; the second look, from the first one's landmarks, tightens eyes and lips.
pub(crate) fn read_mesh(path: &mut CpuPath, picture: &RgbImage, detection: &Detection) -> Result<MeshReading> {
    let frame = view(picture)?;
    let first = path.landmarks(&frame, region::from_detection(detection))?;
    path.landmarks(&frame, region::from_landmarks(&first.landmarks))
}

/// The canvas of a face at size `crop` (planar `[3, side, side]`, 0 to 1) and its mesh in canvas pixels.
pub(crate) fn warp_canvas(picture: &RgbImage, landmarks: &Landmarks, crop: usize) -> Result<(Vec<f32>, Landmarks)> {
    let canvas_from_picture = canvas_from_frame(landmarks, crop);
    let side = canvas_side(crop);
    let mut canvas = vec![0.0; 3 * side * side];
    Sampler::new(&view(picture)?).warp(canvas_from_picture.inverse(), side, Border::Repeat, &mut canvas);
    Ok((canvas, landmarks.mapped(canvas_from_picture)))
}

fn texture(picture: &RgbImage, landmarks: &Landmarks, quality: Quality) -> Result<Texture> {
    let crop = (native_crop(landmarks).ceil() as usize).next_multiple_of(8).clamp(CROPS.0, CROPS.1);
    let (canvas, points) = warp_canvas(picture, landmarks, crop)?;
    let side = canvas_side(crop);
    Ok(Texture { side, rgb: from_planes(&canvas, side).into_raw(), points, pose: quality.pose })
}
