//! What an adapter can do at best, measured on the spot: the line under which kernels are judged.

use std::sync::Arc;
use std::time::Instant;

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::params::ConvParams;
use super::{BufferRange, Context, Dispatch};
use crate::error::Result;

/// A measurement takes this long, so that the cost of a submission (some 0.1 ms) does not count.
const ENOUGH_SECS: f64 = 0.05;

/// Sides of the square matrices: the first is tried, the last fills the largest machines.
const SIDES: [u32; 5] = [256, 512, 1024, 2048, 4096];

/// Bytes that are copied: more than any cache holds, where the adapter is quick enough.
const COPIED: [u64; 4] = [4 << 20, 32 << 20, 128 << 20, 512 << 20];

/// The speed of an adapter in square matrix products without padding and in copies. The products are those of the
/// convolution kernels of each kind with a kernel of 1 x 1 over an input that already lies as they want it; one
/// multiply-add counts as two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceiling {
    /// 32-bit product, GFLOP/s.
    pub f32_gflops: f64,
    /// 16-bit product in packed arithmetic, GFLOP/s; none without 16-bit floats, or when the driver refuses it.
    pub f16_gflops: Option<f64>,
    /// 16-bit product on matrix units, GFLOP/s; none without such, or when the driver
    /// refuses it.
    pub matrix_gflops: Option<f64>,
    /// Bytes read and written by a copy from one buffer to another, GB/s.
    pub copy_gb_s: f64,
}

impl Ceiling {
    /// Measures; on a GPU a fraction of a second.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost) when the device fails.
    pub fn measure(ctx: &Arc<Context>) -> Result<Self> {
        let sixteen = |shader: &'static Shader| {
            ctx.guarded(|| product(ctx, shader, half::f16::from_f32).map_err(|e| e.to_string())).ok()
        };
        Ok(Self {
            f32_gflops: product(ctx, &shaders::CONV_TAPS_128, |v| v)?,
            f16_gflops: Some(&shaders::CONV_HALF).filter(|_| ctx.has_f16()).and_then(sixteen),
            matrix_gflops: ctx.matrix_units().and_then(|units| units.product()).and_then(sixteen),
            copy_gb_s: copy(ctx)?,
        })
    }
}

/// GFLOP/s of `shader`, whose factors are stored as `stored` makes them.
fn product<T: bytemuck::Pod>(ctx: &Arc<Context>, shader: &'static Shader, stored: fn(f32) -> T) -> Result<f64> {
    let per_side = |side: u32| {
        let dispatch = square(ctx, shader, side, stored);
        let record = move |encoder: &mut wgpu::CommandEncoder, times: usize| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            (0..times).for_each(|_| dispatch.record(&mut pass));
        };
        (2.0 * f64::from(side).powi(3), record)
    };
    Ok(rate(ctx, &SIDES, per_side)? / 1e9)
}

/// The product of two square matrices of noise: zeros would be multiplied at less power and so at a higher clock.
fn square<T: bytemuck::Pod>(ctx: &Context, shader: &'static Shader, side: u32, stored: fn(f32) -> T) -> Dispatch {
    let mut state = 1u32;
    let mut noise = || {
        // A linear congruential generator (Numerical Recipes), its upper bits as a number in [-1, 1).
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        stored((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    let values: Vec<T> = (0..side * side).map(|_| noise()).collect();
    let [left, right] = ["left", "right"].map(|label| ctx.constant(label, &values));
    let epilogue = ctx.constant("epilogue", &[[0.0f32, 1.0]].repeat(side as usize));
    let output = ctx.storage("product", size_of_val(&values[..]) as u64);
    // A row of pixels, as many as there are channels.
    let params =
        ConvParams { in_c: side, in_h: 1, in_w: side, out_c: side, out_h: 1, out_w: side, pad_top: 0, pad_left: 0 };
    let uniform = ctx.uniform("side", &params);
    let tiles = side.div_ceil(shader.constant("TILE"));
    let kernel = ctx.kernel(shader, &[("KERNEL", 1.0)]);
    ctx.dispatch(&kernel, &[&uniform, &right, &left, &epilogue, &output], [tiles, tiles, 1])
}

/// GB/s.
fn copy(ctx: &Context) -> Result<f64> {
    let limit = ctx.device.limits().max_buffer_size;
    let sizes: Vec<u64> = COPIED.into_iter().filter(|&size| size <= limit).collect();
    let per_size = |size: u64| {
        let [from, to]: [BufferRange; 2] = ["from", "to"].map(|label| ctx.storage(label, size));
        let record = move |encoder: &mut wgpu::CommandEncoder, times: usize| {
            (0..times).for_each(|_| encoder.copy_buffer_to_buffer(&from.buffer, 0, &to.buffer, 0, size));
        };
        (2.0 * size as f64, record)
    };
    Ok(rate(ctx, &sizes, per_size)? / 1e9)
}

/// Units of work a second, at the largest of `sizes` that takes no longer than a measurement should, done as often as
/// fills one; `work` gives a size's units and records it a number of times.
fn rate<S: Copy, R>(ctx: &Context, sizes: &[S], work: impl Fn(S) -> (f64, R)) -> Result<f64>
where
    R: Fn(&mut wgpu::CommandEncoder, usize),
{
    let mut best = 0.0;
    for &size in sizes {
        let (units, record) = work(size);
        let seconds = |times: usize| -> Result<f64> {
            let mut encoder = ctx.encoder("ceiling");
            record(&mut encoder, times);
            let start = Instant::now();
            ctx.submit(encoder)?;
            ctx.wait()?;
            Ok(start.elapsed().as_secs_f64())
        };
        // The first run also uploads and wakes the machine up.
        seconds(1)?;
        let once = seconds(1)?;
        let times = (ENOUGH_SECS / once).clamp(1.0, 1e4) as usize;
        best = units * times as f64 / seconds(times)?;
        if once > ENOUGH_SECS / 8.0 {
            break;
        }
    }
    Ok(best)
}
