//! [`SpecModule`]: a burn module made of a [`NetSpec`], with the parameter names of the model file.
//!
//! It is the third reader of a network's description beside the two engines, and the only one that has a batch and
//! gradients: what is trained here is what the filter runs.

mod forward;

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};

pub use forward::Values;

use crate::error::{Error, Result};
use crate::models::Weights;
use crate::nets::{self, NetSpec};
use crate::train::checkpoint::on_host;

/// A network that can be trained, or that gradients flow through.
#[derive(Module, Debug)]
pub struct SpecModule {
    /// Convolution weights, OIHW.
    maps: Vec<Param<Tensor<4>>>,
    /// Linear weights, `[out, in]`.
    matrices: Vec<Param<Tensor<2>>>,
    /// Biases, scales, shifts and slopes.
    vectors: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    spec: Arc<NetSpec>,
    #[module(skip)]
    places: Arc<HashMap<String, Place>>,
    #[module(skip)]
    compute: Option<FloatDType>,
}

/// Where a parameter is kept.
#[derive(Clone, Copy, Debug)]
enum Place {
    Map(usize),
    Matrix(usize),
    Vector(usize),
}

impl SpecModule {
    /// The network `spec` with `weights` on `device`. Its parameters get gradients when `device` has autodiff; use
    /// [`Module::no_grad`] for a network that only judges.
    ///
    /// # Errors
    /// [`Error::Model`] when a tensor is missing or has another shape.
    pub fn new(spec: impl Into<Arc<NetSpec>>, weights: &Weights, device: &Device) -> Result<Self> {
        let spec = spec.into();
        let (mut maps, mut matrices, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = HashMap::new();
        for nets::Param { name, shape } in spec.params() {
            let tensor = weights.0.get(&name).filter(|t| t.shape == shape).ok_or_else(|| {
                Error::model(&spec.name, format!("there is no tensor {name} of shape {shape:?} in the weights"))
            })?;
            let data = TensorData::new(tensor.data.clone(), shape.clone());
            let place = match shape.len() {
                4 => Place::Map(push(&mut maps, Param::from_data(data, device))),
                2 => Place::Matrix(push(&mut matrices, Param::from_data(data, device))),
                _ => Place::Vector(push(&mut vectors, Param::from_data(data, device))),
            };
            places.insert(name, place);
        }
        Ok(Self { maps, matrices, vectors, spec, places: places.into(), compute: None })
    }

    /// The network with the usual start of training: uniform within one over the root of the fan-in, which is what
    /// PyTorch's layers start from. The same `seed` gives the same values.
    ///
    /// # Errors
    /// Never for a description that is sound.
    pub fn random(spec: impl Into<Arc<NetSpec>>, seed: u64, device: &Device) -> Result<Self> {
        let spec = spec.into();
        let weights = Weights::random(&spec, seed);
        Self::new(spec, &weights, device)
    }

    /// Convolutions work in `dtype` (mixed precision). Everything else stays f32: parameters, statistics, sums, and linear
    /// layers, which see one vector a picture and cost next to nothing.
    pub fn with_compute(mut self, dtype: Option<FloatDType>) -> Self {
        self.compute = dtype;
        self
    }

    /// Parameters of these names stay as they are: what belongs to the data and is not learnt, as `identity_mean`. Names of
    /// no parameter are passed over.
    pub fn frozen(mut self, names: &[&str]) -> Self {
        for place in names.iter().filter_map(|&name| self.places.get(name)) {
            match *place {
                Place::Map(i) => self.maps[i] = self.maps[i].clone().set_require_grad(false),
                Place::Matrix(i) => self.matrices[i] = self.matrices[i].clone().set_require_grad(false),
                Place::Vector(i) => self.vectors[i] = self.vectors[i].clone().set_require_grad(false),
            }
        }
        self
    }

    /// The description.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// Every parameter by its name.
    pub fn weights(&self) -> Weights {
        let read = |(name, place): (&String, &Place)| {
            let tensor = match *place {
                Place::Map(i) => on_host(self.maps[i].val()),
                Place::Matrix(i) => on_host(self.matrices[i].val()),
                Place::Vector(i) => on_host(self.vectors[i].val()),
            };
            (name.clone(), tensor)
        };
        Weights(self.places.iter().map(read).collect())
    }

    fn map(&self, name: &str) -> Tensor<4> {
        match self.places.get(name) {
            Some(&Place::Map(i)) => self.maps[i].val(),
            _ => unreachable!("{name} was planned as a convolution's weight"),
        }
    }

    fn matrix(&self, name: &str) -> Tensor<2> {
        match self.places.get(name) {
            Some(&Place::Matrix(i)) => self.matrices[i].val(),
            _ => unreachable!("{name} was planned as a matrix"),
        }
    }

    fn vector(&self, name: &str) -> Tensor<1> {
        match self.places.get(name) {
            Some(&Place::Vector(i)) => self.vectors[i].val(),
            _ => unreachable!("{name} was planned as a vector"),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len() - 1
}
