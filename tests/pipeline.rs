//! Whole frames: the scene clip through the pipeline, with what must be true in each scene.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alphaswap::Pipeline;
use alphaswap::marks::badge::{Badge, Label};
use alphaswap::settings::{DeviceChoice, Fallback, Look, ModelChoice};

use crate::support::counting::{Allocated, allocated};
use crate::support::{Picture, clip, identity, photo};

/// What was seen in a scene.
#[derive(Debug, Default)]
struct Seen {
    frames: usize,
    /// Frames by number of swapped faces.
    swapped: BTreeMap<usize, usize>,
    /// Frames with a face that was hidden instead.
    hidden: usize,
    ids: std::collections::BTreeSet<u64>,
    /// Whether the last frame left as it came.
    last_untouched: bool,
}

impl Seen {
    /// Share of the scene's frames with exactly `faces` swapped faces.
    fn share(&self, faces: usize) -> f32 {
        *self.swapped.get(&faces).unwrap_or(&0) as f32 / self.frames as f32
    }
}

fn pipeline(model: ModelChoice, look: Look) -> Pipeline {
    Pipeline::new(&DeviceChoice::Cpu, &model, Arc::new(identity()), look).unwrap()
}

/// Codes by which the watermark changes luma at most.
const MARK: u8 = 12;

/// Bytes outside `boxes`, grown by what the fallback hides of hair and chin, that changed by more than the watermark of a
/// frame that was `marked` does: chroma by anything.
fn changed_outside(before: &Picture, after: &Picture, boxes: &[[f32; 4]], marked: bool) -> usize {
    let near = |x: f32, y: f32| {
        boxes.iter().any(|[left, top, right, bottom]| {
            let (w, h) = ((right - left) / 3.0, (bottom - top) / 2.0);
            x > left - w && x < right + w && y > top - h && y < bottom + h
        })
    };
    let mut changed = 0;
    for (channel, c) in before.info.format.components().into_iter().enumerate() {
        let [columns, rows] = c.size(before.info.width, before.info.height);
        let most = if marked && (channel == 0 || !before.info.format.is_yuv()) { MARK } else { 0 };
        for y in 0..rows {
            for x in 0..columns {
                let i = y * before.strides[c.plane] + c.offset + x * c.step;
                let p = c.position(x, y);
                let difference = before.planes[c.plane][i].abs_diff(after.planes[c.plane][i]);
                changed += usize::from(difference > most && !near(p.x, p.y));
            }
        }
    }
    changed
}

#[test]
fn every_scene_is_handled() {
    let mut pipeline = pipeline(ModelChoice::Mesh, Look { badge: false, ..Look::default() });
    let mut scenes: BTreeMap<String, Seen> = BTreeMap::new();
    clip::for_each_frame(1, |index, scene, before| {
        let mut after = before.clone();
        let time = Duration::from_millis(40 * index as u64);
        let report = pipeline.process(&mut after.view_mut(), Some(time)).unwrap();
        let boxes: Vec<_> = report.faces.iter().map(|f| f.bounds).collect();
        assert_eq!(changed_outside(&before, &after, &boxes, report.marked.is_some()), 0, "frame {index}");
        let seen = scenes.entry(scene.into()).or_default();
        let swapped = report.faces.iter().filter(|f| f.swapped).count();
        seen.frames += 1;
        *seen.swapped.entry(swapped).or_default() += 1;
        seen.hidden += usize::from(report.faces.iter().any(|f| !f.swapped));
        seen.ids.extend(report.faces.iter().map(|f| f.id));
        seen.last_untouched = before == after;
    });
    let one = &scenes["one face, moving"];
    assert_eq!((one.share(1), one.ids.len(), one.hidden), (1.0, 1, 0), "{one:?}");
    let none = &scenes["no face"];
    assert!(none.last_untouched, "{none:?}");
    let two = &scenes["two faces"];
    assert!(two.share(2) == 1.0 && two.ids.len() <= 3, "{two:?}");
    let occluder = &scenes["one face, occluder passes"];
    assert!(occluder.share(1) >= 0.9 && occluder.share(0) == 0.0, "{occluder:?}");
    let dim = &scenes["one small dim face"];
    assert!(dim.share(1) >= 0.9, "{dim:?}");
}

#[test]
fn the_face_becomes_another_one_and_strength_zero_changes_nothing() {
    let look = Look { badge: false, ..Look::default() };
    let mut guided = pipeline(ModelChoice::Guided, look.clone());
    let mut none = pipeline(ModelChoice::Mesh, Look { strength: 0.0, ..look });
    clip::for_each_frame(90, |index, _, before| {
        if index > 0 {
            return;
        }
        let (mut swapped, mut same) = (before.clone(), before.clone());
        let report = guided.process(&mut swapped.view_mut(), None).unwrap();
        assert!(report.faces[0].swapped);
        let difference: u64 =
            before.planes[0].iter().zip(&swapped.planes[0]).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(difference > 100_000, "{difference}");
        none.process(&mut same.view_mut(), None).unwrap();
        assert_eq!(before, same);
    });
}

