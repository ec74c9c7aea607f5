//! PyTorch checkpoints: parsed by `pytorch-reader`, which knows no way to call what a pickle names.

use std::path::Path;

use anyhow::{Context, Result};
use pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::Dtype;

use super::content::{Data, Stored, Tensors};

/// The floating-point tensors by their dotted path through the checkpoint's dictionaries; bytes are not read yet.
pub fn read(path: &Path) -> Result<Tensors> {
    let reader = PytorchReader::new(path).context(
        "cannot be read as a PyTorch checkpoint of tensors (nothing in it was executed); \
         if its download was cut short, fetch it again",
    )?;
    let stored = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let dtype = float(tensor.dtype())?;
        Some((name, Stored { dtype, shape: tensor.shape().to_vec(), data: Data::Torch(tensor) }))
    };
    Ok(reader.into_tensors().into_iter().filter_map(stored).collect())
}

fn float(dtype: DType) -> Option<Dtype> {
    match dtype {
        DType::F64 => Some(Dtype::F64),
        DType::F32 => Some(Dtype::F32),
        DType::F16 => Some(Dtype::F16),
        DType::BF16 => Some(Dtype::BF16),
        _ => None,
    }
}
