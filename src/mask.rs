//! The face mask of the final blend: the mesh's hull, eyes and mouth included, with a soft edge.

use crate::face::Landmarks;
use crate::guide::distance::Distance;
use crate::guide::raster::{Raster, UNCOVERED};
use crate::guide::shape::smoothstep;
use crate::guide::window::Window;

/// Makes hull masks; buffers are planned once and reused.
#[derive(Clone, Debug)]
pub struct HullMask {
    raster: Raster,
    distance: Distance,
    depth: Vec<f32>,
    canvas: Vec<f32>,
}

impl HullMask {
    /// Plans for canvases of a side of up to `max_side` pixels.
    pub fn new(max_side: usize) -> Self {
        let pixels = max_side * max_side;
        Self {
            raster: Raster::new(pixels),
            distance: Distance::new(pixels, max_side),
            depth: vec![0.0; pixels],
            canvas: vec![0.0; pixels],
        }
    }

    /// The mask `[side, side]` of the mesh `points` (canvas pixels): 0 outside the hull and on the canvas' outermost
    /// ring, rising inwards to 1 at a depth of `feather` pixels.
    ///
    /// # Panics
    /// When `side` exceeds the planned one.
    pub fn run(&mut self, points: &Landmarks, side: usize, feather: f32) -> &[f32] {
        assert!(side * side <= self.canvas.len(), "planned for smaller canvases than {side} px");
        self.canvas[..side * side].fill(0.0);
        let window = Window::around(points.0.iter().map(|p| p.truncate()), side);
        if window.is_empty() {
            return &self.canvas[..side * side];
        }
        self.raster.cover(points, window);
        let texels = &self.raster.texels;
        let depth = &mut self.depth[..window.len()];
        let feather = feather.max(1e-3);
        let size = [window.width, window.height];
        self.distance.run_near(|i| texels[i].triangle != UNCOVERED, size, feather, depth);
        for (y, row) in depth.chunks_exact(window.width).enumerate() {
            let out = &mut self.canvas[window.canvas_row(y, side)];
            out.iter_mut().zip(row).for_each(|(o, d)| *o = smoothstep(0.0, feather, *d));
        }
        &self.canvas[..side * side]
    }
}
