//! Each image kernel against its CPU twin, over generated formats, sizes and row paddings.

use std::sync::Arc;

use alphaswap::frame::FrameInfo;
use alphaswap::gpu::{BufferRange, Context, Dispatch};
use alphaswap::path::cpu::blend::{self, Patch};
use alphaswap::path::cpu::sample::{Border, Sampler};
use alphaswap::path::gpu::image::{self, FrameBuffer, Map};
use alphaswap::path::window::Window;
use alphaswap::tensor::largest_difference;
use glam::{Affine2, Vec2};
use proptest::prelude::*;

use crate::engine_gpu::{context, noise};
use crate::support::{Picture, any_info};

/// Runs `dispatches` after what was written so far and returns the f32 values of `result`.
fn run(ctx: &Context, dispatches: &[Dispatch], result: &BufferRange) -> Vec<f32> {
    let mut encoder = ctx.encoder("test");
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatches.iter().for_each(|d| d.record(&mut pass));
    }
    ctx.submit(encoder).unwrap();
    ctx.read_f32(&[result]).unwrap().remove(0)
}

fn upload(ctx: &Context, picture: &Picture, strength: f32) -> FrameBuffer {
    let frame = FrameBuffer::new(ctx, picture.info).unwrap();
    frame.upload(ctx, &picture.view(), strength).unwrap();
    frame
}

fn filled(ctx: &Context, values: &[f32]) -> BufferRange {
    let range = ctx.storage("test", size_of_val(values) as u64);
    ctx.write(&range, values);
    range
}

/// The map's six numbers after `before` others, then `after`.
fn place(ctx: &Context, map: Affine2, before: usize, after: &[f32]) -> BufferRange {
    let mut words = vec![f32::NAN; before];
    words.extend(map.to_cols_array());
    words.extend_from_slice(after);
    filled(ctx, &words)
}

/// A turn, a scale and a shift that keep some of a `info`-sized frame in view of a square of `side` pixels.
fn any_map(info: FrameInfo, side: usize) -> impl Strategy<Value = Affine2> {
    let (w, h) = (info.width as f32, info.height as f32);
    (0.2f32..2.5, -3.2f32..3.2, -0.3f32..1.3, -0.3f32..1.3).prop_map(move |(scale, angle, x, y)| {
        let scale = scale * w.min(h) / side as f32;
        let turn = Affine2::from_scale_angle_translation(Vec2::splat(scale), angle, Vec2::ZERO);
        let middle = turn.transform_vector2(Vec2::splat(side as f32 / 2.0));
        Affine2 { translation: Vec2::new(x * w, y * h) - middle, ..turn }
    })
}

fn any_view() -> impl Strategy<Value = (FrameInfo, usize, Affine2)> {
    (any_info(1..90), 5..70usize).prop_flat_map(|(info, side)| (Just(info), Just(side), any_map(info, side)))
}

/// A window of a generator with a crop of 16 pixels, on a canvas of its size or two times that.
fn any_window() -> impl Strategy<Value = (Window, usize)> {
    let start = || 0..5usize;
    (start(), start(), 5..11usize, 5..11usize, 1..=2usize).prop_map(|(x, y, w, h, ratio)| {
        let crop = 16 * ratio;
        (Window::new(16, [x, y], [w, h], crop), crop + 2 * (crop / 8))
    })
}

/// The first `n` values of a small generator, 0 to 1.
fn values(seed: u64, n: usize) -> Vec<f32> {
    let mut next = noise(seed);
    (0..n).map(|_| next() * 0.5 + 0.5).collect()
}

fn warp_is_its_twin(
    ctx: &Arc<Context>,
    picture: &Picture,
    side: usize,
    map: Affine2,
    border: Border,
) -> Result<(), TestCaseError> {
    let mut expected = vec![0.0; 3 * side * side];
    Sampler::new(&picture.view()).warp(map, side, border, &mut expected);
    let (frame, out) = (upload(ctx, picture, 1.0), ctx.storage("out", (12 * side * side) as u64));
    let place = place(ctx, map, 3, &[]);
    let warp = frame.warp(ctx, Map { buffer: &place, word: 3 }, border, image::Picture::unit(&out, side));
    let got = run(ctx, &[warp], &out);
    // A place that differs by 2e-6 of the frame's size, at a contrast of one code range per pixel.
    let worst = largest_difference(&got[..expected.len()], &expected);
    prop_assert!(worst < 1e-3, "differs by {worst}");
    Ok(())
}

