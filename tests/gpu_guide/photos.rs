//! A real person on another.

use alphaswap::align::{canvas_from_frame, canvas_side};
use alphaswap::frame::{ColorSpace, FrameInfo, PixelFormat};
use alphaswap::guide::Source;
use alphaswap::path::FramePath;
use alphaswap::path::cpu::CpuPath;
use alphaswap::path::cpu::sample::{Border, Sampler};
use alphaswap::region;

use super::slot::{Slot, Truth};
use super::{CERTAIN, first_look, placement};
use crate::engine_gpu::context;
use crate::support::{Picture, clip, identity};

fn picture(name: &str) -> Picture {
    let image = image::open(clip::media(name)).unwrap().to_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let info = FrameInfo { format: PixelFormat::Rgb, width, height, color: ColorSpace::default() };
    Picture { info, strides: [width * 3, 0, 0], planes: [image.into_raw(), vec![], vec![]] }
}

fn save(planes: &[f32], side: usize, path: &str) {
    let pixel = |x: u32, y: u32| {
        let i = y as usize * side + x as usize;
        image::Rgb([0, 1, 2].map(|c| (planes[c * side * side + i] * 255.0 + 0.5) as u8))
    };
    image::RgbImage::from_fn(side as u32, side as u32, pixel).save(path).unwrap();
}

#[test]
fn kai_on_ada_is_the_cpus() {
    let Some(ctx) = context() else { return };
    let ada = picture("ada.jpg");
    let mut path = CpuPath::new(None).unwrap();
    let found = path.detect(&ada.view(), 0.5).unwrap()[0];
    let face = path.landmarks(&ada.view(), region::from_detection(&found)).unwrap().landmarks;
    let source = Source::new(&identity());
    for crop in [256, 512] {
        let slot = Slot::new(ctx, &source, &[crop]);
        let (placement, side) = (placement(crop, 0.0), canvas_side(crop));
        let mut canvas = vec![0.0; 3 * side * side];
        let frame_from_canvas = canvas_from_frame(&face, crop).inverse();
        Sampler::new(&ada.view()).warp(frame_from_canvas, side, Border::Repeat, &mut canvas);
        let job = first_look(&face);
        let made = slot.run(ctx, &job, &face, CERTAIN, &placement, &canvas);
        // For people who want to look.
        if let Ok(folder) = std::env::var("ALPHASWAP_TEST_PICTURES") {
            save(&made.guide, side, &format!("{folder}/kai_on_ada_{crop}.png"));
        }
        made.assert_like(&Truth::new(&source, &job, &face, &placement, &canvas), &format!("kai on ada, crop {crop}"));
    }
}
