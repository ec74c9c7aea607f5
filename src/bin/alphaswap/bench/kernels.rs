//! Each dispatch of a network alone: which kernel does it, and how near it comes to the adapter's ceiling.

use std::sync::Arc;
use std::time::Duration;

use alphaswap::engine::gpu::{Net, Options, Precision, StepInfo};
use alphaswap::gpu::{Ceiling, Context as Gpu, Stopwatch};
use alphaswap::models::Model;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::doctor;

/// A dispatch is repeated until this much time can be measured, but not more often than that.
const ENOUGH: Duration = Duration::from_millis(5);
const MOST: u32 = 100;
/// Whole runs of the network, of which the median is told: as many as fit into this time, three at least.
const WHOLE: Duration = Duration::from_secs(2);

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
    /// Part of the ceiling that it reaches, of arithmetic or of copies, whichever is nearer.
    of_ceiling: f64,
    #[serde(skip)]
    work: (u64, u64),
}

/// [`Ceiling`], for JSON.
#[derive(Serialize)]
struct Limits {
    f32_gflops: f64,
    f16_gflops: Option<f64>,
    matrix_gflops: Option<f64>,
    copy_gb_s: f64,
}

/// A network's dispatches.
#[derive(Serialize)]
pub struct Kernels {
    network: String,
    precision: &'static str,
    ceiling: Limits,
    /// All dispatches in a row, by the GPU's clock.
    whole_ms: f64,
    kernels: Vec<Kernel>,
}

impl Kernels {
    /// Times every dispatch of `model` on `gpu`.
    pub fn measure(gpu: &Arc<Gpu>, model: &Model, precision: Precision) -> Result<Self> {
        let spec = Arc::new(model.spec()?);
        let net = Net::with_options(gpu, spec.clone(), &model.weights, &Options::new(precision))?;
        // Every buffer holds what it holds in use.
        net.run_tensors(&doctor::waves(&spec))?;
        let (stopwatch, ceiling) = (Stopwatch::new(gpu), Ceiling::measure(gpu)?);
        let whole_ms = whole(&stopwatch, &net)?;
        let mut kernels: Vec<Kernel> = Vec::new();
        for step in net.steps() {
            let same = |k: &&mut Kernel| (k.kernel, k.work) == (step.kernel, (step.macs, step.bytes));
            match kernels.iter_mut().find(same) {
                Some(known) => known.dispatches += 1,
                None => kernels.push(time(&stopwatch, &step, &ceiling)?),
            }
        }
        let precision = match precision {
            Precision::F32 => "32-bit storage",
            Precision::F16Storage => "16-bit storage",
        };
        let Ceiling { f32_gflops, f16_gflops, matrix_gflops, copy_gb_s } = ceiling;
        let ceiling = Limits { f32_gflops, f16_gflops, matrix_gflops, copy_gb_s };
        Ok(Self { network: model.name.clone(), precision, ceiling, whole_ms, kernels })
    }

    /// Prints a table, a row for each kernel and size.
    pub fn print(&self) {
        let mut table = Table::new();
        let header = ["first node", "kernel", "dispatches", "ms each", "ms", "GFLOP/s", "GB/s", "of ceiling"];
        table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
        let total: f64 = self.kernels.iter().map(Kernel::total_ms).sum();
        for k in &self.kernels {
            let gflops = if k.gflops > 0.0 { format!("{:.1}", k.gflops) } else { String::new() };
            let (node, kernel) = (k.node.clone(), k.kernel.to_string());
            let (each, all) = (format!("{:.3}", k.ms), format!("{:.3}", k.total_ms()));
            let (gb_s, share) = (format!("{:.1}", k.gb_s), format!("{:.0} %", 100.0 * k.of_ceiling));
            table.add_row([node, kernel, k.dispatches.to_string(), each, all, gflops, gb_s, share]);
        }
        let Self { network, precision, whole_ms, .. } = self;
        println!("{network}, {precision}: {whole_ms:.3} ms the whole network, {total:.3} ms its dispatches one by one");
        println!("{table}");
        let Limits { f32_gflops, f16_gflops, matrix_gflops, copy_gb_s } = self.ceiling;
        let of = |what: &str, gflops: Option<f64>| gflops.map_or(String::new(), |g| format!("{what} {g:.1}, "));
        let products = of("f32", Some(f32_gflops)) + &of("packed f16", f16_gflops) + &of("matrix units", matrix_gflops);
        println!("ceiling, measured now: GFLOP/s in square products: {products}GB/s in copies: {copy_gb_s:.1}");
    }
}

impl Kernel {
    fn total_ms(&self) -> f64 {
        self.ms * self.dispatches as f64
    }
}

/// GFLOP/s of the best product of the kind that the shader `name` makes.
fn gflops(ceiling: &Ceiling, name: &str) -> f64 {
    let kind = match name {
        _ if name.starts_with("conv_matrix") => ceiling.matrix_gflops,
        _ if name.starts_with("conv_half") => ceiling.f16_gflops,
        _ => None,
    };
    kind.unwrap_or(ceiling.f32_gflops)
}

/// Median milliseconds of the whole network.
fn whole(stopwatch: &Stopwatch<'_>, net: &Net) -> Result<f64> {
    let (mut times, mut total) = (Vec::new(), Duration::ZERO);
    while times.len() < 3 || (total < WHOLE && times.len() < MOST as usize) {
        let time = stopwatch.time(|pass| net.record(pass))?;
        total += time;
        times.push(time);
    }
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1e3)
}

fn time(stopwatch: &Stopwatch<'_>, step: &StepInfo<'_>, ceiling: &Ceiling) -> Result<Kernel> {
    let once = stopwatch.time(|pass| step.dispatch.record(pass))?;
    let runs = (ENOUGH.as_secs_f64() / once.as_secs_f64().max(1e-9)).ceil().clamp(1.0, f64::from(MOST)) as u32;
    let seconds = match runs {
        1 => once.as_secs_f64(),
        _ => stopwatch.time(|pass| (0..runs).for_each(|_| step.dispatch.record(pass)))?.as_secs_f64() / f64::from(runs),
    };
    let (flops, gb_s) = (2e-9 * step.macs as f64 / seconds, 1e-9 * step.bytes as f64 / seconds);
    Ok(Kernel {
        node: step.name.into(),
        kernel: step.kernel,
        dispatches: 1,
        ms: seconds * 1e3,
        gflops: flops,
        gb_s,
        of_ceiling: (flops / gflops(ceiling, step.kernel)).max(gb_s / ceiling.copy_gb_s),
        work: (step.macs, step.bytes),
    })
}
