//! The GStreamer element, seen from pipelines: caps, frames, events, properties, messages.

use std::path::PathBuf;
use std::sync::Once;

use alphaswap::align::EncoderCrop;
use alphaswap::face::{Landmarks, POINTS, Pose};
use alphaswap::frame::PixelFormat;
use alphaswap::identity::{Consent, Date, Embedding, Identity, Key, Texture};
use glam::Vec3;
use gst::prelude::*;

mod bus;
mod caps;
mod consent;
mod faces;
mod inspect;
mod latency;
mod life;
mod properties;

/// GStreamer with the plugin in it, once for the test binary.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstalphaswap::plugin_register_static().unwrap();
    });
}

/// An identity file that belongs to nobody, in a folder that goes when this is dropped.
pub(crate) struct Source {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

impl Source {
    pub fn new() -> Self {
        Self::of_encoder("faceres")
    }

    /// As if `encoder` had made its embedding.
    pub fn of_encoder(encoder: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nobody.alphaface");
        let values = (0..1024).map(|i| (i as f32).sin()).collect();
        let embedding = Embedding { encoder: encoder.into(), crop: EncoderCrop::MeshBox, sha256: None, values };
        let mut identity = Identity { embeddings: vec![embedding], ..nobody() };
        identity.sign(&Key::from_secret(&[7; 32]));
        identity.save(&path).unwrap();
        Self { _dir: dir, path }
    }
}

/// A grey square with a mesh laid out as a grid, without an embedding.
fn nobody() -> Identity {
    let side = 160;
    let point = |i: usize| Vec3::new((i % 22) as f32, (i / 22) as f32, 0.0) * side as f32 / 22.0;
    let texture = Texture {
        side,
        rgb: vec![128; side * side * 3],
        points: Landmarks((0..POINTS).map(point).collect()),
        pose: Pose::default(),
    };
    Identity {
        name: "Nobody".into(),
        consent: Consent::new("nobody's face", Date::constant(2026, 1, 1)),
        embeddings: Vec::new(),
        textures: vec![texture],
    }
}

/// The element on the CPU with the model that needs no network.
pub(crate) fn element(source: &Source) -> gst::Element {
    init();
    gst::ElementFactory::make("alphaswap")
        .property("source", source.path.to_str().unwrap())
        .property("device", "cpu")
        .property("model", "mesh")
        .build()
        .unwrap()
}

/// The element between a harness's pads, with a bus of its own.
pub(crate) fn harness(source: &Source) -> (gst_check::Harness, gst::Bus) {
    harness_of(&element(source))
}

/// `element` between a harness's pads, with a bus of its own.
pub(crate) fn harness_of(element: &gst::Element) -> (gst_check::Harness, gst::Bus) {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    (gst_check::Harness::with_element(element, Some("sink"), Some("src")), bus)
}

/// A pipeline that is brought to rest when it goes, whatever the test found.
pub(crate) struct Running(gst::Pipeline);

impl std::ops::Deref for Running {
    type Target = gst::Pipeline;
    fn deref(&self) -> &gst::Pipeline {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// `videotestsrc` with `options`, 64 x 48 pixels, through the element into `sink`.
pub(crate) fn pipeline(element: &gst::Element, options: &str, sink: &str) -> Running {
    let caps = "video/x-raw,format=I420,width=64,height=48,framerate=30/1";
    let text = format!("videotestsrc {options} ! capsfilter caps={caps}");
    let head = gst::parse::bin_from_description(&text, true).unwrap();
    let sink = gst::parse::bin_from_description(sink, true).unwrap();
    let pipeline = gst::Pipeline::new();
    let all = [head.upcast_ref(), element, sink.upcast_ref::<gst::Element>()];
    pipeline.add_many(all).unwrap();
    gst::Element::link_many(all).unwrap();
    Running(pipeline)
}

/// Caps of progressive video at 30 frames a second.
pub(crate) fn video_caps(format: PixelFormat, width: usize, height: usize) -> gst::Caps {
    let text = format!("video/x-raw,format={},width={width},height={height},framerate=30/1", format.name());
    text.parse().unwrap()
}

/// A buffer of slowly changing bytes, `padding` more of them at each row's end, with the `GstVideoMeta` that says so.
pub(crate) fn buffer(format: PixelFormat, width: usize, height: usize, padding: usize, frame: u64) -> gst::Buffer {
    let (mut bytes, mut offsets, mut strides) = (Vec::new(), Vec::new(), Vec::new());
    for plane in 0..format.planes() {
        let (row, rows) = format.plane_size(plane, width, height);
        let stride = row + padding;
        offsets.push(bytes.len());
        strides.push(stride as i32);
        bytes.extend((0..rows * stride).map(|i| (i / stride + i % stride / 2 + frame as usize) as u8));
    }
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(gst::ClockTime::SECOND * frame / 30);
    let video_format = gst_video::VideoFormat::from_string(format.name());
    let flags = gst_video::VideoFrameFlags::empty();
    let (width, height) = (width as u32, height as u32);
    gst_video::VideoMeta::add_full(writable, flags, video_format, width, height, &offsets, &strides).unwrap();
    buffer
}

/// Pushes a buffer and pulls the one that comes out; fails at once where the harness would wait for a minute.
pub(crate) fn pass(harness: &mut gst_check::Harness, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
    harness.push(buffer)?;
    Ok(harness.pull().unwrap())
}

/// The next message of `kinds` within a minute.
pub(crate) fn wait_for(bus: &gst::Bus, kinds: &[gst::MessageType]) -> gst::Message {
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), kinds);
    message.unwrap_or_else(|| panic!("none of {kinds:?} came within a minute"))
}
