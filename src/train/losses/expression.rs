//! Whether a face does what another does, by the frozen landmark network.

use burn::module::Module;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Int, Tensor};

use crate::error::Result;
use crate::face::POINTS;
use crate::mesh::EXPRESSIONS;
use crate::models::Model;
use crate::nets::facemesh;
use crate::train::ops::resize;
use crate::train::spec_module::SpecModule;

/// The network wants a margin around the face that an aligned crop has not: the crop mirrored, this part of its side.
const MARGIN: usize = 8;

/// A landmark network that gradients flow through.
#[derive(Clone, Debug)]
pub struct ExpressionNet {
    module: SpecModule,
}

impl ExpressionNet {
    /// The landmark network that ships.
    ///
    /// # Errors
    /// Never, as long as the shipped files are sound.
    pub fn new(device: &Device) -> Result<Self> {
        let model = Model::builtin("landmarks")?;
        Ok(Self { module: SpecModule::new(facemesh::facemesh(), &model.weights, device)?.no_grad() })
    }

    /// The mean difference of the ten ratios of [`crate::mesh::expression`] between `x` and `y`, aligned square crops
    /// `[n, 3, s, s]` RGB in [0, 1]. Gradients go to `x` alone.
    pub fn loss(&self, x: Tensor<4>, y: Tensor<4>) -> Tensor<1> {
        (self.ratios(x) - self.ratios(y.detach())).abs().mean()
    }

    /// The ratios of [`EXPRESSIONS`] in aligned square crops `[n, 3, s, s]` RGB in [0, 1], `[n, 10]`. They do not depend
    /// on where a face is, how large, or how it is turned, so that the points serve as the network gives them.
    pub fn ratios(&self, crops: Tensor<4>) -> Tensor<2> {
        let [n, _, s, _] = crops.dims();
        let margin = s / MARGIN;
        let wide = crops.pad([(margin, margin), (margin, margin)], PadMode::Reflect);
        let input = resize(wide, [facemesh::SIDE; 2]);
        let points = self.module.run(&[("input", input)], &[]).take("landmarks").reshape([n, POINTS, 3]);
        let pairs: Vec<_> = EXPRESSIONS.iter().flat_map(|ratio| ratio.over.iter().chain([&ratio.under])).collect();
        let ends = |end: usize| {
            let index: Vec<_> = pairs.iter().map(|pair| pair[end] as i32).collect();
            points.clone().select(1, Tensor::<1, Int>::from_ints(index.as_slice(), &points.device()))
        };
        // The small number keeps the gradient of two points in one place finite.
        let squares = (ends(0) - ends(1)).square().sum_dim(2) + 1e-6;
        let distances = squares.sqrt().reshape([n, pairs.len()]);
        let mut at = 0;
        let ratios = EXPRESSIONS.iter().map(|ratio| {
            let (over, under) = (ratio.over.len(), at + ratio.over.len());
            let mean = distances.clone().narrow(1, at, over).mean_dim(1);
            at = under + 1;
            mean / distances.clone().narrow(1, under, 1)
        });
        Tensor::cat(ratios.collect(), 1)
    }
}
