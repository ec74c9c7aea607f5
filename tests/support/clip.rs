//! The demo's scene clip, decoded frame by frame, with the scene of each frame.

use std::path::PathBuf;

use alphaswap::frame::{ColorSpace, FrameInfo, PixelFormat};
use gst::prelude::*;

use super::Picture;

/// No frame takes longer.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// A file of the demo.
pub fn media(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/media").join(name)
}

/// Calls `visit(frame number, scene, frame)` for every `step`th frame of `scenes.mp4` as I420.
pub fn for_each_frame(step: usize, mut visit: impl FnMut(usize, &str, Picture)) {
    gst::init().unwrap();
    let scenes: serde_json::Value = serde_json::from_slice(&std::fs::read(media("scenes.json")).unwrap()).unwrap();
    let launch = format!(
        "filesrc location={} ! decodebin ! videoconvert ! video/x-raw,format=I420 ! appsink name=sink sync=false max-buffers=4",
        media("scenes.mp4").display()
    );
    let pipeline = gst::parse::launch(&launch).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut index = 0;
    while let Some(sample) = sink.try_pull_sample(PATIENCE) {
        if index % step == 0 {
            visit(index, scenes["frames"][index].as_str().unwrap(), picture(&sample));
        }
        index += 1;
    }
    let failure = pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]);
    assert!(sink.is_eos(), "no frame after the first {index}: {failure:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(index, scenes["frames"].as_array().unwrap().len(), "the clip was not decoded whole");
}

fn picture(sample: &gst::Sample) -> Picture {
    let video = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &video).unwrap();
    let info = FrameInfo {
        format: PixelFormat::I420,
        width: video.width() as usize,
        height: video.height() as usize,
        color: ColorSpace::default(),
    };
    let strides = std::array::from_fn(|p| video.stride()[p] as usize);
    let planes = std::array::from_fn(|p| frame.plane_data(p as u32).unwrap().to_vec());
    Picture { info, strides, planes }
}
