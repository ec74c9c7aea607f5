//! What stands where the guide does not cover.

use super::raster::{Texel, UNCOVERED};
use super::window::Window;

/// Copies the window of a planar canvas `[3, side, side]` into three window planes.
pub fn cut(canvas: &[f32], side: usize, window: Window, planes: [&mut [f32]; 3]) {
    for (plane, canvas) in planes.into_iter().zip(canvas.chunks_exact(side * side)) {
        for (y, row) in plane.chunks_exact_mut(window.width).take(window.height).enumerate() {
            row.copy_from_slice(&canvas[window.canvas_row(y, side)]);
        }
    }
}

/// Puts the target's pixels where no triangle lies, so that no filter ever meets an unmapped pixel.
pub fn fill(texels: &[Texel], target: &[f32], guide: &mut [f32]) {
    for ((texel, target), guide) in texels.iter().zip(target).zip(guide) {
        if texel.triangle == UNCOVERED {
            *guide = *target;
        }
    }
}

/// Blends the guide's window plane over the same plane of the canvas: `canvas += mask * (guide - canvas)`.
pub fn compose(guide: &[f32], mask: &[f32], window: Window, side: usize, canvas: &mut [f32]) {
    let rows = guide.chunks_exact(window.width).zip(mask.chunks_exact(window.width));
    for (y, (guide, mask)) in rows.enumerate().take(window.height) {
        let canvas = &mut canvas[window.canvas_row(y, side)];
        for ((canvas, guide), mask) in canvas.iter_mut().zip(guide).zip(mask) {
            *canvas += mask * (guide - *canvas);
        }
    }
}
