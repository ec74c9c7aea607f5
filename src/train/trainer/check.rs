//! The held-out check: on people that training never saw, the right identity must bring the picture nearer to the real
//! photo than a stranger's, and than doing nothing.

use burn::tensor::{Device, Tensor};

use super::material::Material;
use super::metrics::Check;
use super::networks::{Generator, rows, stack};
use crate::error::Result;
use crate::nets::GeneratorConfig;
use crate::train::spec_module::SpecModule;

/// Triplets that are computed at once.
const AT_ONCE: usize = 8;

/// Checks `module` on the first `samples` held-out triplets.
///
/// # Errors
/// A file of the data or pseudo set that is missing or damaged.
pub fn check(
    module: &SpecModule,
    config: &GeneratorConfig,
    material: &Material,
    samples: usize,
    device: &Device,
) -> Result<Check> {
    let samples = samples.min(material.held_out_count());
    let mut sums = [0.0; 3];
    let indices: Vec<_> = (0..samples).collect();
    for indices in indices.chunks(AT_ONCE) {
        let (triplets, strangers): (Vec<_>, Vec<_>) =
            indices.iter().map(|&i| material.held_out(i)).collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let crops = |of: fn(&super::batch::Triplet) -> &super::planes::Planes| stack(triplets.iter().map(of), device);
        let (input, guide) = (crops(|t| &t.input), crops(|t| &t.guide));
        let (target, face) = (crops(|t| &t.target), crops(|t| &t.face));
        let swap = |identity| Generator::swap_by(module, config, input.clone(), guide.clone(), identity);
        let right = swap(rows(triplets.iter().map(|t| &t.identity), device));
        let stranger = swap(rows(&strangers, device));
        for (sum, picture) in sums.iter_mut().zip([right, stranger, guide.clone()]) {
            *sum += face_l1(picture, &target, &face).sum().into_scalar::<f32>();
        }
    }
    let [right, stranger, untouched] = sums.map(|sum| sum / samples.max(1) as f32);
    Ok(Check { right, stranger, untouched, samples })
}

/// Mean absolute difference under the mask, of each picture: `[n]`.
fn face_l1(picture: Tensor<4>, target: &Tensor<4>, face: &Tensor<4>) -> Tensor<1> {
    let n = picture.dims()[0];
    let difference = (picture - target.clone()).abs().mean_dim(1) * face.clone();
    let [sum, area] = [difference, face.clone()].map(|x| x.reshape([n as i32, -1]).sum_dim(1).reshape([n]));
    sum / (area + 1e-6)
}
