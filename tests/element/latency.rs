//! `latency-frames`: a frame is held back until the next one is on its way, and nothing overtakes it.

use alphaswap::frame::PixelFormat;
use gst::prelude::*;

use super::faces::{Portrait, names};
use super::{Source, buffer, harness_of, pipeline, video_caps, wait_for};
use crate::engine_gpu::{adapter_name, context};

const FRAME: gst::ClockTime = gst::ClockTime::from_nseconds(33_333_334);

/// The element on a GPU with a frame in flight.
fn element(source: &Source) -> Option<gst::Element> {
    context()?;
    let element = super::element(source);
    element.set_property("device", adapter_name()?);
    element.set_property("latency-frames", 1u32);
    Some(element)
}

fn small(frame: u64) -> gst::Buffer {
    let mut buffer = buffer(PixelFormat::I420, 64, 48, 0, frame);
    let writable = buffer.get_mut().unwrap();
    writable.set_duration(FRAME);
    writable.set_offset(frame);
    buffer
}

fn caps() -> gst::Caps {
    video_caps(PixelFormat::I420, 64, 48)
}

/// Frame numbers of the buffers that came out since the last call.
fn out(harness: &mut gst_check::Harness) -> Vec<u64> {
    std::iter::from_fn(|| harness.try_pull()).map(|b| b.offset()).collect()
}

#[test]
fn frames_come_one_later_and_whole() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let (mut harness, _bus) = harness_of(&element);
    harness.set_src_caps(caps());
    let mut first = small(0);
    first.get_mut().unwrap().set_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::MARKER);
    let mut sent = [first, small(1), small(2)];
    sent[2].get_mut().unwrap().set_flags(gst::BufferFlags::DELTA_UNIT);
    harness.push(sent[0].copy_deep().unwrap()).unwrap();
    assert!(out(&mut harness).is_empty());
    let mut came = Vec::new();
    for buffer in &sent[1..] {
        harness.push(buffer.copy_deep().unwrap()).unwrap();
        came.extend(std::iter::from_fn(|| harness.try_pull()));
    }
    assert_eq!(came.len(), 2);
    let stats: gst::Structure = element.property("stats");
    assert_eq!((stats.get::<u64>("frames"), stats.get::<u32>("latency-frames")), (Ok(2), Ok(1)));
    assert!(harness.push_event(gst::event::Eos::new()));
    came.extend(std::iter::from_fn(|| harness.try_pull()));
    for (sent, came) in sent.iter().zip(&came) {
        assert_eq!((came.pts(), came.duration(), came.offset()), (sent.pts(), sent.duration(), sent.offset()));
        let kept = gst::BufferFlags::DISCONT | gst::BufferFlags::MARKER | gst::BufferFlags::DELTA_UNIT;
        assert_eq!(came.flags() & kept, sent.flags() & kept, "frame {}", sent.offset());
        assert!(came.meta::<gst_video::VideoMeta>().is_some());
        assert_eq!(came.map_readable().unwrap().as_slice(), sent.map_readable().unwrap().as_slice());
    }
    let events: Vec<_> = std::iter::from_fn(|| harness.try_pull_event()).map(|e| e.type_()).collect();
    assert_eq!((came.len(), events.last()), (3, Some(&gst::EventType::Eos)));
}

#[test]
fn nothing_overtakes_the_frame_that_is_held_back() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let (mut harness, _bus) = harness_of(&element);
    harness.set_src_caps(caps());
    harness.push(small(0)).unwrap();
    let gap = gst::event::Gap::builder(gst::ClockTime::SECOND).duration(gst::ClockTime::SECOND).build();
    assert!(harness.push_event(gap));
    assert_eq!(out(&mut harness), [0], "a gap");
    harness.push(small(1)).unwrap();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_mseconds(1));
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    assert_eq!(out(&mut harness), [1], "a segment");
    harness.push(small(2)).unwrap();
    harness.set_src_caps(video_caps(PixelFormat::Nv12, 80, 48));
    assert_eq!(out(&mut harness), [2], "other caps");
    let mut other = buffer(PixelFormat::Nv12, 80, 48, 0, 3);
    other.get_mut().unwrap().set_offset(3);
    harness.push(other).unwrap();
    element.set_property("enabled", false);
    harness.set_src_caps(caps());
    harness.push(small(4)).unwrap();
    assert_eq!(out(&mut harness), [3, 4], "passed through");
    element.set_property("enabled", true);
    for frame in 5..8 {
        harness.push(small(frame)).unwrap();
    }
    assert_eq!(out(&mut harness), [5, 6]);
    // A frame that is marked as discontinuous, not the one before it.
    let mut next = small(8);
    next.get_mut().unwrap().set_flags(gst::BufferFlags::DISCONT);
    harness.push(next).unwrap();
    let held = harness.try_pull().unwrap();
    assert_eq!((held.offset(), held.flags().contains(gst::BufferFlags::DISCONT)), (7, false));
    // What a flush finds in flight is dropped.
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    harness.push(small(9)).unwrap();
    harness.push(small(10)).unwrap();
    assert_eq!(out(&mut harness), [9]);
}

