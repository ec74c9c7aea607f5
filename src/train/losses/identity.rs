//! Who is seen in a crop, by a frozen encoder, and how far two of them are apart.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::{cosine, faceres_input, unit};
use crate::error::{Error, Result};
use crate::models::{Model, Weights};
use crate::nets::faceres;
use crate::train::ops::resize;
use crate::train::spec_module::SpecModule;

/// Where FaceRes looks in an aligned crop, in pixels of a crop of 128: left, top, side. Everywhere else it looks at a
/// square of 1.15 times the mesh's box, which a swapped crop has not: this square of the template stands in for it.
/// Of the squares tried on 130 photos it comes nearest to the photo's own embedding: cosine .96 at 224 px (means
/// subtracted; .90 for heads turned by 25 degrees or more), .91 at 192 px, .81 at 160, .74 at 144. The whole crop gives
/// .91 at 224 px, a square a tenth smaller .94.
const FACE: [usize; 3] = [9, 14, 110];
const FACE_OF: usize = 128;
/// Sides that make sense for FaceRes; it was trained at 224, far below it becomes another network.
const SIDES: std::ops::RangeInclusive<usize> = 64..=448;

/// An identity encoder that gradients flow through, FaceRes or an ArcFace.
#[derive(Clone, Debug)]
pub struct IdentityNet {
    module: SpecModule,
    kind: Kind,
    side: usize,
    /// Subtracted from an embedding first, `[1, d]`.
    mean: Option<Tensor<2>>,
    /// Multiplied from the right, `[d, d]`.
    map: Option<Tensor<2>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Faceres,
    Arcface,
}

impl IdentityNet {
    /// The encoder of a model file. FaceRes works on pictures of `side` pixels, ArcFace on those of its card.
    ///
    /// # Errors
    /// [`Error::Model`] for a model that is no identity encoder, [`Error::Training`] for a side that makes no sense.
    pub fn new(model: &Model, side: usize, device: &Device) -> Result<Self> {
        let (kind, spec) = match model.card.network.as_str() {
            "faceres_224" if SIDES.contains(&side) => (Kind::Faceres, faceres::faceres_at(side)),
            "faceres_224" => {
                let reason = format!("{side} px do not suit FaceRes; choose {SIDES:?}, 192 or more to be true to it");
                return Err(Error::training("identity side", reason));
            }
            "arcface" => (Kind::Arcface, model.spec()?),
            other => {
                let reason =
                    format!("its card says network = {other:?}; an identity encoder is faceres_224 or arcface");
                return Err(Error::model(&model.name, reason));
            }
        };
        let side = spec.inputs.first().map_or(side, |input| spec.shape(input.value).w);
        let module = SpecModule::new(spec, &model.weights, device)?.no_grad();
        Ok(Self { module, kind, side, mean: None, map: None })
    }

    /// Compares identities where the generator with these weights does: its `identity_mean` is subtracted, its `emap`
    /// applied (`[d, d]`, row `o` makes value `o`). Tensors that are not there change nothing.
    ///
    /// # Errors
    /// [`Error::Training`] when they are for embeddings of another length.
    pub fn with_space_of(mut self, generator: &Weights) -> Result<Self> {
        let width = self.module.spec().outputs.iter().map(|o| o.shape[1]).sum::<usize>();
        let device = self.module.devices().into_iter().next().unwrap_or_default();
        let read = |name: &str, shape: [usize; 2]| {
            let Some(t) = generator.0.get(name) else { return Ok(None) };
            if t.data.len() != shape[0] * shape[1] {
                let reason = format!("is for embeddings of another length than the encoder's {width}: {:?}", t.shape);
                return Err(Error::training(name, reason));
            }
            Ok(Some(Tensor::from_data(TensorData::new(t.data.clone(), shape), &device)))
        };
        self.mean = read("identity_mean", [1, width])?;
        self.map = read("emap", [width, width])?.map(Tensor::transpose);
        Ok(self)
    }

    /// The raw embeddings of aligned crops (template arcface_128_v2, square): `[n, 3, s, s]` RGB in [0, 1] -> `[n, d]`.
    ///
    /// ArcFace sees the whole crop, sampled down with two taps an axis, as in AlphaFace's training code.
    pub fn embed(&self, crops: Tensor<4>) -> Tensor<2> {
        let input = match self.kind {
            Kind::Faceres => faceres_input(resize(face(crops), [self.side; 2])),
            Kind::Arcface => resize(crops, [self.side; 2]) * 2.0 - 1.0,
        };
        self.module.forward(&[("input", input)]).flatten(1, 3)
    }

    /// Raw embeddings `[n, d]` as unit vectors of the space where identities are compared ([`Self::with_space_of`]).
    pub fn code(&self, embeddings: Tensor<2>) -> Tensor<2> {
        let centred = self.mean.iter().fold(embeddings, |e, mean| e - mean.clone());
        unit(self.map.iter().fold(centred, |e, map| e.matmul(map.clone())))
    }
}

/// Mean of 1 - cos between the rows of two `[n, d]`.
pub fn cosine_loss(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (cosine(a, b).neg() + 1.0).mean()
}

/// The part of aligned crops that shows the face ([`FACE`]).
fn face(crops: Tensor<4>) -> Tensor<4> {
    let s = crops.dims()[3];
    let [x, y, side] = FACE.map(|v| (v * s + FACE_OF / 2) / FACE_OF);
    crops.narrow(2, y, side).narrow(3, x, side)
}
