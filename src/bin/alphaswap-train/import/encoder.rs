//! ArcFace encoders: insightface's iresnet with all its batch norms, or with those behind convolutions folded in.
//!
//! A norm is y = s x + t with s = weight / sqrt(running_var + eps), t = bias - running_mean s, so a convolution or linear
//! layer in front of it takes it in: W' = s W, b' = s b + t (per output). One behind a norm may only do so where no
//! padding lies between: the tail does, the blocks' first norm does not and stays a scale and a shift.

use std::collections::{BTreeSet, HashMap};

use alphaswap::models::Weights;
use alphaswap::nets::ArcfaceConfig;
use alphaswap::tensor::Tensor;
use anyhow::{Result, bail, ensure};
use safetensors::tensor::Dtype;

use super::content::{Content, Tensors, read_all};
use super::model::{Imported, Network};

/// A tensor of every ArcFace residual network, and of no plain one.
const ANCHOR: &str = "layer1.0.prelu.weight";
/// Tensors of a convolution or linear layer.
pub const LAYER: &[&str] = &["weight", "bias"];
/// Tensors of a batch norm.
pub const NORM: &[&str] = &["weight", "bias", "running_mean", "running_var"];
/// Epsilon of the batch norms (insightface's `iresnet.py`).
pub const EPS: f64 = 1e-5;

/// One step from the checkpoint's names to the model file's.
enum Part {
    /// `from.weight` and, where no norm follows, `from.bias` become `to.{weight,bias}`.
    Conv { from: String, norm: Option<String>, to: String },
    /// A norm becomes a scale `weight` and a shift `bias` of the same name.
    Norm(String),
    /// Slopes of a PReLU keep their name.
    Slope(String),
    /// The last linear layer between two norms becomes `fc`.
    Tail { before: String, linear: String, after: String },
}

/// The encoder in `content`, if there is one.
pub fn find(content: &Content) -> Result<Option<Imported>> {
    let Some(tensors) = content.below(ANCHOR)? else { return Ok(None) };
    let blocks = [1, 2, 3, 4].map(|layer| count_blocks(&tensors, layer));
    let parts = parts(&tensors, blocks);
    check_names(&tensors, &parts)?;
    let source = Source(read_all(&tensors)?);
    let mut weights = HashMap::new();
    for part in &parts {
        source.convert(part, &mut weights)?;
    }
    if let Some((name, _)) = weights.iter().find(|(_, t)| t.data.iter().any(|v| !v.is_finite())) {
        bail!("tensor {name} overflows when the norms are folded in; the checkpoint is damaged or training diverged");
    }
    let config = config(blocks, &weights)?;
    let depth = 2 + 2 * blocks.iter().sum::<usize>();
    Ok(Some(Imported {
        about: format!("ArcFace encoder, iresnet{depth} (insightface)"),
        network: Network::Encoder(config),
        weights: Weights(weights),
        dtype: Dtype::F32,
    }))
}

/// How many different blocks of a layer are named, at least one.
fn count_blocks(tensors: &Tensors, layer: usize) -> usize {
    let prefix = format!("layer{layer}.");
    let indices = tensors.keys().filter_map(|n| n.strip_prefix(&prefix)?.split_once('.').map(|(index, _)| index));
    indices.collect::<BTreeSet<_>>().len().max(1)
}

