//! Enrolling with ArcFace: what the encoder sees of a photo, and which generators take the identity then.

use std::sync::Arc;

use alphaswap::align::{EncoderCrop, arcface_from_frame, crop_from_frame};
use alphaswap::face::{Landmarks, POINTS};
use alphaswap::identity::enroll::Enroller;
use alphaswap::identity::{Consent, Date, Identity};
use alphaswap::models::{Card, Model, Weights};
use alphaswap::nets::{ArcfaceConfig, GeneratorConfig};
use alphaswap::path::Painter;
use alphaswap::pipeline::Pipeline;
use alphaswap::settings::{DeviceChoice, Look, ModelChoice};
use alphaswap::tensor::Tensor;
use glam::{Affine2, Vec2, Vec3};
use image::RgbImage;

use crate::engine_gpu::sample;
use crate::networks::narrow;
use crate::support::{clip, photo};

/// insightface's `arcface_dst`: the five points in a picture of 112 px.
const ARCFACE_112: [[f32; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

#[test]
fn crops_stand_on_insightface_s_templates() {
    let frame_from_crop = Affine2::from_scale_angle_translation(Vec2::splat(3.7), 0.4, Vec2::new(200.0, 90.0));
    let mut mesh = vec![Vec3::ZERO; POINTS];
    let places: [&[usize]; 5] = [&[33, 133], &[362, 263], &[1], &[61], &[291]];
    for (indices, point) in places.iter().zip(ARCFACE_112) {
        indices.iter().for_each(|&i| mesh[i] = frame_from_crop.transform_point2(point.into()).extend(0.0));
    }
    let mesh = Landmarks(mesh);
    let (native, twice) = (arcface_from_frame(&mesh, 112), arcface_from_frame(&mesh, 224));
    for (point, template) in mesh.five().into_iter().zip(ARCFACE_112.map(Vec2::from)) {
        let near = |a: Vec2, b: Vec2| assert!(a.distance(b) < 0.01, "{a}, expected {b}");
        near(native.transform_point2(point), template);
        near(twice.transform_point2(point), template * 2.0);
        // arcface_128_v2 is the same face 8 px further right, AlphaFace's crop twice that.
        near(crop_from_frame(&mesh).transform_point2(point), (template + Vec2::new(8.0, 0.0)) * 2.0);
    }
}

/// Pixels that [`looking_glass`] tells along each axis, and the distance between them.
const GRID: usize = 7;
const STEP: usize = 16;

fn arcface(config: ArcfaceConfig, weights: Weights) -> Model {
    let card = Card {
        name: "arcface_w600k_r50".into(),
        network: "arcface".into(),
        arcface: Some(config),
        training: None,
        ..Model::builtin("identity").unwrap().card
    };
    Model { name: "test".into(), card, weights, sha256: "0a".repeat(32) }
}

/// An encoder whose embedding is every 16th pixel of its input in each direction, `[3, 7, 7]`.
fn looking_glass() -> Model {
    let config = ArcfaceConfig { blocks: [1; 4], widths: [3; 4], side: 112, embedding: 3 * GRID * GRID };
    let mut weights = Weights::default();
    for param in config.spec().unwrap().params() {
        let mut tensor = Tensor::zeros(param.shape);
        let pass =
            |name: &str| ["conv1.weight", "downsample.weight", "fc.weight"].iter().any(|end| name.ends_with(end));
        match param.name.as_str() {
            // The whole way leads through the shortcuts: the convolutions of the blocks stay zero.
            name if name.starts_with("layer") && name.ends_with("conv1.weight") => {}
            "prelu.weight" => tensor.data.fill(1.0),
            name if pass(name) => {
                let (channels, values) = (tensor.shape[0], tensor.data.len());
                let taps = tensor.shape[2..].iter().product::<usize>();
                (0..channels).for_each(|c| tensor.data[c * (values / channels + taps) + taps / 2] = 1.0);
            }
            _ => {}
        }
        weights.0.insert(param.name, tensor);
    }
    arcface(config, weights)
}

fn kai(encoder: &Model) -> Identity {
    let path = clip::media("kai.jpg");
    let mut enroller = Enroller::new().unwrap().with_encoder(encoder).unwrap();
    let sample = enroller.sample(&path, &image::open(&path).unwrap().to_rgb8(), None).unwrap();
    let consent = Consent::new("nobody's face", Date::constant(2026, 11, 21));
    enroller.identity("Kai", consent, vec![sample]).unwrap()
}

/// The mean around pixel `at` of a crop, over a square of `size` crop pixels, as the network's input.
fn around(picture: &RgbImage, picture_from_crop: Affine2, at: Vec2, size: f32) -> Vec3 {
    const N: usize = 9;
    let offset = |i: usize| ((i as f32 + 0.5) / N as f32 - 0.5) * size;
    let pixel = |i: usize| {
        let p = picture_from_crop.transform_point2(at + Vec2::new(offset(i % N), offset(i / N)));
        let inside = |v: f32, most: u32| (v.round().max(0.0) as u32).min(most - 1);
        let rgb = picture.get_pixel(inside(p.x, picture.width()), inside(p.y, picture.height()));
        Vec3::from(rgb.0.map(f32::from)) / 127.5 - 1.0
    };
    (0..N * N).map(pixel).sum::<Vec3>() / (N * N) as f32
}

#[test]
fn an_encoder_sees_the_aligned_face() {
    let identity = kai(&looking_glass());
    // The texture is the photo around the face, so the same crops can be cut out of it.
    let texture = &identity.textures[0];
    let picture = RgbImage::from_raw(texture.side as u32, texture.side as u32, texture.rgb.clone()).unwrap();
    let wide = Affine2::from_scale_angle_translation(Vec2::splat(112.0 / 256.0), 0.0, Vec2::splat(-72.0 / 256.0));
    let crops = [
        (EncoderCrop::Arcface112, arcface_from_frame(&texture.points, 112)),
        (EncoderCrop::Arcface128, wide * crop_from_frame(&texture.points)),
    ];
    for (crop, crop_from_picture) in crops {
        let seen = &identity.embeddings.iter().find(|e| e.crop == crop).unwrap().values;
        // Mean difference to the photo's pixels, these taken `moved` beside their places.
        let off = |moved: Vec2| {
            let one = |i: usize| {
                let at = Vec2::new((i % GRID * STEP) as f32, (i / GRID * STEP) as f32);
                let want = around(&picture, crop_from_picture.inverse(), at + moved, 1.2);
                let got = Vec3::from([0, 1, 2].map(|c| seen[c * GRID * GRID + i]));
                (got - want).abs().max_element()
            };
            (0..GRID * GRID).map(one).sum::<f32>() / (GRID * GRID) as f32
        };
        let [here, right, below] = [Vec2::ZERO, Vec2::X, Vec2::Y].map(off);
        println!("{}: {here}, {right}, {below}", crop.name());
        // Two codes of 255, and a crop that is a pixel off is told from the right one.
        assert!(here < 2.0 / 127.5 && right.min(below) > 3.0 * here, "{}: {here}, {right}, {below}", crop.name());
    }
}

/// One identity, enrolled with an encoder as narrow as the generators, is put on by each of them.
#[test]
fn one_identity_fits_every_generator() {
    let config = ArcfaceConfig { blocks: [1; 4], widths: [4; 4], side: 112, embedding: 8 };
    let weights = sample(&config.spec().unwrap(), 1).0;
    let identity = Arc::new(kai(&arcface(config, weights)));
    let official = [GeneratorConfig::alphaface_256(), GeneratorConfig::inswapper_128()].map(|config| {
        let mut config = narrow(config);
        config.identity.emap = true;
        let mut model = Model::builtin("generator").unwrap();
        model.weights = sample(&config.spec().unwrap(), 2).0;
        Painter::Generator { model: Box::new(model), config }
    });
    let shipped = [ModelChoice::Mesh, ModelChoice::Guided].map(|choice| Painter::load(&choice).unwrap());
    let ada = photo("ada.jpg", alphaswap::frame::PixelFormat::Rgb, 0);
    for painter in shipped.into_iter().chain(official) {
        painter.check(&identity).unwrap();
        let path = alphaswap::device::open_cpu(&painter, &identity).unwrap();
        let look = Look { badge: false, ..Look::default() };
        let mut pipeline = Pipeline::with_path(DeviceChoice::Cpu, painter, identity.clone(), path, None, look);
        let mut frame = ada.clone();
        pipeline.process(&mut frame.view_mut(), None).unwrap();
        assert!(frame != ada);
    }
}

#[test]
fn an_identity_without_the_embedding_is_refused_by_every_door() {
    let identity = crate::support::identity();
    let mut model = Model::builtin("generator").unwrap();
    let config = narrow(GeneratorConfig::inswapper_128());
    model.weights = sample(&config.spec().unwrap(), 2).0;
    let painter = Painter::Generator { model: Box::new(model), config };
    let refused = |error: Option<alphaswap::Error>| {
        let error = error.expect("refused").to_string();
        assert!(error.contains("arcface_w600k_r50 on arcface_112") && error.contains("--encoder FILE"), "{error}");
    };
    refused(painter.check(&identity).err());
    refused(alphaswap::device::open_cpu(&painter, &identity).err());
    let Some(ctx) = crate::engine_gpu::context() else { return };
    refused(alphaswap::path::gpu::GpuPath::new(ctx, &painter, &identity, Default::default()).err());
}