fn letterbox_is_its_twin(ctx: &Arc<Context>, picture: &Picture, side: usize) -> Result<(), TestCaseError> {
    let mut expected = vec![0.0; 3 * side * side];
    Sampler::new(&picture.view()).letterbox(side, &mut expected);
    let (frame, out) = (upload(ctx, picture, 1.0), ctx.storage("out", (12 * side * side) as u64));
    let box_of = image::Picture { buffer: &out, side, gain: 2.0, bias: -1.0 };
    let got: Vec<f32> = run(ctx, &[frame.letterbox(ctx, box_of)], &out).iter().map(|v| v * 0.5 + 0.5).collect();
    let worst = largest_difference(&got[..expected.len()], &expected);
    prop_assert!(worst < 1e-4, "differs by {worst}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn warp((info, side, map) in any_view(), repeat in any::<bool>(), padding in 0..9usize, seed in any::<u64>()) {
        let Some(ctx) = context() else { return Ok(()) };
        let border = if repeat { Border::Repeat } else { Border::Black };
        warp_is_its_twin(ctx, &Picture::noise(info, padding, seed), side, map, border)?;
    }

    #[test]
    fn letterbox(info in any_info(2..150), side in 2..40usize, padding in 0..9usize, seed in any::<u64>()) {
        let Some(ctx) = context() else { return Ok(()) };
        prop_assume!(info.width.max(info.height) > side);
        letterbox_is_its_twin(ctx, &Picture::noise(info, padding, seed), side)?;
    }

    #[test]
    fn blend((info, side, map) in any_view(), strength in 0.0..=1.0f32, padding in 0..9usize, gate in any::<bool>(),
             seed in any::<u64>()) {
        let Some(ctx) = context() else { return Ok(()) };
        blend_is_its_twin(ctx, Picture::noise(info, padding, seed), (side, map), strength, gate)?;
    }

    #[test]
    fn windows((window, side) in any_window(), guided in any::<bool>(), seed in any::<u64>()) {
        let Some(ctx) = context() else { return Ok(()) };
        windows_are_their_twins(ctx, &window, side, guided, seed)?;
    }

    #[test]
    fn what_is_packed_comes_back(info in any_info(1..40), padding in 0..9usize, seed in any::<u64>(),
                                 rows in (0..40usize, 0..40usize)) {
        let picture = Picture::noise(info, padding, seed);
        let planes = alphaswap::path::gpu::planes::Planes::new(info);
        let mut packed = vec![0; planes.size() as usize];
        planes.pack(&picture.view(), |at, bytes| packed[at..at + bytes.len()].copy_from_slice(bytes));
        let mut back = Picture::noise(info, padding, seed ^ 1);
        let before = back.clone();
        planes.unpack(&packed, &mut back.view_mut(), 0..info.height);
        for plane in 0..info.format.planes() {
            let (row, _) = info.format.plane_size(plane, info.width, info.height);
            let rows = |p: &Picture| -> Vec<Vec<u8>> {
                p.planes[plane].chunks(p.strides[plane]).map(<[u8]>::to_vec).collect()
            };
            for ((new, old), want) in rows(&back).iter().zip(rows(&before)).zip(rows(&picture)) {
                prop_assert_eq!(&new[..row], &want[..row]);
                prop_assert_eq!(&new[row..], &old[row..], "bytes between rows");
            }
        }
        // Part of the rows: luma rows outside stay.
        let mut part = before.clone();
        let rows = rows.0.min(info.height)..rows.1.min(info.height);
        planes.unpack(&packed, &mut part.view_mut(), rows.clone());
        for y in 0..info.height {
            let (row, _) = info.format.plane_size(0, info.width, info.height);
            let at = y * part.strides[0];
            let want = if rows.contains(&y) { &picture } else { &before };
            prop_assert_eq!(&part.planes[0][at..at + row], &want.planes[0][at..at + row], "row {}", y);
        }
    }
}

/// A network that fails must not paint black or white.
#[test]
fn a_canvas_of_no_numbers_is_not_painted() {
    let Some(ctx) = context() else { return };
    let (side, format) = (16, alphaswap::frame::PixelFormat::Nv12);
    let info = FrameInfo { format, width: side, height: side, color: Default::default() };
    let before = Picture::noise(info, 0, 3);
    let frame = upload(ctx, &before, 1.0);
    let place = place(ctx, Affine2::IDENTITY, 1, &[1.0]);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5] {
        let (canvas, mask) = (filled(ctx, &vec![value; 3 * side * side]), filled(ctx, &vec![1.0; side * side]));
        let blend = frame.blend(ctx, Map { buffer: &place, word: 1 }, 7, [&canvas, &mask], side);
        let packed = run(ctx, &[blend], &frame.codes);
        let mut after = before.clone();
        frame.planes.unpack(bytemuck::cast_slice(&packed), &mut after.view_mut(), 0..side);
        assert_eq!(after == before, !value.is_finite(), "{value}");
    }
}