/// The network in the checkpoint's own dialect.
fn parts(tensors: &Tensors, blocks: [usize; 4]) -> Vec<Part> {
    let has = |name: &str| tensors.contains_key(name);
    let unfolded = has("layer1.0.bn2.weight");
    // insightface's names of the shortcut and the tail, else AlphaFace's.
    let shortcut = if has("layer1.0.downsample.0.weight") { "downsample.0" } else { "downsample" };
    let linear = if has("fc.weight") { "fc" } else { "fc5" };
    let after = if has("features.weight") { "features" } else { "bn3" };
    let conv =
        |from: String, norm: String, to: &str| Part::Conv { from, norm: unfolded.then_some(norm), to: to.into() };
    let mut parts = vec![conv("conv1".into(), "bn1".into(), "conv1"), Part::Slope("prelu.weight".into())];
    for (layer, blocks) in (1..).zip(blocks) {
        for index in 0..blocks {
            let part = |name: &str| format!("layer{layer}.{index}.{name}");
            parts.push(Part::Norm(part("bn1")));
            parts.push(conv(part("conv1"), part("bn2"), &part("conv1")));
            parts.push(Part::Slope(part("prelu.weight")));
            parts.push(conv(part("conv2"), part("bn3"), &part("conv2")));
            if index == 0 {
                parts.push(conv(part(shortcut), part("downsample.1"), &part("downsample")));
            }
        }
    }
    parts.push(Part::Tail { before: "bn2".into(), linear: linear.into(), after: after.into() });
    parts
}

impl Part {
    /// Names of the tensors that it takes.
    fn takes(&self) -> Vec<String> {
        let of = |name: &str, what: &[&str]| what.iter().map(|w| format!("{name}.{w}")).collect::<Vec<_>>();
        match self {
            Self::Conv { from, norm: None, .. } => of(from, LAYER),
            Self::Conv { from, norm: Some(norm), .. } => [of(from, &LAYER[..1]), of(norm, NORM)].concat(),
            Self::Norm(name) => of(name, NORM),
            Self::Slope(name) => vec![name.clone()],
            Self::Tail { before, linear, after } => [of(before, NORM), of(linear, LAYER), of(after, NORM)].concat(),
        }
    }
}

/// Refuses a checkpoint with other tensors than `parts` take.
fn check_names(tensors: &Tensors, parts: &[Part]) -> Result<()> {
    const SHOWN: usize = 8;
    let want: BTreeSet<String> = parts.iter().flat_map(Part::takes).collect();
    let missing: Vec<_> = want.iter().filter(|n| !tensors.contains_key(*n)).map(String::as_str).collect();
    let extra: Vec<_> = tensors.keys().filter(|n| !want.contains(*n)).map(String::as_str).collect();
    let list = |what: &str, names: &[&str]| match names {
        [] => String::new(),
        all if all.len() > SHOWN => {
            format!(" tensors {what}: {} and {} more;", all[..SHOWN].join(", "), all.len() - SHOWN)
        }
        all => format!(" tensors {what}: {};", all.join(", ")),
    };
    let report = list("missing", &missing) + &list("not known", &extra);
    ensure!(report.is_empty(), "does not fit ArcFace's residual network:{report}");
    Ok(())
}

/// A norm, per channel.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// The checkpoint's tensors, all there.
struct Source(Weights);

impl Source {
    fn get(&self, name: &str) -> &Tensor {
        &self.0.0[name]
    }

    /// A vector of `len` values.
    fn vector(&self, name: &str, len: usize) -> Result<Vec<f64>> {
        let tensor = self.get(name);
        ensure!(tensor.shape == [len], "tensor {name} has the shape {:?}, expected [{len}]", tensor.shape);
        Ok(tensor.data.iter().map(|&v| v.into()).collect())
    }

    fn norm(&self, name: &str, len: usize) -> Result<Affine> {
        let part = |part: &str| self.vector(&format!("{name}.{part}"), len);
        let (weight, bias, mean, var) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        if let Some(negative) = var.iter().find(|&&v| v < 0.0) {
            bail!("tensor {name}.running_var holds {negative}, a variance is never negative");
        }
        let scale: Vec<_> = weight.iter().zip(&var).map(|(w, v)| w / (v + EPS).sqrt()).collect();
        let shift = bias.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
        Ok(Affine { scale, shift })
    }

