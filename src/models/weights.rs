//! Reading [`Weights`] from the bytes of a safetensors file, which may be broken or hostile.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};

use super::Weights;
use crate::error::{Error, Result};
use crate::nets::{NetSpec, Param};
use crate::tensor::Tensor;

impl Weights {
    /// Random values for every parameter of `spec`, uniform within one over the root of the fan-in (the usual start of
    /// training): for measuring speed and for tests. The same `seed` gives the same values.
    pub fn random(spec: &NetSpec, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut uniform = || {
            // Knuth's MMIX generator; the high bits are the good ones.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        };
        // A bias starts within the bound of its weight; a vector that stands alone within 1.
        let fan_ins: HashMap<_, usize> =
            spec.params().into_iter().map(|p| (p.name, p.shape[1..].iter().product())).collect();
        let mut tensor = |param: Param| {
            let weight = param.name.strip_suffix("bias").map(|stem| format!("{stem}weight"));
            let fan_in = weight.and_then(|w| fan_ins.get(&w)).unwrap_or(&fan_ins[&param.name]);
            let bound = 1.0 / (*fan_in as f32).sqrt();
            let data = (0..param.shape.iter().product()).map(|_| uniform() * bound).collect();
            (param.name, Tensor { shape: param.shape, data })
        };
        Self(spec.params().into_iter().map(&mut tensor).collect())
    }

    /// Reads every tensor of a safetensors file as f32. `model` names it in errors.
    ///
    /// # Errors
    /// [`Error::Model`] for a truncated file, a header that is too long or does not describe exactly the bytes that
    /// follow, a type other than f32, f16, bf16 and f64, or a value that is not finite (the tensor is named).
    pub fn from_bytes(model: &str, bytes: &[u8]) -> Result<Self> {
        let read = |(name, view): (String, TensorView<'_>)| {
            let tensor = to_f32(&view).map_err(|reason| Error::model(model, format!("tensor {name}: {reason}")))?;
            Ok((name, tensor))
        };
        Ok(Self(views(model, bytes)?.into_iter().map(read).collect::<Result<_>>()?))
    }
}

/// The tensors of a safetensors file, not looked at yet. `model` names it in errors.
///
/// # Errors
/// [`Error::Model`] for a truncated file, or a header that is too long or does not describe exactly the bytes that
/// follow.
pub fn views<'a>(model: &str, bytes: &'a [u8]) -> Result<Vec<(String, TensorView<'a>)>> {
    // The crate checks that offsets are in order, without gaps or overlap, within the file, and fit the shapes.
    let file = SafeTensors::deserialize(bytes).map_err(|e| Error::model(model, explain(&e, bytes)))?;
    Ok(file.tensors())
}

/// Values of any float type as f32, all finite.
///
/// # Errors
/// What is wrong and what to do: another type, or a value that is not finite (one of f64 may be too large for f32).
pub fn to_f32(view: &TensorView<'_>) -> Result<Tensor, String> {
    fn decode<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|&chunk| value(chunk)).collect()
    }
    let data = match view.dtype() {
        Dtype::F32 => decode(view.data(), f32::from_le_bytes),
        Dtype::F16 => decode(view.data(), |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => decode(view.data(), |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => decode(view.data(), |b| f64::from_le_bytes(b) as f32),
        other => return Err(format!("type {other:?} is not supported, store it as F32, F16, BF16 or F64")),
    };
    if let Some(at) = data.iter().position(|v| !v.is_finite()) {
        return Err(format!("value {at} is {}; the file is damaged or training diverged", data[at]));
    }
    Tensor::new(view.shape(), data).map_err(|e| e.to_string())
}

/// What is wrong with the file, in words.
fn explain(error: &SafeTensorError, bytes: &[u8]) -> String {
    match error {
        SafeTensorError::HeaderTooSmall => format!("not a safetensors file: it has only {} bytes", bytes.len()),
        SafeTensorError::HeaderTooLarge => "not a safetensors file: its header claims an absurd length".into(),
        SafeTensorError::InvalidHeaderLength => "truncated: the header is longer than the file".into(),
        SafeTensorError::InvalidHeader(_) | SafeTensorError::InvalidHeaderDeserialization(_) => {
            format!("not a safetensors file: {error}")
        }
        SafeTensorError::MetadataIncompleteBuffer => {
            "truncated or overlong: the header describes another number of bytes than follow it".into()
        }
        SafeTensorError::InvalidOffset(name) => format!("tensor {name}: its bytes overlap others or leave a gap"),
        SafeTensorError::TensorInvalidInfo => "a tensor's shape does not fit its number of bytes".into(),
        SafeTensorError::ValidationOverflow => "a tensor's shape is absurdly large".into(),
        other => format!("broken safetensors file: {other}"),
    }
}
