//! Tensors by name in safetensors files.

use std::path::Path;

use bytemuck::cast_slice;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};
use crate::files::replace;
use crate::models::{MAX_WEIGHTS, Weights, check_size};
use crate::nets::Param;
use crate::tensor::Tensor;

/// A tensor's values, fetched from its device.
pub fn on_host<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Tensor {
    let shape = tensor.dims().to_vec();
    Tensor { shape, data: tensor.into_data_as::<f32>().try_into_vec().expect("it was just converted to f32") }
}

/// Writes every tensor as f32; the file appears complete or not at all, and the same tensors make the same file.
///
/// # Errors
/// [`Error::Io`].
pub fn write_tensors(path: &Path, weights: &Weights) -> Result<()> {
    let broken = |e| Error::training(path.display(), format!("the tensors cannot be written: {e}"));
    let mut views = Vec::with_capacity(weights.0.len());
    for (name, tensor) in &weights.0 {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), cast_slice(&tensor.data)).map_err(broken)?;
        views.push((name, view));
    }
    replace(path, &safetensors::serialize(views, None).map_err(broken)?)
}

/// Every tensor of a file, as f32.
///
/// # Errors
/// [`Error::Io`], or [`Error::Model`] for a damaged file or a value that is not finite.
pub fn read_tensors(path: &Path) -> Result<Weights> {
    check_size(path, MAX_WEIGHTS).map_err(Error::io(path))?;
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    Weights::from_bytes(&path.display().to_string(), &bytes)
}

/// The weights of a network with these parameters.
///
/// # Errors
/// As [`read_tensors`]; [`Error::Training`] for a network of another architecture, naming the tensors that differ.
pub fn read_weights(path: &Path, parameters: impl IntoIterator<Item = Param>) -> Result<Weights> {
    let weights = read_tensors(path)?;
    match weights.differences(parameters) {
        None => Ok(weights),
        Some(report) => {
            let reason =
                format!("is of another architecture than the config's:{report} resume with the run's own config");
            Err(Error::training(path.display(), reason))
        }
    }
}