/// What hid a face must not stand in the next scene, where it hides nothing; in its own scene it must.
#[test]
fn nothing_is_hidden_in_another_scene() {
    let mut pipeline = pipeline(ModelChoice::Mesh, Look { badge: false, ..Look::default() });
    let face = photo("ada.jpg", alphaswap::frame::PixelFormat::Nv12, 0);
    let mut stripes = face.clone();
    let stride = stripes.strides[0];
    stripes.planes[0]
        .iter_mut()
        .enumerate()
        .for_each(|(i, code)| *code = if i % stride < stride / 2 { 20 } else { 220 });
    stripes.planes[1].fill(128);
    let mut covered = face.clone();
    let [first, last] = [face.info.height / 4, face.info.height].map(|row| row * stride);
    let mean = covered.planes[0].iter().map(|c| u64::from(*c)).sum::<u64>() / covered.planes[0].len() as u64;
    let middle = covered.planes[0][first..last]
        .iter_mut()
        .enumerate()
        .filter(|(i, _)| (stride / 3..stride * 2 / 3).contains(&(i % stride)));
    middle.for_each(|(_, code)| *code = (*code / 8) + mean as u8);
    for (next, hidden) in [(&stripes, false), (&covered, true)] {
        pipeline.reset();
        assert!(pipeline.process(&mut face.clone().view_mut(), None).unwrap().faces[0].swapped);
        let mut after = next.clone();
        let report = pipeline.process(&mut after.view_mut(), None).unwrap();
        assert_eq!((after != *next, report.faces.len()), (hidden, usize::from(hidden)), "{report:?}");
    }
}

/// A face on a black and white picture is black and white.
#[test]
fn grey_stays_grey() {
    let mut picture = photo("ada.jpg", alphaswap::frame::PixelFormat::Nv12, 0);
    picture.planes[1].fill(128);
    let mut pipeline = pipeline(ModelChoice::Mesh, Look { badge: false, ..Look::default() });
    let report = pipeline.process(&mut picture.view_mut(), None).unwrap();
    assert!(report.faces[0].swapped);
    let worst = picture.planes[1].iter().map(|code| code.abs_diff(128)).max();
    assert!(worst <= Some(2), "{worst:?}");
}

#[test]
fn the_badge_is_there_from_the_first_swapped_frame_on_and_in_no_other() {
    let look = Look { badge_language: "en".parse().unwrap(), ..Look::default() };
    let mut pipeline = pipeline(ModelChoice::Mesh, look.clone());
    let (mut with, mut without) = (0, 0);
    clip::for_each_frame(7, |index, _, before| {
        let mut after = before.clone();
        let report = pipeline.process(&mut after.view_mut(), None).unwrap();
        // The badge's yellow edge covers some samples whole: there they are the same over any picture. The watermark
        // leaves chroma as it is.
        let [black, white] = [0, 255].map(|code| {
            let mut flat = before.clone();
            flat.planes.iter_mut().for_each(|plane| plane.fill(code));
            Badge::new(flat.info, Label::from(&look)).paint(&mut flat.view_mut(), 0.0);
            flat.planes[1].clone()
        });
        let edge: Vec<_> = (0..black.len()).filter(|&i| black[i] == white[i] && black[i] < 100).collect();
        assert!(edge.len() > 8, "{}", edge.len());
        assert_eq!(report.marked.is_some(), report.badged);
        assert_eq!(edge.iter().all(|&i| after.planes[1][i] == black[i]), report.marked.is_some(), "frame {index}");
        assert_eq!(report.marked.is_some(), report.faces.iter().any(|f| f.swapped));
        if report.marked.is_some() {
            with += 1
        } else {
            without += 1
        }
        assert!(index > 0 || report.marked.is_some(), "the first frame has a face");
    });
    assert!(with > 20 && without >= 3, "{with} {without}");
}

#[test]
fn a_hidden_face_is_never_shown() {
    for fallback in [Fallback::Blur, Fallback::Freeze, Fallback::Pass] {
        let mut pipeline = pipeline(ModelChoice::Mesh, Look { badge: false, fallback, ..Look::default() });
        clip::for_each_frame(100, |index, _, before| {
            if index > 0 {
                return;
            }
            let mut after = before.clone();
            pipeline.process(&mut after.view_mut(), None).unwrap();
            let mut late = before.clone();
            let report = pipeline.conceal(&mut late.view_mut()).unwrap();
            assert!(!report.faces[0].swapped);
            assert_eq!(late == before, fallback == Fallback::Pass, "{fallback:?}");
            assert_eq!(report.marked.is_some(), fallback == Fallback::Freeze, "a still of a swapped face is synthetic");
        });
    }
}

