//! States, events and queries.

use alphaswap::frame::PixelFormat;
use gst::prelude::*;

use super::{Source, buffer, element, harness, pass, pipeline, video_caps, wait_for};

#[test]
fn end_of_stream_comes_after_every_frame() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    for frame in 0..5 {
        harness.push(buffer(PixelFormat::I420, 64, 48, 0, frame)).unwrap();
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    assert_eq!(harness.buffers_received(), 5, "a frame was held back");
    let events = std::iter::from_fn(|| harness.try_pull_event()).map(|e| e.type_()).collect::<Vec<_>>();
    assert_eq!(events.last(), Some(&gst::EventType::Eos));
}

#[test]
fn frames_flow_again_after_a_flush() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 9)).unwrap();
    assert!(harness.push_event(gst::event::FlushStart::new()));
    let refused = harness.push(buffer(PixelFormat::I420, 64, 48, 0, 10));
    assert_eq!(refused, Err(gst::FlowError::Flushing));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
}

#[test]
fn gaps_segments_and_seeks_are_forwarded() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
    while harness.try_pull_event().is_some() {}
    let gap = gst::event::Gap::builder(gst::ClockTime::SECOND).duration(gst::ClockTime::SECOND).build();
    assert!(harness.push_event(gap));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(60));
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    let mut kinds = vec![harness.pull_event().unwrap().type_()];
    let mut late = buffer(PixelFormat::I420, 64, 48, 0, 0);
    late.get_mut().unwrap().set_pts(gst::ClockTime::from_seconds(60));
    pass(&mut harness, late).unwrap();
    kinds.push(harness.pull_event().unwrap().type_());
    assert_eq!(kinds, [gst::EventType::Gap, gst::EventType::Segment]);
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::None,
        gst::ClockTime::NONE,
    );
    while harness.try_pull_upstream_event().is_some() {}
    harness.push_upstream_event(seek);
    assert_eq!(harness.pull_upstream_event().unwrap().type_(), gst::EventType::Seek);
}

#[test]
fn late_frames_without_a_known_face_are_looked_at() {
    let source = Source::new();
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    let qos = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(qos.build());
    for frame in 0..5 {
        pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, frame)).unwrap();
    }
    let stats: gst::Structure = harness.element().unwrap().property("stats");
    assert_eq!((stats.get::<u64>("frames"), stats.get::<u64>("concealed")), (Ok(5), Ok(0)));
    assert!(bus.pop_filtered(&[gst::MessageType::Qos]).is_none());
}

#[test]
fn latency_is_the_upstreams() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    harness.set_upstream_latency(gst::ClockTime::from_mseconds(70));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
    assert_eq!(harness.query_latency(), Some(gst::ClockTime::from_mseconds(70)));
}

#[test]
fn starts_and_stops_again_and_again() {
    let source = Source::new();
    let element = element(&source);
    let pipeline = pipeline(&element, "num-buffers=2", "fakesink");
    for round in 0..10 {
        pipeline.set_state(gst::State::Playing).unwrap();
        let message = wait_for(&pipeline.bus().unwrap(), &[gst::MessageType::Eos, gst::MessageType::Error]);
        assert_eq!(message.type_(), gst::MessageType::Eos, "round {round}: {message:?}");
        let down = if round % 2 == 0 { gst::State::Ready } else { gst::State::Null };
        pipeline.set_state(down).unwrap();
    }
}

/// Stops in the middle of the stream, without waiting for anything.
#[test]
fn stops_at_any_moment() {
    let source = Source::new();
    let element = element(&source);
    let pipeline = pipeline(&element, "", "fakesink");
    for _ in 0..10 {
        pipeline.set_state(gst::State::Playing).unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn seeking_in_a_running_pipeline() {
    let source = Source::new();
    let element = element(&source);
    let pipeline = pipeline(&element, "num-buffers=60", "fakesink sync=false");
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    for flags in [gst::SeekFlags::FLUSH, gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE] {
        pipeline.seek_simple(flags, gst::ClockTime::from_mseconds(500)).unwrap();
        pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    let message = wait_for(&pipeline.bus().unwrap(), &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
}
