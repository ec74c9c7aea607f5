//! The watermark that the device puts in, against the CPU's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alphaswap::error::Result;
use alphaswap::face::Detection;
use alphaswap::frame::{ColorSpace, FrameInfo, FrameView, FrameViewMut, PixelFormat};
use alphaswap::gpu::Context;
use alphaswap::identity::Identity;
use alphaswap::marks::watermark::{Embedder, Payload};
use alphaswap::path::gpu::GpuPath;
use alphaswap::path::gpu::image::FrameBuffer;
use alphaswap::path::gpu::mark::{MarkBuffers, Marker};
use alphaswap::path::{Done, FaceJob, FramePath, MeshReading, Painter, StageTimes, Ticket, Work};
use alphaswap::settings::{DeviceChoice, Look};
use alphaswap::{Pipeline, Report};
use glam::Affine2;
use image::imageops::{self, FilterType};

use super::frames::{Known, jobs};
use super::overlap::{self, double, single, views};
use crate::engine_gpu::context;
use crate::support::{Picture, clip, identity, photo};
use crate::watermark::{luma, read};

const PAYLOAD: Payload = Payload { consent: 0xc0ffee, session: 0x5e5510 };
/// Share of the bytes that may differ, by one code: sums are added up in another order. On a software adapter it is a
/// fiftieth of this.
const OFF: f32 = 0.001;

/// The portrait as a frame of any size; what is no luma is noise.
fn scaled(format: PixelFormat, width: usize, height: usize) -> Picture {
    let rgb = image::open(clip::media("ada.jpg")).unwrap().into_rgb8();
    let rgb = imageops::resize(&rgb, width as u32, height as u32, FilterType::Triangle);
    let mut picture = Picture::noise(FrameInfo { format, width, height, color: ColorSpace::default() }, 3, 9);
    let channels = if format.is_yuv() { 1 } else { 3 };
    for (channel, c) in format.components().into_iter().enumerate().take(channels) {
        for (x, y, pixel) in rgb.enumerate_pixels() {
            let at = y as usize * picture.strides[c.plane] + c.offset + x as usize * c.step;
            picture.planes[c.plane][at] = pixel.0[if format.is_yuv() { 1 } else { channel }];
        }
    }
    picture
}

/// `picture` as the device marks it; `painted` says whether it is one with a face.
fn on_device(ctx: &Context, buffers: &mut MarkBuffers, picture: &Picture, painted: bool) -> Picture {
    let frame = FrameBuffer::new(ctx, picture.info).unwrap();
    let marker = Marker::new(ctx, &frame, buffers);
    buffers.write(ctx, PAYLOAD);
    frame.upload(ctx, &picture.view(), 1.0).unwrap();
    ctx.write(&frame.painted, &[u32::from(painted)]);
    let mut encoder = ctx.encoder("test");
    marker.record(&mut encoder.begin_compute_pass(&Default::default()));
    ctx.submit(encoder).unwrap();
    let packed = ctx.read_f32(&[&frame.codes]).unwrap().remove(0);
    let mut out = picture.clone();
    frame.planes.unpack(bytemuck::cast_slice(&packed), &mut out.view_mut(), 0..picture.info.height);
    out
}

fn on_cpu(mut picture: Picture) -> Picture {
    Embedder::new(PAYLOAD).embed(&mut picture.view_mut());
    picture
}

/// Share of the bytes that differ; none by more than one code.
#[track_caller]
fn off(cpu: &Picture, gpu: &Picture, what: &str) -> f32 {
    let (cpu, gpu) = (cpu.planes.concat(), gpu.planes.concat());
    let worst = cpu.iter().zip(&gpu).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 1, "{what}: differs by {worst}");
    cpu.iter().zip(&gpu).filter(|(a, b)| a != b).count() as f32 / cpu.len() as f32
}

