//! A photo as a stream: what the element says and does when there is a face.

use alphaswap::frame::PixelFormat;
use gst::prelude::*;

use super::{Source, harness, pass, video_caps, wait_for};

/// The portrait that ships with the examples, 320 pixels wide.
pub(super) struct Portrait {
    pub(super) picture: image::RgbImage,
}

impl Portrait {
    pub(super) fn open() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/ada.jpg");
        let photo = image::open(path).unwrap();
        Self { picture: photo.resize(320, 320, image::imageops::FilterType::Triangle).to_rgb8() }
    }

    pub(super) fn caps(&self) -> gst::Caps {
        video_caps(PixelFormat::Rgb, self.picture.width() as usize, self.picture.height() as usize)
    }

    /// A grey picture of the same size.
    pub(super) fn nobody(&self, frame: u64) -> gst::Buffer {
        let (width, height) = self.picture.dimensions();
        Self { picture: image::RgbImage::from_pixel(width, height, image::Rgb([128; 3])) }.buffer(frame)
    }

    /// The same scene from afar, in which nobody can be made out.
    fn coarse(&self, frame: u64) -> gst::Buffer {
        use image::imageops::{FilterType, resize};
        let (width, height) = self.picture.dimensions();
        let blocks = resize(&self.picture, 12, 12, FilterType::Triangle);
        Self { picture: resize(&blocks, width, height, FilterType::Nearest) }.buffer(frame)
    }

    /// Another scene with the same face.
    fn elsewhere(&self, frame: u64) -> gst::Buffer {
        use image::imageops::{FilterType, overlay, resize};
        let (width, height) = self.picture.dimensions();
        let mut picture = image::RgbImage::from_pixel(width, height, image::Rgb([250; 3]));
        let small = resize(&self.picture, width * 3 / 4, height * 3 / 4, FilterType::Triangle);
        overlay(&mut picture, &small, i64::from(width / 4), i64::from(height / 4));
        Self { picture }.buffer(frame)
    }

    /// The picture in GStreamer's layout, rows rounded up to four bytes.
    pub(super) fn buffer(&self, frame: u64) -> gst::Buffer {
        let row = self.picture.width() as usize * 3;
        let mut bytes = Vec::new();
        for pixels in self.picture.chunks_exact(row) {
            bytes.extend_from_slice(pixels);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::SECOND * frame / 30);
        buffer
    }
}

/// Mean distance of the bytes inside `rect` of two buffers.
fn distance(a: &gst::Buffer, b: &gst::Buffer, rect: (u32, u32, u32, u32), stride: usize) -> f64 {
    let (a, b) = (a.map_readable().unwrap(), b.map_readable().unwrap());
    let (x, y, w, h) = (rect.0 as usize, rect.1 as usize, rect.2 as usize, rect.3 as usize);
    let offsets = (y..y + h).flat_map(|row| (row * stride + 3 * x)..(row * stride + 3 * (x + w)));
    let sum: u64 = offsets.map(|i| u64::from(a[i].abs_diff(b[i]))).sum();
    sum as f64 / (w * h * 3) as f64
}

pub(super) fn names(bus: &gst::Bus) -> Vec<String> {
    let elements = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Element]));
    let name = |m: gst::Message| m.structure().map(|s| s.name().to_string());
    elements.filter_map(name).filter(|n| n != "alphaswap-stats").collect()
}

#[test]
fn a_hidden_badge_is_told_once_each_time() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let element = harness.element().unwrap();
    let mut hidden = Vec::new();
    for (frame, badge) in [true, false, false, true, false].into_iter().enumerate() {
        element.set_property("badge", badge);
        pass(&mut harness, portrait.buffer(frame as u64)).unwrap();
        hidden.push(names(&bus).iter().filter(|name| *name == "alphaswap-badge-hidden").count());
    }
    assert_eq!(hidden, [0, 1, 0, 0, 1]);
}