/// What is kept of a face to hide it with must not be shown as another one's, as unmarked, or when it is the real one.
#[test]
fn a_still_is_shown_for_its_own_person_alone_and_marked() {
    let freeze = Look { badge: false, fallback: Fallback::Freeze, ..Look::default() };
    let none = Look { strength: 0.0, ..freeze.clone() };
    clip::for_each_frame(100, |index, _, before| {
        if index > 0 {
            return;
        }
        let after = |looks: [&Look; 2], change: &dyn Fn(&mut Pipeline)| {
            let mut pipeline = pipeline(ModelChoice::Mesh, looks[0].clone());
            pipeline.process(&mut before.clone().view_mut(), None).unwrap();
            pipeline.set_look(looks[1].clone());
            change(&mut pipeline);
            let mut late = before.clone();
            let report = pipeline.conceal(&mut late.view_mut()).unwrap();
            (late == before, report.marked.is_some())
        };
        let nothing = |_: &mut Pipeline| {};
        assert_eq!(after([&freeze, &freeze], &nothing), (false, true), "a still");
        assert_eq!(after([&freeze, &none], &nothing), (true, false), "the user wants to see the frames as they came");
        assert_eq!(
            after([&none, &freeze], &nothing),
            (false, false),
            "a blur: what is known of the face is the real one"
        );
        let other = |pipeline: &mut Pipeline| {
            let mut other = identity();
            other.name = "another".into();
            pipeline.set_identity(Arc::new(other)).unwrap();
        };
        assert_eq!(after([&freeze, &freeze], &other), (false, false), "a blur: the still is somebody else's");
    });
}

#[test]
fn every_format_and_tiny_frames_pass() {
    use alphaswap::frame::{ColorSpace, FrameInfo, PixelFormat};
    let mut pipeline = pipeline(ModelChoice::Mesh, Look::default());
    for format in PixelFormat::ALL {
        for (width, height) in [(16, 16), (17, 31), (640, 1), (1, 1)] {
            let info = FrameInfo { format, width, height, color: ColorSpace::default() };
            let before = Picture::noise(info, 5, 1);
            let mut after = before.clone();
            let report = pipeline.process(&mut after.view_mut(), None).unwrap();
            assert!(report.faces.is_empty());
            assert_eq!(before, after, "{format:?} {width}x{height}");
        }
    }
}

#[test]
fn a_face_in_every_format_leaves_the_rest_as_it_came() {
    let mut pipeline = pipeline(ModelChoice::Mesh, Look { badge: false, ..Look::default() });
    for format in alphaswap::frame::PixelFormat::ALL {
        let before = photo("ada.jpg", format, 5);
        let mut after = before.clone();
        pipeline.reset();
        let report = pipeline.process(&mut after.view_mut(), None).unwrap();
        assert!(report.faces.len() == 1 && report.faces[0].swapped, "{format:?}");
        assert_eq!(
            changed_outside(&before, &after, &[report.faces[0].bounds], report.marked.is_some()),
            0,
            "{format:?}"
        );
        // What is no colour stays, in the face too: alpha, the x of RGBx, row padding.
        let mut other = before.clone();
        for c in format.components() {
            let [columns, rows] = c.size(before.info.width, before.info.height);
            for (x, y) in (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y))) {
                let at = y * before.strides[c.plane] + c.offset + x * c.step;
                other.planes[c.plane][at] = after.planes[c.plane][at];
            }
        }
        assert_eq!(other, after, "{format:?}");
        let middle = (before.info.height / 2) * before.strides[0] + before.strides[0] / 2;
        let face = middle - 60..middle + 60;
        assert_ne!(before.planes[0][face.clone()], after.planes[0][face], "{format:?}");
    }
}

#[test]
fn a_steady_frame_allocates_little_and_always_the_same() {
    let frame = photo("ada.jpg", alphaswap::frame::PixelFormat::Nv12, 0);
    let counted = |fallback: Fallback| {
        let mut pipeline = pipeline(ModelChoice::Mesh, Look { detect_interval: 300, fallback, ..Look::default() });
        let steady = |i: u64| {
            let mut out = frame.clone();
            let mut view = out.view_mut();
            allocated(|| pipeline.process(&mut view, Some(Duration::from_millis(40 * i))).unwrap()).1
        };
        (0..24).map(steady).collect::<Vec<_>>().split_off(8)
    };
    let [blur, freeze] = [Fallback::Blur, Fallback::Freeze].map(counted);
    for counts in [&blur, &freeze] {
        let calls = counts.iter().map(|c| c.calls);
        let (least, most) = (calls.clone().min().unwrap(), calls.max().unwrap());
        eprintln!("{least} to {most} allocations a frame, {:?}", counts[12]);
        assert!(most <= least + 10, "{least} to {most}");
        assert!(counts.iter().all(|c| c.bytes < 128 << 10), "{counts:?}");
    }
    // The picture that is kept costs nothing: blur keeps none.
    let bytes = |counts: &[Allocated]| counts.iter().map(|c| c.bytes).max();
    assert!(bytes(&freeze) <= bytes(&blur).map(|b| b + (4 << 10)), "{freeze:?} {blur:?}");
}
