//! The generator on the GPU: window in, network, its change out onto the canvas. Twin of
//! [`path::cpu::generator`](crate::path::cpu::generator).

use std::collections::HashMap;
use std::sync::Arc;

use super::image::{window_read, window_write};
use crate::align::canvas_side;
use crate::engine::gpu::{Net, Precision};
use crate::error::{Error, Result};
use crate::gpu::{BufferRange, Context, Dispatch};
use crate::identity::Identity;
use crate::models::Model;
use crate::nets::{GeneratorConfig, NetSpec, Port};
use crate::path::window::Window;
use crate::tensor::{Tensor, largest_difference};

/// Largest difference (working RGB, 0 to 1) between 16-bit and 32-bit storage at which 16 bits are used: four codes,
/// about what rounding every feature map once costs.
const HALF_TOLERANCE: f32 = 4.0 / 255.0;

/// A generator network with its place on the canvas.
#[derive(Debug)]
pub struct Generator {
    net: Net,
    config: GeneratorConfig,
    precision: Precision,
    /// Whether the layers that see the identity alone must run before the next picture.
    stale: bool,
}

/// A generator bound to one face's pictures at one crop size.
#[derive(Debug)]
pub struct Bound {
    reads: Vec<Dispatch>,
    write: Dispatch,
}

impl Generator {
    /// Plans the network of `model`. Without a `precision`, feature maps are stored with 16 bits if the device can and
    /// no trial shows another picture than 32 bits give.
    ///
    /// # Errors
    /// [`Error::Model`] for a card or weights that make no sense or an identity without the embedding that the card
    /// wants, [`Error::DeviceLost`].
    pub fn new(
        ctx: &Arc<Context>,
        model: &Model,
        config: GeneratorConfig,
        precision: Option<Precision>,
        identity: &Identity,
    ) -> Result<Self> {
        let spec = Arc::new(config.spec()?);
        let embedding = identity.embedding(&config.identity)?;
        let plan = |precision| Net::new(ctx, spec.clone(), &model.weights, precision);
        let (net, precision) = match precision {
            Some(precision) => (plan(precision)?, precision),
            None if !ctx.has_f16() => (plan(Precision::F32)?, Precision::F32),
            None => tried(ctx, plan(Precision::F16Storage)?, || plan(Precision::F32), embedding)?,
        };
        let mut generator = Self { net, config, precision, stale: true };
        generator.set_identity(ctx, identity)?;
        Ok(generator)
    }

    /// How feature maps are stored.
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// Number of dispatches of the network.
    pub fn dispatches(&self) -> usize {
        self.net.dispatches()
    }

    /// The person whose face is put on, from the next submission on.
    ///
    /// # Errors
    /// As [`Identity::embedding`].
    pub fn set_identity(&mut self, ctx: &Context, identity: &Identity) -> Result<()> {
        let embedding = identity.embedding(&self.config.identity)?;
        if let Some(input) = self.net.input_buffer("identity") {
            ctx.write(input, embedding);
        }
        self.stale = true;
        Ok(())
    }

    /// Binds the generator to a face's `canvas` and to `picture`, which it changes: the guide for a guided generator,
    /// else the canvas itself. Both are planar RGB of the canvas around `crop`.
    pub fn bind(&self, ctx: &Context, crop: usize, canvas: &BufferRange, picture: &BufferRange) -> Result<Bound> {
        let port = |port: Option<&BufferRange>, name: &str| {
            port.cloned().ok_or_else(|| Error::model("generator", format!("it has no {name}")))
        };
        let input = port(self.net.input_buffer("crop"), "input crop")?;
        let output = port(self.net.output_buffer("crop"), "output crop")?;
        let (window, side) = (Window::of(&self.config, crop), canvas_side(crop));
        let mut reads = vec![window_read(ctx, &window, side, canvas, &input)];
        let mut seen = None;
        if self.config.guide {
            let guide = port(self.net.input_buffer("guide"), "input guide")?;
            reads.push(window_read(ctx, &window, side, picture, &guide));
            seen = Some(guide);
        }
        let write = window_write(ctx, &window, side, (&output, seen.as_ref()), picture);
        Ok(Bound { reads, write })
    }

