//! `alphaswap net`: one network on given tensors, for parity checks and debugging.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphaswap::engine;
use alphaswap::gpu::{self, Choice, Context as Gpu};
use alphaswap::models::{Model, Weights};
use alphaswap::nets::NetSpec;
use alphaswap::settings::DeviceChoice;
use alphaswap::tensor::Tensor;
use anyhow::{Context, Result};
use safetensors::tensor::{Dtype, TensorView};

use crate::output::Pending;

/// Run one network on the tensors of a file.
///
/// All tensors are f32, pictures NCHW with N = 1, already in the network's own value range (its card says which).
///
///   detector:  input -> boxes [1,896,16], scores [1,896,1]
///
///   landmarks: input -> landmarks [1,468,3] in crop pixels, presence [1,1] as a logit
///
///   identity:  input -> embedding [1,1024]
///
///   generator: crop, identity and, where it takes one, guide -> crop
#[derive(clap::Args)]
pub struct Args {
    /// `detector`, `landmarks`, `identity`, `generator`, `generator-256`, or the path of a .safetensors file with its
    /// card beside it.
    model: String,
    /// Inputs by name.
    #[arg(long, value_name = "IN.safetensors")]
    input: PathBuf,
    /// Where the outputs go; replaced if it exists.
    #[arg(long, value_name = "OUT.safetensors")]
    output: PathBuf,
    /// `cpu`, `gpu` (a hardware GPU), or a part of an adapter's name as `alphaswap doctor` lists it.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
}

/// A network on whatever machine was chosen.
pub enum AnyNet {
    /// On the CPU engine.
    Cpu(Box<engine::cpu::Net>),
    /// On the GPU engine.
    Gpu(Box<engine::gpu::Net>),
}

impl AnyNet {
    /// Plans `spec` for `gpu`, or for the CPU without one.
    pub fn new(gpu: Option<&Arc<Gpu>>, spec: Arc<NetSpec>, weights: &Weights) -> alphaswap::Result<Self> {
        Ok(match gpu {
            None => Self::Cpu(Box::new(engine::cpu::Net::new(spec, weights)?)),
            Some(gpu) => {
                let precision = engine::gpu::Precision::F32;
                Self::Gpu(Box::new(engine::gpu::Net::new(gpu, spec, weights, precision)?))
            }
        })
    }

    /// Checks shapes, runs, returns the outputs.
    pub fn run(&mut self, inputs: &HashMap<String, Tensor>) -> alphaswap::Result<HashMap<String, Tensor>> {
        match self {
            Self::Cpu(net) => net.run_tensors(inputs),
            Self::Gpu(net) => net.run_tensors(inputs),
        }
    }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let model = Model::load(&args.model)?;
    let shown = args.input.display().to_string();
    let bytes = std::fs::read(&args.input).with_context(|| shown.clone())?;
    let inputs = Weights::from_bytes(&shown, &bytes)?.0;
    let gpu = match gpu::open(&args.device)? {
        Choice::Gpu(gpu) => Some(gpu),
        Choice::Cpu { .. } => None,
    };
    let mut net = AnyNet::new(gpu.as_ref(), Arc::new(model.spec()?), &model.weights)?;
    let outputs = net.run(&inputs).context(shown)?;
    let pending = Pending::new(&args.output, true)?;
    write(&outputs, pending.path()).with_context(|| format!("cannot write {}", args.output.display()))?;
    pending.commit()?;
    let mut lines: Vec<_> = outputs.iter().map(|(name, t)| format!("{name} {:?}", t.shape)).collect();
    lines.sort();
    eprintln!("wrote {}: {}", args.output.display(), lines.join(", "));
    Ok(())
}

fn write(tensors: &HashMap<String, Tensor>, path: &Path) -> Result<()> {
    let bytes: HashMap<&String, Vec<u8>> =
        tensors.iter().map(|(n, t)| (n, t.data.iter().flat_map(|v| v.to_le_bytes()).collect())).collect();
    let view = |(name, tensor): (&String, &Tensor)| {
        Ok((name.clone(), TensorView::new(Dtype::F32, tensor.shape.clone(), &bytes[name])?))
    };
    let views = tensors.iter().map(view).collect::<Result<Vec<_>>>()?;
    Ok(std::fs::write(path, safetensors::serialize(views, None)?)?)
}
