//! `alphaswap-train import`: checkpoints as torch and onnx write them (fixtures/import/checkpoints.py) become model files.

mod bad;
mod networks;
mod output;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use alphaswap::models::{Model, Weights, to_f32, views};
use alphaswap::tensor::{Tensor, largest_difference};
use assert_cmd::Command;
use bytemuck::cast_slice;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use crate::support::process::trainer;

/// A file of the fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name)
}

/// The tensors of a fixture.
fn tensors(name: &str) -> HashMap<String, Tensor> {
    let bytes = std::fs::read(fixture(name)).unwrap();
    let floats = views(name, &bytes).unwrap().into_iter().filter(|(n, _)| !n.ends_with("num_batches_tracked"));
    floats.map(|(n, view)| (n, to_f32(&view).unwrap())).collect()
}

/// A safetensors file.
fn serialized(tensors: &HashMap<String, Tensor>, metadata: Option<HashMap<String, String>>) -> Vec<u8> {
    let views =
        tensors.iter().map(|(n, t)| (n, TensorView::new(Dtype::F32, t.shape.clone(), cast_slice(&t.data)).unwrap()));
    safetensors::serialize(views, metadata).unwrap()
}

/// The tool, told to import `file` into `dir`, which is also where it runs.
fn import(dir: &TempDir, file: &Path) -> Command {
    let mut command = trainer();
    command.current_dir(dir.path()).arg("import").arg(file);
    command.args(["--licence", "none, random numbers", "-o", "m.safetensors"]);
    command
}

/// The same with a map of the embedding.
fn import_mapped(dir: &TempDir, file: &Path, emap: &str) -> Command {
    let mut command = import(dir, file);
    command.arg("--emap").arg(fixture(emap));
    command
}

/// What `file` becomes: the model, and its weights file as it is.
fn imported(file: &str, emap: Option<&str>) -> (Model, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = match emap {
        Some(emap) => import_mapped(&dir, &fixture(file), emap),
        None => import(&dir, &fixture(file)),
    };
    command.assert().success();
    let path = dir.path().join("m.safetensors");
    (Model::open(&path).unwrap(), std::fs::read(path).unwrap())
}

/// Largest difference of any value, relative to the largest value of its tensor.
fn difference(a: &Weights, b: &Weights) -> f32 {
    let largest = |values: &[f32]| values.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    assert_eq!(a.0.len(), b.0.len());
    let of = |(name, a): (&String, &Tensor)| {
        let b = &b.0[name];
        assert_eq!(a.shape, b.shape, "{name}");
        largest_difference(&a.data, &b.data) / largest(&a.data)
    };
    a.0.iter().map(of).fold(0.0, f32::max)
}
