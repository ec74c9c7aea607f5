//! What a checkpoint holds, whatever its container: tensors by name, widened only when they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use alphaswap::models::{MAX_WEIGHTS, Weights, check_size, to_f32, views};
use alphaswap::tensor::Tensor;
use anyhow::{Context, Result, anyhow, bail};
use prost::bytes::Bytes;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{onnx, torch};

/// Tensors by name.
pub type Tensors = BTreeMap<String, Stored>;

/// The contents of a checkpoint.
#[derive(Default)]
pub struct Content {
    /// Its floating-point tensors; others are counters, never weights.
    pub tensors: Tensors,
    /// inswapper's map of a row vector, `[width, width]`, which only its ONNX file carries.
    pub emap: Option<Stored>,
    /// What a safetensors file says of itself.
    pub metadata: HashMap<String, String>,
}

/// A tensor as it lies in the file.
#[derive(Clone)]
pub struct Stored {
    /// Type of the values.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Where its bytes are.
    pub data: Data,
}

/// Little-endian, row-major bytes.
#[derive(Clone)]
pub enum Data {
    /// In memory, a slice of the file.
    Memory(Bytes),
    /// In a PyTorch checkpoint, not read yet.
    Torch(pytorch_reader::Tensor),
}

impl Stored {
    /// The values as f32, all finite; `name` is for messages.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let bytes = match &self.data {
            Data::Memory(bytes) => bytes.clone(),
            Data::Torch(tensor) => tensor.read()?.into(),
        };
        let view = TensorView::new(self.dtype, self.shape.clone(), &bytes).with_context(|| format!("tensor {name}"))?;
        to_f32(&view).map_err(|reason| anyhow!("tensor {name}: {reason}"))
    }
}

impl Content {
    /// Recognises the container by its first bytes and lists its tensors. Nothing in a pickle is executed.
    pub fn open(path: &Path) -> Result<Self> {
        check_size(path, u64::MAX)?;
        let mut head = Vec::new();
        File::open(path)?.take(512).read_to_end(&mut head)?;
        match Container::of(&head) {
            _ if head.is_empty() => bail!("the file is empty"),
            Some(Container::Torch) => Ok(Self { tensors: torch::read(path)?, ..Self::default() }),
            Some(Container::Safetensors) => safetensors(&read_whole(path)?),
            Some(Container::Onnx) => onnx::read(read_whole(path)?),
            None => bail!("no checkpoint: it is neither a PyTorch file nor ONNX nor safetensors"),
        }
    }

    /// The tensors whose names end in what follows the prefix of `anchor`, without that prefix (`swapper.`,
    /// `module.`); nothing if no tensor is called so. All others are left aside.
    pub fn below(&self, anchor: &str) -> Result<Option<Tensors>> {
        let prefix = |name: &'_ String| {
            let prefix = name.strip_suffix(anchor)?;
            (prefix.is_empty() || prefix.ends_with('.')).then(|| prefix.to_string())
        };
        let prefixes: Vec<_> = self.tensors.keys().filter_map(prefix).collect();
        match prefixes.as_slice() {
            [] => Ok(None),
            [prefix] => {
                let named = self.tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.into(), t.clone())));
                Ok(Some(named.collect()))
            }
            several => bail!(
                "the file holds several networks, their names begin with {several:?}; save one to a file of its own"
            ),
        }
    }
}

/// Kinds of files.
enum Container {
    Torch,
    Safetensors,
    Onnx,
}

impl Container {
    fn of(head: &[u8]) -> Option<Self> {
        // A header's length as u64, far below 2^40, then its JSON.
        if head.get(5..9) == Some(b"\0\0\0{") {
            return Some(Self::Safetensors);
        }
        match head {
            [b'P', b'K', ..] => Some(Self::Torch),
            // A TAR of the first releases.
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Torch),
            // A pickle of protocol 2 and up, or one of the older ones' opcodes.
            [0x80 | b'(' | b']' | b'}' | b'c', ..] => Some(Self::Torch),
            // ModelProto's first field, ir_version.
            [0x08, ..] => Some(Self::Onnx),
            _ => None,
        }
    }
}

fn read_whole(path: &Path) -> Result<Bytes> {
    check_size(path, MAX_WEIGHTS)?;
    Ok(std::fs::read(path)?.into())
}

fn safetensors(file: &Bytes) -> Result<Content> {
    let stored = |view: &TensorView<'_>| Stored {
        dtype: view.dtype(),
        shape: view.shape().to_vec(),
        data: Data::Memory(file.slice_ref(view.data())),
    };
    let all = views("file", file)?.into_iter();
    let tensors = all.filter(|(_, view)| is_float(view.dtype())).map(|(name, view)| (name, stored(&view))).collect();
    let metadata = SafeTensors::read_metadata(file)?.1.metadata().clone().unwrap_or_default();
    Ok(Content { tensors, metadata, emap: None })
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64)
}

/// Reads all of `tensors`. How much memory they take is bounded first: a view can claim more than its file holds.
pub fn read_all(tensors: &Tensors) -> Result<Weights> {
    let bytes = |t: &Stored| t.shape.iter().try_fold(4u64, |product, &n| product.checked_mul(n as u64));
    let total = tensors.values().try_fold(0u64, |sum, t| sum.checked_add(bytes(t)?));
    if total.is_none_or(|total| total > MAX_WEIGHTS) {
        bail!("its tensors take more than {MAX_WEIGHTS} bytes in f32; no network here is that large");
    }
    let read = |(name, tensor): (&String, &Stored)| Ok((name.clone(), tensor.read(name)?));
    Ok(Weights(tensors.iter().map(read).collect::<Result<_>>()?))
}
