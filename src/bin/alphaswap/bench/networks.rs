//! Networks alone: the median of some runs, with inputs and outputs on the host.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alphaswap::gpu::Context as Gpu;
use alphaswap::models::Model;
use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::doctor;
use crate::net::AnyNet;

/// Runs of which the median is told.
const RUNS: usize = 11;
/// After so long the least number of runs is enough: software adapters need seconds for one.
const PATIENCE: Duration = Duration::from_secs(1);
const LEAST: usize = 3;

/// One network alone.
#[derive(Serialize)]
pub struct Network {
    name: String,
    million_macs: f64,
    median_ms: f64,
}

impl Network {
    /// Times every network that ships.
    pub fn measure_all(gpu: Option<&Arc<Gpu>>) -> Result<Vec<Self>> {
        Model::builtin_names().map(|name| Self::measure(gpu, &Model::builtin(name)?)).collect()
    }

    /// Times `model` on `gpu`, or on the CPU engine.
    fn measure(gpu: Option<&Arc<Gpu>>, model: &Model) -> Result<Self> {
        let spec = Arc::new(model.spec()?);
        let inputs = doctor::waves(&spec);
        let mut net = AnyNet::new(gpu, spec.clone(), &model.weights)?;
        net.run(&inputs)?;
        let mut times = Vec::new();
        let begin = Instant::now();
        while times.len() < RUNS && (times.len() < LEAST || begin.elapsed() < PATIENCE) {
            let start = Instant::now();
            net.run(&inputs)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let million_macs = spec.macs() as f64 / 1e6;
        Ok(Self { name: model.name.clone(), million_macs, median_ms: times[times.len() / 2] })
    }
}

/// Prints a table.
pub fn print(networks: &[Network]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(["network", "million MAC", "ms (median)"]);
    for n in networks {
        table.add_row([n.name.clone(), format!("{:.0}", n.million_macs), format!("{:.2}", n.median_ms)]);
    }
    println!("{table}");
}