fn blend_is_its_twin(
    ctx: &Arc<Context>,
    mut picture: Picture,
    (side, frame_from_canvas): (usize, Affine2),
    strength: f32,
    gate: bool,
) -> Result<(), TestCaseError> {
    // A disc of noise: zero outside, as every mask is on the canvas' outermost ring.
    let rgb = values(7, 3 * side * side);
    let middle = Vec2::splat((side - 1) as f32 / 2.0);
    let at = |i: usize| Vec2::new((i % side) as f32, (i / side) as f32);
    let mask: Vec<f32> = (0..side * side).map(|i| (1.0 - at(i).distance(middle) / middle.x * 1.1).max(0.0)).collect();
    let mut codes = rgb.clone();
    blend::to_codes(&picture.info, alphaswap::path::planes_mut(&mut codes));
    let canvas_from_frame = frame_from_canvas.inverse();

    let frame = upload(ctx, &picture, strength);
    let place = place(ctx, canvas_from_frame, 1, &[if gate { 1.0 } else { 0.0 }]);
    let map = Map { buffer: &place, word: 1 };
    let blend = frame.blend(ctx, map, 7, [&filled(ctx, &rgb), &filled(ctx, &mask)], side);
    let packed = run(ctx, &[blend], &frame.codes);
    let mut got = picture.clone();
    frame.planes.unpack(bytemuck::cast_slice(&packed), &mut got.view_mut(), 0..picture.info.height);

    let before = picture.clone();
    if gate {
        let patch = Patch { codes: &codes, mask: &mask, side, shown: (Vec2::ZERO, Vec2::splat(side as f32)) };
        blend::blend(&mut picture.view_mut(), &patch, canvas_from_frame, strength);
    }
    compare(&before, &picture, &got)
}

/// Equal within one code (rounding of a value that lies between two), and unchanged wherever the CPU changed nothing
/// at a distance.
fn compare(before: &Picture, expected: &Picture, got: &Picture) -> Result<(), TestCaseError> {
    let bytes = |p: &Picture| p.planes.concat();
    let (before, expected, got) = (bytes(before), bytes(expected), bytes(got));
    let mut off = 0;
    for ((&b, &e), &g) in before.iter().zip(&expected).zip(&got) {
        prop_assert!(e.abs_diff(g) <= 1, "{b} became {g}, expected {e}");
        off += usize::from(e != g);
    }
    prop_assert!(off * 100 <= before.len() + 500, "{off} of {} bytes differ", before.len());
    Ok(())
}

fn windows_are_their_twins(
    ctx: &Arc<Context>,
    window: &Window,
    side: usize,
    guided: bool,
    seed: u64,
) -> Result<(), TestCaseError> {
    let (canvas, n) = (values(seed, 3 * side * side), 3 * window.area());
    let mut seen = vec![0.0; n];
    window.read(&canvas, side, &mut seen);
    let made = values(seed ^ 9, n);
    let change: Vec<f32> = made.iter().zip(&seen).map(|(m, s)| if guided { m - s } else { *m }).collect();
    let mut expected = canvas.clone();
    for (i, v) in expected.iter_mut().enumerate() {
        let (channel, y, x) = (i / (side * side), i / side % side, i % side);
        let (x0, x1, fx, in_x) = window.tap(0, x);
        let (y0, y1, fy, in_y) = window.tap(1, y);
        let at = |y: usize, x: usize| change[(channel * window.size[1] + y) * window.size[0] + x];
        let top = at(y0, x0) + (at(y0, x1) - at(y0, x0)) * fx;
        let bottom = at(y1, x0) + (at(y1, x1) - at(y1, x0)) * fx;
        let (cover, change) = (in_x * in_y, top + (bottom - top) * fy);
        *v = if guided { *v + change * cover } else { *v * (1.0 - cover) + change * cover };
    }
    let (canvas, out) = (filled(ctx, &canvas), ctx.storage("window", 4 * n as u64));
    let read = image::window_read(ctx, window, side, &canvas, &out);
    let got_window = run(ctx, &[read], &out);
    prop_assert!(largest_difference(&got_window[..n], &seen) < 1e-5);
    let made = filled(ctx, &made);
    let write = image::window_write(ctx, window, side, (&made, guided.then_some(&out)), &canvas);
    let got = run(ctx, &[write], &canvas);
    let worst = largest_difference(&got[..expected.len()], &expected);
    prop_assert!(worst < 1e-5, "differs by {worst}");
    Ok(())
}