    fn convert(&self, part: &Part, out: &mut HashMap<String, Tensor>) -> Result<()> {
        match part {
            Part::Conv { from, norm, to } => {
                let weight = self.get(&format!("{from}.weight"));
                let rows = *weight.shape.first().unwrap_or(&0);
                let (weight, bias) = match norm {
                    Some(norm) => {
                        let norm = self.norm(norm, rows)?;
                        (scaled(weight, &norm.scale), norm.shift)
                    }
                    None => (weight.clone(), self.vector(&format!("{from}.bias"), rows)?),
                };
                out.extend([(format!("{to}.weight"), weight), (format!("{to}.bias"), vector(&bias))]);
            }
            Part::Norm(name) => {
                let norm = self.norm(name, self.get(&format!("{name}.weight")).data.len())?;
                out.insert(format!("{name}.weight"), vector(&norm.scale));
                out.insert(format!("{name}.bias"), vector(&norm.shift));
            }
            Part::Slope(name) => {
                out.insert(name.clone(), self.get(name).clone());
            }
            Part::Tail { before, linear, after } => {
                let (weight, bias) = self.tail(before, linear, after)?;
                out.extend([("fc.weight".into(), weight), ("fc.bias".into(), bias)]);
            }
        }
        Ok(())
    }

    /// after(linear(before(x))), x flattened in the order channel, row, column.
    fn tail(&self, before: &str, linear: &str, after: &str) -> Result<(Tensor, Tensor)> {
        let name = format!("{linear}.weight");
        let weight = self.get(&name);
        let channels = self.get(&format!("{before}.weight")).data.len();
        let [rows, columns] = weight.shape[..] else { bail!("tensor {name} has the shape {:?}", weight.shape) };
        let fits = channels > 0 && columns > 0 && columns % channels == 0;
        ensure!(fits, "tensor {name} has {columns} columns, which {channels} channels of {before} do not divide");
        let (before, after) = (self.norm(before, channels)?, self.norm(after, rows)?);
        let bias = self.vector(&format!("{linear}.bias"), rows)?;
        let channel = |column: usize| column / (columns / channels);
        let mut data = Vec::with_capacity(weight.data.len());
        let mut terms = Vec::with_capacity(rows);
        for (row, values) in weight.data.chunks_exact(columns).enumerate() {
            let value = |(c, &w): (usize, &f32)| (f64::from(w) * before.scale[channel(c)] * after.scale[row]) as f32;
            data.extend(values.iter().enumerate().map(value));
            let from_shift: f64 =
                values.iter().enumerate().map(|(c, &w)| f64::from(w) * before.shift[channel(c)]).sum();
            terms.push((bias[row] + from_shift) * after.scale[row] + after.shift[row]);
        }
        Ok((Tensor::new([rows, columns], data)?, vector(&terms)))
    }
}

/// Each output's weights times its scale.
fn scaled(weight: &Tensor, scale: &[f64]) -> Tensor {
    let row = weight.data.len() / scale.len().max(1);
    let data = weight.data.iter().enumerate().map(|(i, &w)| (f64::from(w) * scale[i / row]) as f32).collect();
    Tensor { shape: weight.shape.clone(), data }
}

fn vector(values: &[f64]) -> Tensor {
    Tensor { shape: vec![values.len()], data: values.iter().map(|&v| v as f32).collect() }
}

/// The sizes that the tensors tell.
fn config(blocks: [usize; 4], weights: &HashMap<String, Tensor>) -> Result<ArcfaceConfig> {
    let size = |name: &str, axis: usize| weights[name].shape.get(axis).copied().unwrap_or(0);
    let widths = [1, 2, 3, 4].map(|layer| size(&format!("layer{layer}.0.conv1.weight"), 0));
    // Four layers halve the side each.
    let pixels = size("fc.weight", 1) / widths[3].max(1);
    let side = 16 * pixels.isqrt();
    Ok(ArcfaceConfig { blocks, widths, side, embedding: size("fc.weight", 0) })
}