    /// Whether the identity is new since the last call: then [`Self::record_identity`] must come first.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Records what depends on the identity alone.
    pub fn record_identity(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.net.record_slow(pass);
    }

    /// Records window, network and change.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>, bound: &Bound) {
        bound.reads.iter().for_each(|d| d.record(pass));
        self.net.record(pass);
        bound.write.record(pass);
    }
}

/// `half` if it makes the picture of the network that `full` plans, or if the device refuses that one; else the latter.
///
/// # Errors
/// [`Error::DeviceLost`].
fn tried(ctx: &Context, half: Net, full: impl FnOnce() -> Result<Net>, embedding: &[f32]) -> Result<(Net, Precision)> {
    let inputs = waves(half.spec(), embedding)?;
    let narrow = half.run_tensors(&inputs)?;
    let planned = ctx.guarded(|| full().map_err(|e| e.to_string()));
    let compared = planned.and_then(|full| {
        let wide = ctx.guarded(|| full.run_tensors(&inputs).map_err(|e| e.to_string()))?;
        Ok((full, largest_difference(&narrow["crop"].data, &wide["crop"].data)))
    });
    ctx.check()?;
    match compared {
        Ok((_, worst)) if worst <= HALF_TOLERANCE => tracing::debug!("16-bit storage differs from 32-bit by {worst}"),
        Ok((full, worst)) => {
            tracing::warn!("16-bit storage differs from 32-bit by {worst} on this GPU: 32-bit storage is used");
            return Ok((full, Precision::F32));
        }
        Err(reason) => tracing::warn!("16-bit storage is used, it could not be compared with 32-bit: {reason}"),
    }
    Ok((half, Precision::F16Storage))
}

/// The inputs of a trial: waves of several lengths, neither flat nor noise, and the identity.
fn waves(spec: &NetSpec, embedding: &[f32]) -> Result<HashMap<String, Tensor>> {
    let tensor = |port: &Port| {
        let n: usize = port.shape.iter().product();
        let wave = |i: usize| 0.5 + 0.25 * (i as f32 * 0.11).sin() + 0.2 * (i as f32 * 0.0071).cos();
        let data = if port.name == "identity" { embedding.to_vec() } else { (0..n).map(wave).collect() };
        Ok((port.name.clone(), Tensor::new(port.shape.clone(), data)?))
    };
    spec.inputs.iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Choice, adapters, open};
    use crate::models::Weights;
    use crate::nets::{Activation, Builder, Shape};
    use crate::settings::DeviceChoice;

    #[test]
    fn sixteen_bits_stay_where_32_are_refused() {
        let Some(adapter) = adapters().into_iter().filter(|a| a.f16).max_by_key(|a| a.software) else {
            return eprintln!("SKIPPED: no adapter with 16-bit floats");
        };
        let Choice::Gpu(ctx) = open(&DeviceChoice::Adapter(adapter.name)).unwrap() else { unreachable!("named") };
        let mut b = Builder::new("double");
        let x = b.input("crop", Shape::new(3, 4, 4));
        let y = b.add("y", x, x, Activation::None);
        b.output("crop", y, &[1, 3, 4, 4]);
        let spec = Arc::new(b.finish());
        let plan = |precision| Net::new(&ctx, spec.clone(), &Weights::default(), precision);
        let tried = |full: &dyn Fn() -> Result<Net>| tried(&ctx, plan(Precision::F16Storage).unwrap(), full, &[]);
        let refused = || {
            drop(ctx.storage("too large", u64::MAX / 2));
            plan(Precision::F32)
        };
        assert_eq!(tried(&refused).unwrap().1, Precision::F16Storage);
        assert_eq!(tried(&|| plan(Precision::F32)).unwrap().1, Precision::F16Storage);
        ctx.check().unwrap();
        // A network that fails without the driver's word.
        assert_eq!(tried(&|| Err(Error::Device("no".into()))).unwrap().1, Precision::F16Storage);
    }
}
