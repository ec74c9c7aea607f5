//! Whether a frame begins another scene: what hid a face in the last one hides nothing in it.

use crate::frame::FrameView;

/// Cells across and down, and samples along each side of a cell.
const CELLS: [usize; 2] = [16, 9];
const SAMPLES: usize = 4;
/// Mean change of the cells' brightness, in codes and beside that of the whole frame (a flash, a lamp), from which on two
/// frames show different scenes. Within the demo clip's shots it was 11 at most, where a face leaves in a hurry; at its
/// cuts 18 to 48. Scenes that are more alike go unnoticed.
const CUT: f32 = 15.0;

/// What the last frame looked like from afar.
#[derive(Debug, Default)]
pub struct Scene {
    cells: Vec<f32>,
    next: Vec<f32>,
}

impl Scene {
    /// Whether `frame`, the next one, is of another scene. The first is not.
    pub fn is_cut(&mut self, frame: &FrameView<'_>) -> bool {
        let Self { cells, next } = self;
        look(frame, next);
        let change = cells.iter().zip(&*next).map(|(a, b)| (a - b).abs()).sum::<f32>() / next.len() as f32;
        let first = cells.is_empty();
        std::mem::swap(cells, next);
        !first && change > CUT
    }
}

/// Brightness of the cells (luma, or green), less its mean.
fn look(frame: &FrameView<'_>, cells: &mut Vec<f32>) {
    let info = frame.info;
    let component = info.format.components()[usize::from(!info.format.is_yuv())];
    let size = component.size(info.width, info.height);
    // Sample `i` of an axis lies in the middle of its share.
    let place = |axis: usize, i: usize| (2 * i + 1) * size[axis] / (2 * CELLS[axis] * SAMPLES);
    let code = |x: usize, y: usize| {
        let row = place(1, y) * frame.strides[component.plane] + component.offset;
        u32::from(frame.planes[component.plane][row + place(0, x) * component.step])
    };
    cells.clear();
    for cell in 0..CELLS[0] * CELLS[1] {
        let [left, top] = [cell % CELLS[0] * SAMPLES, cell / CELLS[0] * SAMPLES];
        let sum: u32 = (0..SAMPLES * SAMPLES).map(|i| code(left + i % SAMPLES, top + i / SAMPLES)).sum();
        cells.push(sum as f32 / (SAMPLES * SAMPLES) as f32);
    }
    let mean = cells.iter().sum::<f32>() / cells.len() as f32;
    cells.iter_mut().for_each(|cell| *cell -= mean);
}
