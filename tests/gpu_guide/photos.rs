//! One real photo on another.

use alphaswap::align::{canvas_from_frame, canvas_side};
use alphaswap::face::Landmarks;
use alphaswap::frame::FrameView;
use alphaswap::identity::Texture;
use alphaswap::mesh::pose;
use alphaswap::path::FramePath;
use alphaswap::path::cpu::CpuPath;
use alphaswap::path::cpu::sample::Sampler;
use alphaswap::region;

use super::slot::{Slot, Truth};
use super::{CERTAIN, first_look, placement, source};
use crate::engine_gpu::context;
use crate::support::{Picture, clip};

fn picture(name: &str) -> Picture {
    let image = image::open(clip::media(name)).unwrap().to_rgb8();
    Picture::rgb(image.width() as usize, image.height() as usize, image.into_raw())
}

/// The mesh of the one face of a picture.
fn mesh(frame: &FrameView<'_>) -> Landmarks {
    let mut path = CpuPath::new(None).unwrap();
    let face = path.detect(frame, 0.5).unwrap()[0];
    let first = path.landmarks(frame, region::from_detection(&face)).unwrap();
    path.landmarks(frame, region::from_landmarks(&first.landmarks)).unwrap().landmarks
}

fn canvas(frame: &FrameView<'_>, face: &Landmarks, crop: usize) -> Vec<f32> {
    let side = canvas_side(crop);
    let mut canvas = vec![0.0; 3 * side * side];
    Sampler::new(frame).warp(canvas_from_frame(face, crop).inverse(), side, &mut canvas);
    canvas
}

fn save(planes: &[f32], side: usize, path: &str) {
    let pixel = |x: u32, y: u32| {
        let i = y as usize * side + x as usize;
        image::Rgb([0, 1, 2].map(|c| (planes[c * side * side + i] * 255.0 + 0.5) as u8))
    };
    image::RgbImage::from_fn(side as u32, side as u32, pixel).save(path).unwrap();
}

#[test]
fn ada_on_kai_is_the_cpus() {
    let Some(ctx) = context() else { return };
    let (ada, kai) = (picture("ada.jpg"), picture("kai.jpg"));
    let (ada_mesh, kai_mesh) = (mesh(&ada.view()), mesh(&kai.view()));
    let points = ada_mesh.mapped(canvas_from_frame(&ada_mesh, 512));
    let planes = canvas(&ada.view(), &ada_mesh, 512);
    let side = canvas_side(512);
    let rgb = (0..3 * side * side).map(|i| (planes[i % 3 * side * side + i / 3] * 255.0 + 0.5) as u8).collect();
    let source = source(vec![Texture { side, rgb, pose: pose(&points).pose, points }]);
    let slot = Slot::new(ctx, &source, &[256]);
    let (placement, canvas) = (placement(256, 0.0), canvas(&kai.view(), &kai_mesh, 256));
    let job = first_look(&kai_mesh);
    let made = slot.run(ctx, &job, &kai_mesh, CERTAIN, &placement, &canvas);
    if let Ok(folder) = std::env::var("ALPHASWAP_TEST_PICTURES") {
        save(&made.guide, canvas_side(256), &format!("{folder}/ada_on_kai.png"));
    }
    made.assert_like(&Truth::new(&source, &job, &kai_mesh, &placement, &canvas), "ada on kai");
}
