//! `emp.npy`: AlphaFace's map of the embedding, in NumPy's format.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use alphaswap::models::{MAX_WEIGHTS, check_size};
use alphaswap::tensor::Tensor;
use anyhow::{Context, Result, bail, ensure};
use npyz::{DType, NpyFile, Order, TypeChar};

/// Longest embedding that is thinkable.
const MAX_WIDTH: u64 = 1 << 14;
const TRUNCATED: &str = "is truncated; fetch it again";

/// A square matrix `[width, width]` in row-major order, f32 or f64 of either byte order in the file.
pub fn square(path: &Path) -> Result<Tensor> {
    check_size(path, MAX_WEIGHTS)?;
    let file = NpyFile::new(BufReader::new(File::open(path)?)).context("not a NumPy .npy file")?;
    ensure!(!file.uses_pickled_array(), "holds Python objects; save the matrix as float32");
    let width = match *file.shape() {
        [rows, columns] if rows == columns && (1..=MAX_WIDTH).contains(&rows) => rows as usize,
        ref shape => bail!("has the shape {shape:?}, expected a square matrix (AlphaFace's emp.npy is 512 x 512)"),
    };
    let (dtype, order) = (file.dtype(), file.order());
    let values: Vec<f32> = match &dtype {
        DType::Plain(t) if t.type_char() == TypeChar::Float && t.size_field() == 4 => {
            file.into_vec().context(TRUNCATED)?
        }
        DType::Plain(t) if t.type_char() == TypeChar::Float && t.size_field() == 8 => {
            file.into_vec::<f64>().context(TRUNCATED)?.into_iter().map(|v| v as f32).collect()
        }
        other => bail!("has the type {}, expected float32 or float64", other.descr()),
    };
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        bail!("value {at} is {}", values[at]);
    }
    let matrix = Tensor::new([width, width], values)?;
    Ok(if order == Order::Fortran { transposed(&matrix) } else { matrix })
}

/// Rows for columns, of a square matrix.
pub fn transposed(matrix: &Tensor) -> Tensor {
    let width = matrix.shape[0];
    let data = (0..width * width).map(|i| matrix.data[i % width * width + i / width]).collect();
    Tensor { shape: matrix.shape.clone(), data }
}
