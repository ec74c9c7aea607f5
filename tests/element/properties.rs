//! Properties: when they may change, and who may drive them.

use alphaswap::frame::PixelFormat;
use gst::prelude::*;
use gst_controller::prelude::*;

use super::{Source, buffer, element, harness, harness_of, pass, video_caps, wait_for};

#[test]
fn look_changes_while_frames_flow_and_the_model_does_not() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    let element = harness.element().unwrap();
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    for frame in 0..20u64 {
        pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, frame)).unwrap();
        let part = frame as f32 / 20.0;
        for name in ["strength", "smoothing", "threshold"] {
            element.set_property(name, part);
            assert_eq!(element.property::<f32>(name), part);
        }
        element.set_property("feather", part / 10.0);
        element.set_property("max-faces", 1 + frame as u32 % 16);
        element.set_property("detect-interval", 1 + frame as u32);
        element.set_property("badge", frame % 2 == 0);
        element.set_property("badge-note", frame % 3 == 0);
        element.set_property("badge-language", ["auto", "de", "el"][frame as usize % 3]);
        element.set_property_from_str("fallback", ["blur", "freeze", "pass"][frame as usize % 3]);
        element.set_property_from_str("badge-position", ["top-left", "bottom-right"][frame as usize % 2]);
        element.set_property("model", "guided");
        element.set_property("device", "gpu");
    }
    assert_eq!(element.property::<String>("model"), "mesh");
    assert_eq!(element.property::<String>("device"), "cpu");
}

#[test]
fn disabled_passes_the_very_same_buffer() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    let element = harness.element().unwrap();
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    for (frame, enabled) in [(0, false), (1, true), (2, false)] {
        element.set_property("enabled", enabled);
        let held = buffer(PixelFormat::I420, 64, 48, 0, frame);
        let address = held.as_ptr();
        let got = pass(&mut harness, held.clone()).unwrap();
        // A buffer that is held elsewhere can only be the same one if nothing wanted to write to it.
        assert_eq!(got.as_ptr() == address, !enabled, "frame {frame}");
    }
    let stats: gst::Structure = element.property("stats");
    assert_eq!(stats.get::<u64>("frames"), Ok(1));
}

#[test]
fn strength_follows_a_controller() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    let element = harness.element().unwrap();
    let curve = gst_controller::InterpolationControlSource::new();
    curve.set_mode(gst_controller::InterpolationMode::Linear);
    assert!(curve.set(gst::ClockTime::ZERO, 0.0));
    assert!(curve.set(gst::ClockTime::SECOND, 1.0));
    let binding = gst_controller::DirectControlBinding::new(&element, "strength", &curve);
    element.add_control_binding(&binding).unwrap();
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    for frame in [0, 15, 30] {
        pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, frame)).unwrap();
        let expected = frame as f32 / 30.0;
        assert!((element.property::<f32>("strength") - expected).abs() < 1e-5, "frame {frame}");
    }
}

#[test]
fn every_look_control_can_be_controlled() {
    super::init();
    let element = gst::ElementFactory::make("alphaswap").build().unwrap();
    let numbers = ["strength", "smoothing", "threshold", "feather", "max-faces", "detect-interval"];
    for name in numbers.into_iter().chain(["badge", "badge-note", "enabled"]) {
        let flags = element.find_property(name).unwrap().flags();
        assert!(flags.contains(gst::PARAM_FLAG_CONTROLLABLE), "{name}");
    }
}

#[test]
fn another_person_while_frames_flow() {
    let (first, second) = (Source::new(), Source::new());
    let (mut harness, bus) = harness(&first);
    let element = harness.element().unwrap();
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
    element.set_property("source", second.path.to_str().unwrap());
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 1)).unwrap();
    assert_eq!(element.property::<Option<String>>("source").as_deref(), second.path.to_str());
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());

    element.set_property("source", "/nowhere/else.alphaface");
    let message = wait_for(&bus, &[gst::MessageType::Warning]);
    let gst::MessageView::Warning(w) = message.view() else { unreachable!() };
    assert!(w.error().message().contains("/nowhere/else.alphaface"), "{}", w.error().message());
    assert_eq!(element.property::<Option<String>>("source").as_deref(), second.path.to_str(), "the old one stays");
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 2)).unwrap();
}

#[test]
fn a_person_whom_the_generator_cannot_put_on_is_refused() {
    let (first, other) = (Source::of_encoder("faceres_224"), Source::of_encoder("another"));
    let element = element(&first);
    element.set_property("model", "guided");
    let (mut harness, bus) = harness_of(&element);
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
    element.set_property("source", other.path.to_str().unwrap());
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 1)).unwrap();
    let message = wait_for(&bus, &[gst::MessageType::Warning]);
    let gst::MessageView::Warning(w) = message.view() else { unreachable!() };
    assert!(w.error().message().contains("another"), "{}", w.error().message());
    assert_eq!(element.property::<Option<String>>("source").as_deref(), first.path.to_str(), "the one who plays on");
}

#[test]
fn a_language_that_the_badge_does_not_speak_is_told() {
    let source = Source::new();
    let element = element(&source);
    element.set_property("badge-language", "tlh");
    let (mut harness, bus) = harness_of(&element);
    let told = || {
        let message = wait_for(&bus, &[gst::MessageType::Warning]);
        let gst::MessageView::Warning(w) = message.view() else { unreachable!() };
        w.error().message().to_string()
    };
    harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
    let warning = told();
    assert!(warning.contains("\"tlh\"") && warning.contains(" de,") && warning.contains("English"), "{warning}");
    assert_eq!(element.property::<String>("badge-language"), "tlh");
    pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
    element.set_property("badge-language", "de");
    element.set_property("badge-language", None::<String>);
    assert_eq!(element.property::<String>("badge-language"), "auto");
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    element.set_property("badge-language", "x");
    assert!(told().contains("\"x\""));
}
