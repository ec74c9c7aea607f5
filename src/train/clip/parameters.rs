//! Parameters by name: reading them off a module, filling it, and what training starts from.
//!
//! A parameter's name is its path through the fields of the modules, with the text tower at the root as in OpenAI's
//! files.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::{ClipConfig, Shapes};
use super::towers::Towers;
use crate::models::Weights;
use crate::{nets, tensor};

/// The one parameter that is no array in the files.
const SCALAR: &str = "logit_scale";
/// What similarities are multiplied by when training starts (section 2.5 of the paper).
const START_SCALE: f32 = 1.0 / 0.07;

/// Shapes of all parameters of `towers`.
pub fn shapes(towers: &Towers) -> Shapes {
    walk(towers, false).into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
}

/// All parameters of `towers`.
pub fn read(towers: &Towers) -> Weights {
    let mut weights = walk(towers, true);
    if let Some(scalar) = weights.get_mut(SCALAR) {
        scalar.shape.clear();
    }
    Weights(weights)
}

/// Names and shapes of all parameters and, if they are wanted, their values.
fn walk(towers: &Towers, values: bool) -> HashMap<String, tensor::Tensor> {
    struct Reader(Path, bool, HashMap<String, tensor::Tensor>);
    impl ModuleVisitor for Reader {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let read = || param.val().try_into_vec_as::<f32>().expect("every float is turned into f32");
            let data = if self.1 { read() } else { Vec::new() };
            self.2.insert(self.0.name(), tensor::Tensor { shape: param.lazy_shape().to_vec(), data });
        }
    }
    let mut reader = Reader(Path::default(), values, HashMap::new());
    towers.visit(&mut reader);
    reader.2
}

/// Gives each parameter the values that `values` says for its name and shape.
pub fn fill(towers: Towers, device: &Device, values: impl FnMut(&str, &[usize]) -> Vec<f32>) -> Towers {
    struct Filler<'a, F>(Path, F, &'a Device);
    impl<F: FnMut(&str, &[usize]) -> Vec<f32>> ModuleMapper for Filler<'_, F> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.exit();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.lazy_shape().to_vec();
            let data = TensorData::new(self.1(&self.0.name(), &shape), shape);
            Param::from_data(data, self.2)
        }
    }
    towers.map(&mut Filler(Path::default(), values, device))
}

/// `towers` with the values of `weights`.
///
/// # Errors
/// Every difference by name.
pub fn load(towers: Towers, mut weights: Weights, device: &Device) -> Result<Towers, String> {
    if let Some(scalar) = weights.0.get_mut(SCALAR).filter(|scalar| scalar.shape.is_empty()) {
        scalar.shape = vec![1];
    }
    let wanted = shapes(&towers).into_iter().map(|(name, shape)| nets::Param { name, shape });
    if let Some(report) = weights.differences(wanted) {
        return Err(format!("does not fit CLIP:{report}"));
    }
    Ok(fill(towers, device, |name, _| weights.0.remove(name).map(|t| t.data).unwrap_or_default()))
}

/// `towers` as training starts: uniform values with the deviations of `clip/model.py`, `initialize_parameters`. The same
/// `seed` gives the same values.
pub fn start(towers: Towers, config: &ClipConfig, seed: u64, device: &Device) -> Towers {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    fill(towers, device, |name, shape| {
        let len = shape.iter().product();
        match start_of(name, shape, config) {
            Start::Same(value) => vec![value; len],
            Start::Random(deviation) => {
                let bound = 3_f32.sqrt() * deviation;
                (0..len).map(|_| rng.random_range(-bound..bound)).collect()
            }
        }
    })
}

/// What a parameter starts from.
enum Start {
    Same(f32),
    /// Of that standard deviation.
    Random(f32),
}

fn start_of(name: &str, shape: &[usize], config: &ClipConfig) -> Start {
    let (width, layers) = match name.starts_with("visual.") {
        true => (config.image.width, config.image.layers),
        false => (config.text.width, config.text.layers),
    };
    let root = |n: usize| 1.0 / (n as f32).sqrt();
    let ends = |ending| name.ends_with(ending);
    match name {
        SCALAR => Start::Same(START_SCALE.ln()),
        _ if ends("bias") => Start::Same(0.0),
        _ if shape.len() == 1 && ends("weight") => Start::Same(1.0),
        "token_embedding.weight" => Start::Random(0.02),
        "positional_embedding" => Start::Random(0.01),
        "visual.conv1.weight" => Start::Random(root(shape[1] * shape[2] * shape[3])),
        _ if ends("out_proj.weight") || ends("c_proj.weight") => Start::Random(root(width) * root(2 * layers)),
        _ if ends("c_fc.weight") => Start::Random(root(2 * width)),
        _ => Start::Random(root(width)),
    }
}

/// Where a walk through a module stands.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(name.into());
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    /// The parameter's name in OpenAI's files.
    fn name(&self) -> String {
        let path = self.0.join(".");
        path.strip_prefix("text.").unwrap_or(&path).into()
    }
}
