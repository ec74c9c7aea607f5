//! Crop size and order of the faces, chosen before the GPU has seen the frame: from what the last frame said.

use std::sync::LazyLock;

use glam::{Affine2, Vec3};

use crate::align;
use crate::face::Landmarks;
use crate::mesh;
use crate::path::window::{CROPS, choose_crop};
use crate::path::{FaceJob, LANDMARK_SIDE};
use crate::region;

/// Frame pixels of a crop's side per frame pixel of the landmark region's side, of the canonical head.
static CROP_PER_REGION: LazyLock<f32> = LazyLock::new(|| {
    // The canonical axes point up and to the viewer, a picture's down and away.
    let points = mesh::canonical().points.iter().map(|p| Vec3::new(p.x, -p.y, -p.z)).collect();
    let head = Landmarks(points);
    align::native_crop(&head) / region_side(region::from_landmarks(&head))
});

fn region_side(frame_from_region: Affine2) -> f32 {
    align::scale(frame_from_region) * LANDMARK_SIDE as f32
}

/// The crop for `job`, between `least` and `most` pixels.
pub fn choose(job: &FaceJob<'_>, least: usize, most: usize) -> usize {
    let native = match job.history {
        Some(history) => align::native_crop(&history.landmarks),
        None => region_side(job.frame_from_region) * *CROP_PER_REGION,
    };
    choose_crop(native, least, most)
}

/// Every crop that [`choose`] may return.
pub fn sizes(least: usize, most: usize) -> Vec<usize> {
    let mut sizes: Vec<usize> = CROPS.into_iter().filter(|c| (least..=most).contains(c)).collect();
    if !sizes.contains(&most.max(least)) {
        sizes.push(most.max(least));
    }
    sizes
}

/// Indices of `jobs`, faces further away first, so that nearer ones end up on top.
pub fn paint_order(jobs: &[FaceJob<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by(|&a, &b| region_side(jobs[a].frame_from_region).total_cmp(&region_side(jobs[b].frame_from_region)));
    order
}
