//! Generators of AlphaFace's family: the `swapper` of its checkpoints, and inswapper_128.

use alphaswap::nets::GeneratorConfig;
use alphaswap::tensor::Tensor;
use anyhow::{Result, bail, ensure};
use safetensors::tensor::Dtype;

use super::content::{Content, Tensors, read_all};
use super::model::{Imported, Network};
use super::npy;

/// The first tensor of every generator of the family.
const ANCHOR: &str = "E.Encoder.layer_0.0.weight";
/// The last convolution of inswapper_128, which AlphaFace replaced by three.
const INSWAPPER: &str = "up0.1.weight";
/// The map of the embedding as model files hold it: a linear layer's weight, `[out, in]`.
const EMAP: &str = "emap";
/// Metadata by which a generator's file tells that its [`EMAP`] is `[out, in]`; only those written here have it.
pub const LAYOUT: (&str, &str) = ("emap", "[out, in]");

/// The generator in `content`, if there is one. `emap` is the map `[width, width]` where the checkpoint has none.
pub fn find(content: &Content, emap: Option<&Tensor>) -> Result<Option<Imported>> {
    let Some(tensors) = content.below(ANCHOR)? else { return Ok(None) };
    let (preset, about) = match tensors.contains_key(INSWAPPER) {
        true => (GeneratorConfig::inswapper_128(), "inswapper_128 (insightface)"),
        false => (GeneratorConfig::alphaface_256(), "AlphaFace generator (github.com/andrewyu90/Alphaface_Official)"),
    };
    let ours = content.metadata.get(LAYOUT.0).is_some_and(|layout| layout == LAYOUT.1);
    ensure!(
        ours || !tensors.contains_key(EMAP),
        "whether its tensor {EMAP} is the map M of a row vector e * M or transposed cannot be told; save the file without \
         it, and add --emap M.npy"
    );
    let mut weights = read_all(&tensors)?;
    // The checkpoints' map stands on the right of a row vector (e * M), a layer's weight on the left of a column.
    match (emap, &content.emap) {
        (Some(matrix), None) if !weights.0.contains_key(EMAP) => {
            weights.0.insert(EMAP.into(), npy::transposed(matrix));
        }
        (Some(_), _) => bail!("the file carries its own emap; leave --emap out"),
        (None, Some(matrix)) => {
            weights.0.insert(EMAP.into(), npy::transposed(&matrix.read(EMAP)?));
        }
        (None, None) if !weights.0.contains_key(EMAP) => {
            bail!("the map of the embedding is missing; add --emap emp.npy (AlphaFace's repository has it in Models/)")
        }
        (None, None) => (),
    }
    let half = emap.is_none() && tensors.values().chain(&content.emap).all(|t| t.dtype == Dtype::F16);
    Ok(Some(Imported {
        about: about.into(),
        network: Network::Generator(with_widths(preset, &tensors)),
        weights,
        dtype: if half { Dtype::F16 } else { Dtype::F32 },
    }))
}

/// The plan of `config` with the channels of `tensors`; layers that are missing keep theirs, to be complained of later.
fn with_widths(mut config: GeneratorConfig, tensors: &Tensors) -> GeneratorConfig {
    let size = |name: &str, axis: usize| tensors.get(name).and_then(|t| t.shape.get(axis)).copied();
    for layer in config.encoder.iter_mut().chain(&mut config.decoder) {
        layer.out = size(&format!("{}.weight", layer.name), 0).unwrap_or(layer.out);
    }
    let style = "E.fusion_module.fusion_layer_0.OP1.IFF.fc.weight";
    config.identity.width = size(style, 1).unwrap_or(config.identity.width);
    config
}
