//! The self-test of convolution kernels: an awkward layer, as it is and upsampled, against the plain f32 kernel on the
//! same adapter.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ConvKernel, Net, Options, Precision};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::models::Weights;
use crate::nets::{Activation, Builder, ConvArgs, Edge, NetSpec, Padding, Shape};
use crate::tensor::{Tensor, largest_difference};

/// Largest difference relative to the largest value: some bits of f32 sums in another order, or 11 significant bits of
/// stored 16-bit floats.
const fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::F16Storage => 2e-2,
    }
}

/// Whether `kernel` may be used on the adapter: plain kernels always, fast ones that pass their trial.
pub(super) fn trusted(ctx: &Arc<Context>, kernel: ConvKernel, precision: Precision) -> bool {
    let storage = if precision == Precision::F32 { "" } else { "_f16" };
    !kernel.is_fast() || ctx.trusted(&format!("{kernel}{storage}"), || trial(ctx, kernel, precision))
}

fn trial(ctx: &Arc<Context>, kernel: ConvKernel, precision: Precision) -> Result<(), String> {
    [false, true].into_iter().try_for_each(|upsampled| {
        let spec = Arc::new(layer(upsampled));
        let run = |kernel, precision| -> Result<Vec<f32>> {
            let (weights, inputs) = (weights(&spec)?, inputs(&spec)?);
            let options = Options { precision, force: Some(kernel), ..Options::default() };
            let net = Net::with_options(ctx, spec.clone(), &weights, &options)?;
            if kernel.is_fast() && net.steps().any(|step| step.kernel.starts_with("conv_gemm")) {
                return Err(Error::Device(format!("{kernel} cannot do the layer")));
            }
            let mut outputs = net.run_tensors(&inputs)?;
            Ok(outputs.remove("y").map(|y| y.data).unwrap_or_default())
        };
        let got = run(kernel, precision).map_err(|e| e.to_string())?;
        let truth = run(ConvKernel::Gemm32, Precision::F32).map_err(|e| e.to_string())?;
        compare(&got, &truth, tolerance(precision))
    })
}

/// Compares what a kernel made with the truth; what is no number is wrong.
fn compare(got: &[f32], truth: &[f32], tolerance: f32) -> Result<(), String> {
    let largest = truth.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = largest_difference(got, truth);
    let right = got.len() == truth.len() && worst <= tolerance * largest;
    right.then_some(()).ok_or_else(|| format!("it differs by {worst} from values up to {largest}"))
}

/// Sizes that no tile divides, and more than one tile of every kind.
fn layer(upsampled: bool) -> NetSpec {
    let mut b = Builder::new("self-test");
    let mut x = b.input("x", if upsampled { Shape::new(37, 7, 12) } else { Shape::new(37, 13, 23) });
    if upsampled {
        x = b.upsample2("up", x);
    }
    let pad = Padding::all(if upsampled { Edge::Zero } else { Edge::Reflect }, 1);
    let y = b.conv("c", x, ConvArgs::new(133, 3).pad(pad).act(Activation::LeakyRelu(0.2)));
    let shape = b.shape(y);
    b.output("y", y, &[1, shape.c, shape.h, shape.w]);
    b.finish()
}

/// Repeatable values in [-1, 1] whose neighbours differ.
fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.7).sin() * (i as f32 * 0.013).cos()).collect()
}

fn weights(spec: &NetSpec) -> Result<Weights> {
    let tensor = |shape: Vec<usize>| Tensor::new(shape.clone(), values(shape.iter().product()));
    let named = spec.params().into_iter().map(|p| Ok((p.name, tensor(p.shape)?)));
    Ok(Weights(named.collect::<Result<_>>()?))
}

fn inputs(spec: &NetSpec) -> Result<HashMap<String, Tensor>> {
    let tensor = |shape: &[usize]| Tensor::new(shape.to_vec(), values(shape.iter().product()));
    spec.inputs.iter().map(|p| Ok((p.name.clone(), tensor(&p.shape)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_results_are_told() {
        assert!(compare(&[1.0, -2.0], &[1.0001, -2.0], 1e-4).is_ok());
        for wrong in [&[1.0, -2.1][..], &[f32::NAN, -2.0], &[1.0]] {
            assert!(compare(wrong, &[1.0, -2.0], 1e-2).is_err(), "{wrong:?}");
        }
    }
}
