//! Each dispatch of a network alone: which kernel does it, and how near it comes to what the adapter can do.

use std::sync::Arc;
use std::time::Duration;

use alphaswap::engine::gpu::{Net, Options, Precision, StepInfo};
use alphaswap::gpu::{Context as Gpu, Stopwatch};
use alphaswap::models::Model;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::doctor;

/// A dispatch is repeated until this much time can be measured, but not more often than that.
const ENOUGH: Duration = Duration::from_millis(5);
const MOST: u32 = 100;

/// Dispatches of the same kernel and the same size.
#[derive(Serialize)]
pub struct Kernel {
    /// The first node that they are a part of.
    node: String,
    kernel: &'static str,
    dispatches: usize,
    /// Of one of them.
    ms: f64,
    gflops: f64,
    gb_s: f64,
    #[serde(skip)]
    work: (u64, u64),
}

/// A network's dispatches.
#[derive(Serialize)]
pub struct Kernels {
    network: String,
    precision: &'static str,
    kernels: Vec<Kernel>,
}

impl Kernels {
    /// Times every dispatch of `model` on `gpu`.
    pub fn measure(gpu: &Arc<Gpu>, model: &Model, precision: Precision) -> Result<Self> {
        let spec = Arc::new(model.spec()?);
        let net = Net::with_options(gpu, spec.clone(), &model.weights, &Options::new(precision))?;
        // Every buffer holds what it holds in use.
        net.run_tensors(&doctor::waves(&spec))?;
        let stopwatch = Stopwatch::new(gpu);
        let mut kernels: Vec<Kernel> = Vec::new();
        for step in net.steps() {
            let same = |k: &&mut Kernel| (k.kernel, k.work) == (step.kernel, (step.macs, step.bytes));
            match kernels.iter_mut().find(same) {
                Some(known) => known.dispatches += 1,
                None => kernels.push(time(&stopwatch, &step)?),
            }
        }
        let precision = match precision {
            Precision::F32 => "32-bit storage",
            Precision::F16Storage => "16-bit storage",
        };
        Ok(Self { network: model.name.clone(), precision, kernels })
    }

    /// Prints a table, a row for each kernel and size.
    pub fn print(&self) {
        let mut table = Table::new();
        let header = ["first node", "kernel", "dispatches", "ms each", "ms", "GFLOP/s", "GB/s"];
        table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
        let total: f64 = self.kernels.iter().map(Kernel::total_ms).sum();
        for k in &self.kernels {
            let gflops = if k.gflops > 0.0 { format!("{:.1}", k.gflops) } else { String::new() };
            let (node, kernel) = (k.node.clone(), k.kernel.to_string());
            let (each, all) = (format!("{:.3}", k.ms), format!("{:.3}", k.total_ms()));
            table.add_row([node, kernel, k.dispatches.to_string(), each, all, gflops, format!("{:.1}", k.gb_s)]);
        }
        println!("{}, {}: {total:.2} ms in its dispatches\n{table}", self.network, self.precision);
    }
}

impl Kernel {
    fn total_ms(&self) -> f64 {
        self.ms * self.dispatches as f64
    }
}

fn time(stopwatch: &Stopwatch<'_>, step: &StepInfo<'_>) -> Result<Kernel> {
    let once = stopwatch.time(|pass| step.dispatch.record(pass))?;
    let runs = (ENOUGH.as_secs_f64() / once.as_secs_f64().max(1e-9)).ceil().clamp(1.0, f64::from(MOST)) as u32;
    let seconds = match runs {
        1 => once.as_secs_f64(),
        _ => stopwatch.time(|pass| (0..runs).for_each(|_| step.dispatch.record(pass)))?.as_secs_f64() / f64::from(runs),
    };
    Ok(Kernel {
        node: step.name.into(),
        kernel: step.kernel,
        dispatches: 1,
        ms: seconds * 1e3,
        gflops: 2e-9 * step.macs as f64 / seconds,
        gb_s: 1e-9 * step.bytes as f64 / seconds,
        work: (step.macs, step.bytes),
    })
}