#[test]
fn a_query_to_drain_brings_the_frame_that_is_held_back() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let (mut harness, _bus) = harness_of(&element);
    harness.set_src_caps(caps());
    harness.push(small(0)).unwrap();
    assert!(out(&mut harness).is_empty());
    element.static_pad("sink").unwrap().query(&mut gst::query::Drain::new());
    assert_eq!(out(&mut harness), [0]);
}

#[test]
fn frames_come_again_after_an_error_with_a_frame_in_flight() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let (mut harness, _bus) = harness_of(&element);
    harness.set_src_caps(caps());
    harness.push(small(0)).unwrap();
    assert_eq!(harness.push(gst::Buffer::with_size(100).unwrap()), Err(gst::FlowError::Error));
    for frame in 2..5 {
        harness.push(small(frame)).unwrap();
    }
    assert_eq!(out(&mut harness), [2, 3]);
}

#[test]
fn one_buffer_more_is_asked_for() {
    let source = Source::new();
    let proposed = |frames: u32, below: Option<(u32, u32)>| {
        let element = super::element(&source);
        element.set_property("latency-frames", frames);
        let (mut harness, _bus) = harness_of(&element);
        harness.set_src_caps(caps());
        let pad = element.static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM | gst::PadProbeType::PUSH, move |_, info| {
            if let (Some((min, max)), Some(query)) = (below, info.query_mut())
                && let gst::QueryViewMut::Allocation(query) = query.view_mut()
            {
                query.add_allocation_pool(None::<&gst::BufferPool>, 4608, min, max);
            }
            gst::PadProbeReturn::Ok
        });
        let mut query = gst::query::Allocation::new(Some(&caps()), true);
        assert!(element.static_pad("sink").unwrap().query(&mut query));
        query.allocation_pools().map(|(_, size, min, max)| (size, min, max)).collect::<Vec<_>>()
    };
    assert_eq!(proposed(0, None), []);
    assert_eq!(proposed(1, None), [(4608, 2, 0)]);
    assert_eq!(proposed(0, Some((3, 3))), [(4608, 3, 3)]);
    assert_eq!(proposed(1, Some((3, 0))), [(4608, 4, 0)]);
    assert_eq!(proposed(1, Some((3, 3))), [(4608, 4, 4)]);
}

/// The element does not say in downstream's name what downstream does not: metas that get lost there say where pixels lie.
#[test]
fn no_meta_is_offered_that_downstream_does_not_take() {
    let source = Source::new();
    let offered = |metas: &'static [&'static str]| {
        let element = super::element(&source);
        let (mut harness, _bus) = harness_of(&element);
        harness.set_src_caps(caps());
        let pad = element.static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM | gst::PadProbeType::PUSH, move |_, info| {
            let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
            let gst::QueryViewMut::Allocation(query) = query.view_mut() else { return gst::PadProbeReturn::Ok };
            if metas.contains(&"video") {
                query.add_allocation_meta::<gst_video::VideoMeta>(None);
            }
            if metas.contains(&"crop") {
                query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
            }
            gst::PadProbeReturn::Handled
        });
        let mut query = gst::query::Allocation::new(Some(&caps()), true);
        assert!(element.static_pad("sink").unwrap().query(&mut query));
        let video = query.find_allocation_meta::<gst_video::VideoMeta>().is_some();
        [video, query.find_allocation_meta::<gst_video::VideoCropMeta>().is_some()]
    };
    assert_eq!(offered(&[]), [false, false]);
    assert_eq!(offered(&["video"]), [true, false]);
    assert_eq!(offered(&["video", "crop"]), [true, false], "frames are taken whole");
}