#[test]
fn frames_are_marked_as_on_the_cpu() {
    let Some(ctx) = context() else { return };
    let mut buffers = MarkBuffers::new(ctx);
    let small = [(64, 48), (17, 31), (257, 31), (640, 1), (1, 1)];
    let mut pictures: Vec<Picture> = PixelFormat::ALL.map(|format| photo("ada.jpg", format, 5)).into();
    for format in [PixelFormat::Nv12, PixelFormat::Yuy2, PixelFormat::Bgr] {
        pictures.extend(small.map(|(width, height)| scaled(format, width, height)));
        pictures.push(Picture::noise(FrameInfo { width: 333, height: 222, ..pictures[0].info }, 2, 5));
    }
    for format in [PixelFormat::Nv12, PixelFormat::Rgba] {
        pictures.extend([(640, 480), (1280, 720)].map(|(width, height)| scaled(format, width, height)));
    }
    for before in pictures {
        let FrameInfo { format, width, height, .. } = before.info;
        let what = format!("{} {width}x{height}", format.name());
        let gpu = on_device(ctx, &mut buffers, &before, true);
        let cpu = on_cpu(before.clone());
        assert!(cpu != before, "{what}");
        let share = off(&cpu, &gpu, &what);
        eprintln!("{what}: {:.4} % of the bytes differ", 100.0 * share);
        // A pixel may be rounded differently in any frame, however small.
        let pixel = 3.0 / before.planes.iter().map(Vec::len).sum::<usize>() as f32;
        assert!(share <= OFF.max(pixel), "{what}: {share}");
        // Small ones are marked, but cannot be read.
        if width >= 500 && height >= 400 {
            let evidence = read(luma(&gpu)).evidence;
            assert_eq!((evidence.payload, evidence.found()), (Some(PAYLOAD), true), "{what}");
        }
        assert!(on_device(ctx, &mut buffers, &before, false) == before, "{what}: no face was painted");
    }
}

