//! The generator on the CPU: window in, network, residual out onto the canvas.

use std::sync::Arc;

use crate::engine::cpu::Net;
use crate::error::Result;
use crate::identity::Identity;
use crate::models::Model;
use crate::nets::GeneratorConfig;
use crate::path::window::Window;

/// A generator network with its place on the canvas.
#[derive(Debug)]
pub struct Generator {
    net: Net,
    config: GeneratorConfig,
    guide: Vec<f32>,
    change: Vec<f32>,
}

impl Generator {
    /// Plans the network of `model`.
    pub fn new(model: &Model, config: GeneratorConfig) -> Result<Self> {
        let spec = config.spec()?;
        let window = config.window();
        let values = 3 * window.width * window.height;
        let net = Net::new(Arc::new(spec), &model.weights)?;
        Ok(Self { net, config, guide: vec![0.0; values], change: vec![0.0; values] })
    }

    /// The person whose face is put on; the layers that see nothing else run once.
    ///
    /// # Errors
    /// As [`Identity::embedding`].
    pub fn set_identity(&mut self, identity: &Identity) -> Result<()> {
        self.net.input_mut("identity").copy_from_slice(identity.embedding(&self.config.identity)?);
        Ok(())
    }

    /// The window on a canvas of size `crop`.
    pub fn window(&self, crop: usize) -> Window {
        Window::of(&self.config, crop)
    }

    /// Runs on `canvas` (planar `[3, side, side]`, 0 to 1) and changes `out` of the same shape. A guided generator
    /// adds its change to `out`, which holds the guide; another one writes its picture over it.
    pub fn run(&mut self, canvas: &[f32], side: usize, crop: usize, out: &mut [f32]) {
        let window = self.window(crop);
        window.read(canvas, side, self.net.input_mut("crop"));
        if self.config.guide {
            window.read(out, side, &mut self.guide);
            self.net.input_mut("guide").copy_from_slice(&self.guide);
        }
        self.net.run();
        self.change.copy_from_slice(self.net.output("crop"));
        if self.config.guide {
            self.change.iter_mut().zip(&self.guide).for_each(|(v, g)| *v -= g);
        }
        self.write(&window, side, out);
    }

    fn write(&self, window: &Window, side: usize, out: &mut [f32]) {
        let keep = if self.config.guide { 1.0 } else { 0.0 };
        let taps = |axis| (0..side).map(|i| window.tap(axis, i)).collect::<Vec<_>>();
        let (columns, rows) = (taps(0), taps(1));
        let w = window.size[0];
        for (change, out) in self.change.chunks_exact(window.area()).zip(out.chunks_exact_mut(side * side)) {
            for (&(y0, y1, fy, in_rows), out) in rows.iter().zip(out.chunks_exact_mut(side)) {
                if in_rows <= 0.0 {
                    continue;
                }
                let (top, bottom) = (&change[y0 * w..][..w], &change[y1 * w..][..w]);
                for (&(x0, x1, fx, in_columns), v) in columns.iter().zip(out) {
                    let cover = in_rows * in_columns;
                    let a = top[x0] + (top[x1] - top[x0]) * fx;
                    let b = bottom[x0] + (bottom[x1] - bottom[x0]) * fx;
                    let change = a + (b - a) * fy;
                    *v = *v * (1.0 - cover * (1.0 - keep)) + change * cover;
                }
            }
        }
    }
}