#[test]
fn another_person_after_a_flush_that_found_a_frame_in_flight() {
    let (source, other, portrait) = (Source::new(), Source::new(), Portrait::open());
    let Some(element) = element(&source) else { return };
    let (mut harness, bus) = harness_of(&element);
    harness.set_src_caps(portrait.caps());
    harness.push(portrait.buffer(0)).unwrap();
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    assert!(harness.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    element.set_property("source", other.path.to_str().unwrap());
    harness.push(portrait.buffer(1)).unwrap();
    harness.push(portrait.buffer(2)).unwrap();
    assert_eq!(element.property::<String>("source"), other.path.to_str().unwrap());
    let warning = bus.pop_filtered(&[gst::MessageType::Warning]).map(|message| format!("{message:?}"));
    assert!(warning.as_ref().is_none_or(|text| !text.contains("identity")), "{warning:?}");
}

#[test]
fn the_latency_is_a_frame_and_told_when_it_changes() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let (mut harness, bus) = harness_of(&element);
    let upstream = gst::ClockTime::from_mseconds(70);
    harness.set_upstream_latency(upstream);
    let mut latency = |caps: &str| {
        harness.set_src_caps(caps.parse().unwrap());
        let told = bus.pop_filtered(&[gst::MessageType::Latency]).is_some();
        (harness.query_latency().unwrap() - upstream, told)
    };
    let caps = |rate: &str| format!("video/x-raw,format=I420,width=64,height=48,framerate={rate}");
    assert_eq!(latency(&caps("30/1")), (FRAME, true));
    assert_eq!(latency(&caps("30/1")), (FRAME, false));
    assert_eq!(latency(&caps("50/1")), (gst::ClockTime::from_mseconds(20), true));
    assert_eq!(latency(&caps("0/1")), (gst::ClockTime::from_mseconds(40), true));
    element.set_property("latency-frames", 0u32);
    assert_eq!(element.property::<u32>("latency-frames"), 1, "not while it is started");
}

#[test]
fn on_the_cpu_nothing_is_held_back() {
    let source = Source::new();
    let element = super::element(&source);
    element.set_property("latency-frames", 1u32);
    let (mut harness, bus) = harness_of(&element);
    harness.set_upstream_latency(gst::ClockTime::from_mseconds(70));
    harness.set_src_caps(caps());
    harness.push(small(0)).unwrap();
    assert_eq!(out(&mut harness), [0]);
    assert_eq!(harness.query_latency(), Some(gst::ClockTime::from_mseconds(70)));
    assert!(bus.pop_filtered(&[gst::MessageType::Latency]).is_none());
}

#[test]
fn late_frames_and_another_person_find_nothing_in_flight() {
    let (source, other, portrait) = (Source::new(), Source::new(), Portrait::open());
    let Some(element) = element(&source) else { return };
    let (mut harness, bus) = harness_of(&element);
    harness.set_src_caps(portrait.caps());
    let mut came = Vec::new();
    let mut push = |harness: &mut gst_check::Harness, frame: u64| {
        harness.push(portrait.buffer(frame)).unwrap();
        let buffers: Vec<_> = std::iter::from_fn(|| harness.try_pull()).collect();
        came.extend(buffers.iter().cloned());
        buffers.len()
    };
    assert_eq!([0, 1, 2].map(|frame| push(&mut harness, frame)), [0, 1, 1]);
    assert_eq!(names(&bus), ["alphaswap-face-found"]);
    element.set_property("source", other.path.to_str().unwrap());
    assert_eq!([3, 4].map(|frame| push(&mut harness, frame)), [1, 1]);
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 1_000_000_000).timestamp(gst::ClockTime::SECOND);
    harness.push_upstream_event(late.build());
    assert_eq!(push(&mut harness, 5), 2, "the late one is hidden at once");
    let message = wait_for(&bus, &[gst::MessageType::Qos]);
    let gst::MessageView::Qos(qos) = message.view() else { unreachable!() };
    assert_eq!(qos.timestamp(), portrait.buffer(5).pts());
    for (frame, buffer) in came.iter().enumerate() {
        assert_eq!(buffer.pts(), portrait.buffer(frame as u64).pts());
        let meta = buffer.meta::<gst_video::VideoRegionOfInterestMeta>().expect("the face's own frame carries it");
        assert_eq!(meta.param("alphaswap").unwrap().get::<bool>("swapped"), Ok(frame < 5), "frame {frame}");
    }
    assert_eq!(came.len(), 6);
    assert!(names(&bus).is_empty());
}

#[test]
fn seeks_and_stops_with_a_frame_in_flight() {
    let source = Source::new();
    let Some(element) = element(&source) else { return };
    let pipeline = pipeline(&element, "num-buffers=12", "fakesink sync=false");
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    for time in [200, 100] {
        pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_mseconds(time)).unwrap();
        pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    }
    pipeline.set_state(gst::State::Playing).unwrap();
    // A software adapter takes its time.
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(120), &ends).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    pipeline.set_state(gst::State::Ready).unwrap();
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
}