/// Swaps `faces` in `picture` and asks for a mark.
fn swap(path: &mut dyn FramePath, picture: &Picture, faces: &[FaceJob<'_>], mark: Option<Payload>) -> (Picture, Done) {
    let (mut out, mut done, look) = (picture.clone(), Done::default(), Look::default());
    path.swap(&mut out.view_mut(), &Work { detect: false, jobs: faces, look: &look, mark }, &mut done).unwrap();
    (out, done)
}

#[test]
fn a_submission_is_marked_when_it_swaps_a_face() {
    let Some(ctx) = context() else { return };
    let mut gpu = GpuPath::new(ctx, &Painter::Mesh, &identity(), super::frames::OPTIONS).unwrap();
    let picture = photo("ada.jpg", PixelFormat::Nv12, 0);
    let known = jobs(&mut gpu, &picture);
    let faces: Vec<FaceJob<'_>> = known.iter().map(Known::job).collect();
    // No face, and one where there is none: first, since the device must not remember the last frame.
    let nowhere = FaceJob { frame_from_region: Affine2::IDENTITY, history: None, elapsed_secs: 0.0, carried: None };
    let mut grey = picture.clone();
    grey.planes[0].fill(90);
    let (swapped, done) = swap(&mut gpu, &picture, &faces, None);
    assert!(done.faces[0].swapped && !done.marked);
    for faces in [&[][..], &[nowhere], &[nowhere, nowhere]] {
        let (out, done) = swap(&mut gpu, &grey, faces, Some(PAYLOAD));
        assert!(out == grey && !done.marked);
    }
    let (marked, done) = swap(&mut gpu, &picture, &faces, Some(PAYLOAD));
    assert!(done.faces[0].swapped && done.marked);
    assert!(off(&on_cpu(swapped), &marked, "swapped") <= OFF);
    // One of two is enough, and another payload is taken over at once.
    let both = [nowhere, faces[0]];
    let other = Payload { session: 1, ..PAYLOAD };
    let (marked, done) = swap(&mut gpu, &picture, &both, Some(other));
    assert!(done.marked && done.faces.iter().map(|f| f.swapped).eq([false, true]));
    assert_eq!(read(luma(&marked)).evidence.payload, Some(other));
}

/// A path that counts the frames that it marks; `strip` takes the mark out of its work.
struct Counting {
    path: GpuPath,
    strip: bool,
    marked: Arc<AtomicUsize>,
}

impl FramePath for Counting {
    fn adapter(&self) -> &str {
        self.path.adapter()
    }

    fn overlaps(&self) -> bool {
        self.path.overlaps()
    }

    fn detect(&mut self, frame: &FrameView<'_>, threshold: f32) -> Result<Vec<Detection>> {
        self.path.detect(frame, threshold)
    }

    fn landmarks(&mut self, frame: &FrameView<'_>, frame_from_region: Affine2) -> Result<MeshReading> {
        self.path.landmarks(frame, frame_from_region)
    }

    fn submit(&mut self, frame: &FrameView<'_>, work: &Work<'_>) -> Result<Ticket> {
        self.path.submit(frame, &Work { mark: work.mark.filter(|_| !self.strip), ..*work })
    }

    fn collect(&mut self, ticket: Ticket, frame: &mut FrameViewMut<'_>, done: &mut Done) -> Result<()> {
        self.path.collect(ticket, frame, done)?;
        self.marked.fetch_add(usize::from(done.marked), Ordering::Relaxed);
        Ok(())
    }

    fn discard(&mut self) {
        self.path.discard();
    }

    fn set_identity(&mut self, identity: &Identity) -> Result<()> {
        self.path.set_identity(identity)
    }

    fn take_times(&mut self) -> StageTimes {
        self.path.take_times()
    }
}

fn pipeline(ctx: &Arc<Context>, strip: bool) -> (Pipeline, Arc<AtomicUsize>) {
    let (identity, marked) = (Arc::new(identity()), Arc::<AtomicUsize>::default());
    let path = GpuPath::new(ctx, &Painter::Mesh, &identity, overlap::OPTIONS).unwrap();
    let path = Box::new(Counting { path, strip, marked: marked.clone() });
    let look = Look { badge: false, detect_interval: 3, ..Look::default() };
    let mut pipeline = Pipeline::with_path(DeviceChoice::Cpu, Painter::Mesh, identity, path, None, look);
    pipeline.set_session(1);
    (pipeline, marked)
}

/// Two pictures side by side.
fn beside(left: &Picture, right: &Picture) -> Picture {
    let rows = left.planes[0].chunks(left.strides[0]).zip(right.planes[0].chunks(right.strides[0]));
    let bytes = rows.flat_map(|(a, b)| [a, b].concat()).collect();
    let info = FrameInfo { width: left.info.width + right.info.width, ..left.info };
    Picture { info, strides: [left.strides[0] + right.strides[0], 0, 0], planes: [bytes, Vec::new(), Vec::new()] }
}

/// Mean square difference of the bytes in the left half.
fn difference(a: &Picture, b: &Picture) -> f32 {
    let half = a.strides[0] / 2;
    let left = |p: &Picture| p.planes[0].chunks(p.strides[0]).flat_map(|row| row[..half].to_vec()).collect::<Vec<u8>>();
    let (a, b) = (left(a), left(b));
    a.iter().zip(&b).map(|(a, b)| f32::from(a.abs_diff(*b)).powi(2)).sum::<f32>() / a.len() as f32
}

/// Where the path marks frames they look as if the host had; also those in which a second face comes in after the path
/// has marked them. A mark costs 2.4 squared codes, so a second one would show.
#[test]
fn no_frame_is_marked_twice() {
    let Some(ctx) = context() else { return };
    let left = views(9);
    let blank =
        |frame: &Picture| Picture { planes: [vec![90; frame.planes[0].len()], vec![], vec![]], ..frame.clone() };
    let right = left.iter().enumerate().map(|(i, frame)| if i < 4 { blank(frame) } else { left[8 - i].clone() });
    let mut frames: Vec<Picture> = left.iter().zip(right).map(|(left, right)| beside(left, &right)).collect();
    // Nobody is there.
    frames[7] = blank(&frames[7]);
    let session = |frame: usize| if frame < 5 { 1 } else { 2 };
    let change = |pipeline: &mut Pipeline, frame: usize| pipeline.set_session(session(frame));
    let play = |strip: bool, overlapping: bool| {
        let (mut pipeline, marked) = pipeline(ctx, strip);
        let played: Vec<(Picture, Report)> = match overlapping {
            true => double(&mut pipeline, &frames, change),
            false => single(&mut pipeline, &frames, change),
        };
        (played, marked.load(Ordering::Relaxed))
    };
    let (host, none) = play(true, false);
    assert_eq!(none, 0);
    let swapped = |(_, report): &(Picture, Report)| report.faces.iter().filter(|f| f.swapped).count();
    assert_eq!(host.iter().map(swapped).max(), Some(2));
    for overlapping in [false, true] {
        let (device, marked) = play(false, overlapping);
        // All but the first frame, the one without faces and the one after it: they are found there.
        assert!(marked >= 5, "overlapping {overlapping}: {marked}");
        for (i, (one, two)) in host.iter().zip(&device).enumerate() {
            assert_eq!((one.1.marked, swapped(one)), (two.1.marked, swapped(two)), "frame {i}");
            assert_eq!(one.1.marked.is_some(), swapped(one) > 0, "frame {i}");
            let off = difference(&one.0, &two.0);
            eprintln!("frame {i}, overlapping {overlapping}: {off} squared codes");
            assert!(off < 0.6, "frame {i}, overlapping {overlapping}: {off}");
            let said = read(luma(&two.0)).evidence.payload.map(|payload| payload.session);
            assert_eq!(said, two.1.marked.map(|_| session(i)), "frame {i}");
        }
    }
}