#[test]
fn the_badge_changes_its_language_while_playing() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let element = harness.element().unwrap();
    let stride = (portrait.picture.width() as usize * 3).next_multiple_of(4);
    let corner = (0, portrait.picture.height() * 3 / 4, portrait.picture.width() / 2, portrait.picture.height() / 4);
    // With a steady picture only the badge and the session's watermark change.
    element.set_property("smoothing", 0.0f32);
    let mut frames = Vec::new();
    for (frame, (language, note)) in
        [("en", false), ("de", false), ("de", true), ("tlh", false)].into_iter().enumerate()
    {
        element.set_property("badge-language", language);
        element.set_property("badge-note", note);
        frames.push(pass(&mut harness, portrait.buffer(frame as u64)).unwrap());
    }
    assert!(distance(&frames[0], &frames[1], corner, stride) > 1.0, "English and German");
    assert!(distance(&frames[1], &frames[2], corner, stride) > 1.0, "the second line");
    assert!(distance(&frames[0], &frames[3], corner, stride) < 0.5, "an unknown language is English");
}

#[test]
fn a_face_is_told_marked_and_swapped() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let got = pass(&mut harness, portrait.buffer(0)).unwrap();
    let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().expect("a region of interest");
    assert_eq!(meta.roi_type(), "face");
    assert!(meta.param("alphaswap").unwrap().get::<bool>("swapped").unwrap());
    let stride = (portrait.picture.width() as usize * 3).next_multiple_of(4);
    assert!(distance(&got, &portrait.buffer(0), meta.rect(), stride) > 3.0);

    let found = wait_for(&bus, &[gst::MessageType::Element]);
    let found = found.structure().unwrap();
    assert_eq!(found.name(), "alphaswap-face-found");
    assert_eq!((found.get::<u32>("x"), found.get::<u32>("y")), (Ok(meta.rect().0), Ok(meta.rect().1)));
    pass(&mut harness, portrait.buffer(1)).unwrap();
    assert!(names(&bus).is_empty(), "a face is found once");
    let stats: gst::Structure = harness.element().unwrap().property("stats");
    assert_eq!((stats.get::<u64>("swapped"), stats.get::<u32>("faces")), (Ok(2), Ok(1)));
}

#[test]
fn a_late_frame_hides_the_face_without_a_look_at_it() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.element().unwrap().set_property("detect-interval", 2u32);
    harness.set_src_caps(portrait.caps());
    pass(&mut harness, portrait.buffer(0)).unwrap();
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(late.build());
    let got = pass(&mut harness, portrait.buffer(1)).unwrap();
    let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().expect("the face is still known");
    assert!(!meta.param("alphaswap").unwrap().get::<bool>("swapped").unwrap());
    let stride = (portrait.picture.width() as usize * 3).next_multiple_of(4);
    assert!(distance(&got, &portrait.buffer(1), meta.rect(), stride) > 3.0, "the real face was shown");
    let message = wait_for(&bus, &[gst::MessageType::Qos]);
    let gst::MessageView::Qos(qos) = message.view() else { unreachable!() };
    assert_eq!(qos.timestamp(), portrait.buffer(1).pts());
    for frame in 2..5 {
        pass(&mut harness, portrait.buffer(frame)).unwrap();
    }
    let stats: gst::Structure = harness.element().unwrap().property("stats");
    let counts = (stats.get::<u64>("frames"), stats.get::<u64>("concealed"), stats.get::<u64>("swapped"));
    assert_eq!(counts, (Ok(5), Ok(3), Ok(2)), "every third late frame is looked at");
}

#[test]
fn a_late_frame_of_another_scene_is_looked_at() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    pass(&mut harness, portrait.buffer(0)).unwrap();
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(late.build());
    let got = pass(&mut harness, portrait.elsewhere(1)).unwrap();
    let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().expect("a face");
    assert!(meta.param("alphaswap").unwrap().get::<bool>("swapped").unwrap(), "the real face was shown");
    let stats: gst::Structure = harness.element().unwrap().property("stats");
    assert_eq!((stats.get::<u64>("concealed"), stats.get::<u64>("swapped")), (Ok(0), Ok(2)));
}

