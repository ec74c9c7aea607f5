//! Photos of the data set, ready for the guide stage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use image::{RgbImage, imageops};

use crate::align::canvas_side;
use crate::error::{Error, Result};
use crate::guide::Source;
use crate::identity::Texture;
use crate::train::data::{Dataset, Item};

/// Bytes of photos that are kept in memory.
const KEPT: usize = 2 << 30;

/// One photo.
pub(super) struct Photo {
    /// At the data set's size.
    pub texture: Texture,
    /// The same as a source of guides.
    pub source: Source,
}

/// All photos, each loaded when it is first asked for and kept as long as there is room.
pub(super) struct Photos<'a> {
    data: &'a Dataset,
    kept: Vec<OnceLock<Arc<Photo>>>,
    room: AtomicUsize,
}

impl<'a> Photos<'a> {
    /// Room for `photos` of them.
    pub fn new(data: &'a Dataset, photos: usize) -> Self {
        // Texture, sharp level, softened levels: 3 + 4 + 16/3 bytes a pixel, and what is small.
        let bytes = 13 * canvas_side(data.header.crop).pow(2) + 64 * 1024;
        let kept = (0..photos).map(|_| OnceLock::new()).collect();
        Self { data, kept, room: AtomicUsize::new(KEPT / bytes) }
    }

    /// The photo of `item`, whose place is `i`.
    pub fn get(&self, i: usize, item: &Item) -> Result<Arc<Photo>> {
        if let Some(photo) = self.kept[i].get() {
            return Ok(photo.clone());
        }
        let photo = Arc::new(self.load(item)?);
        let less = |room: usize| room.checked_sub(1);
        if self.room.try_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Ok(self.kept[i].get_or_init(|| photo).clone());
        }
        Ok(photo)
    }

    fn load(&self, item: &Item) -> Result<Photo> {
        let full = canvas_at(self.data, item, self.data.header.crop)?;
        let (side, points) = (full.width() as usize, self.data.features(item)?.points);
        let texture = Texture { side, rgb: full.into_raw(), points, pose: item.pose };
        let source = Source::of(std::slice::from_ref(&texture));
        Ok(Photo { texture, source })
    }
}

/// The photo of `item` on the canvas of a smaller crop, as a generator of that crop sees larger canvases
/// ([`Window`](crate::path::window::Window)): means over squares of pixels.
///
/// # Errors
/// [`Error::Io`] or [`Error::Training`] when its files are missing or damaged, or `crop` does not divide the data set's.
pub fn canvas_at(data: &Dataset, item: &Item, crop: usize) -> Result<RgbImage> {
    let canvas = data.canvas(item)?;
    let side = canvas_side(data.header.crop) as u32;
    if canvas.dimensions() != (side, side) {
        let reason = format!("is {} x {} pixels instead of {side}; prepare anew", canvas.width(), canvas.height());
        return Err(Error::training(data.file(item, "png").display(), reason));
    }
    if !data.header.crop.is_multiple_of(crop) {
        let reason = format!("its crop of {} px is no multiple of {crop}; prepare anew", data.header.crop);
        return Err(Error::training(data.folder.display(), reason));
    }
    Ok(shrunk(canvas, crop))
}

/// A canvas at the size of a crop that divides its own.
pub(super) fn shrunk(canvas: RgbImage, crop: usize) -> RgbImage {
    let side = canvas_side(crop) as u32;
    if canvas.width() == side { canvas } else { imageops::thumbnail(&canvas, side, side) }
}