#[test]
fn late_frames_go_without_a_look_for_a_short_time_only() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, _bus) = harness(&source);
    harness.element().unwrap().set_property("detect-interval", 300u32);
    harness.set_src_caps(portrait.caps());
    pass(&mut harness, portrait.buffer(0)).unwrap();
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(late.build());
    let mut looks = (1..20).filter(|&frame| {
        let got = pass(&mut harness, portrait.buffer(frame)).unwrap();
        let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap();
        meta.param("alphaswap").unwrap().get::<bool>("swapped").unwrap()
    });
    assert_eq!((looks.next(), looks.next(), looks.next()), (Some(9), Some(18), None), "one look in 0.3 s");
}

#[test]
fn a_face_that_leaves_is_told_with_its_last_place() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let got = pass(&mut harness, portrait.buffer(0)).unwrap();
    let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap();
    let id = meta.param("alphaswap").unwrap().get::<u64>("id");
    assert_eq!(names(&bus), ["alphaswap-face-found"]);
    // Hidden first, in case it was only missed; then given up.
    let gone = (1..60).find(|&frame| {
        let got = pass(&mut harness, portrait.coarse(frame)).unwrap();
        got.meta::<gst_video::VideoRegionOfInterestMeta>().is_none()
    });
    let gone = gone.expect("a frame without the face");
    assert!(gone > 1, "given up at once");
    let mut lost = wait_for(&bus, &[gst::MessageType::Element]);
    while lost.structure().unwrap().name() == "alphaswap-stats" {
        lost = wait_for(&bus, &[gst::MessageType::Element]);
    }
    let lost = lost.structure().unwrap();
    assert_eq!((lost.name().as_str(), lost.get::<u64>("id")), ("alphaswap-face-lost", id));
    let place = ["x", "y", "width", "height"].map(|name| lost.get::<u32>(name).unwrap());
    assert_eq!(place, <[u32; 4]>::from(meta.rect()));
    assert_eq!(lost.get::<gst::ClockTime>("running-time"), Ok(portrait.nobody(gone).pts().unwrap()));
    assert!(names(&bus).is_empty(), "a face is lost once");
}

#[test]
fn a_flush_forgets_the_face() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    pass(&mut harness, portrait.buffer(0)).unwrap();
    assert_eq!(names(&bus), ["alphaswap-face-found"]);
    harness.push_event(gst::event::FlushStart::new());
    harness.push_event(gst::event::FlushStop::new(true));
    harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    pass(&mut harness, portrait.buffer(0)).unwrap();
    assert_eq!(names(&bus), ["alphaswap-face-lost", "alphaswap-face-found"], "found again");
}

#[test]
fn a_new_size_forgets_the_face() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let got = pass(&mut harness, portrait.buffer(0)).unwrap();
    let place = got.meta::<gst_video::VideoRegionOfInterestMeta>().unwrap().rect();
    assert_eq!(names(&bus), ["alphaswap-face-found"]);
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(late.build());
    let (width, height) = portrait.picture.dimensions();
    let filter = image::imageops::FilterType::Triangle;
    let small = Portrait { picture: image::imageops::resize(&portrait.picture, width / 2, height / 2, filter) };
    harness.set_src_caps(small.caps());
    let got = pass(&mut harness, small.buffer(1)).unwrap();
    let meta = got.meta::<gst_video::VideoRegionOfInterestMeta>().expect("the face in the new size");
    assert!(meta.param("alphaswap").unwrap().get::<bool>("swapped").unwrap(), "looked at although it is late");
    let lost = wait_for(&bus, &[gst::MessageType::Element]);
    let lost = lost.structure().unwrap();
    assert_eq!((lost.name().as_str(), lost.get::<u32>("x")), ("alphaswap-face-lost", Ok(place.0)));
    assert_eq!(names(&bus), ["alphaswap-face-found"]);
}
