//! What the element says on the bus.

use std::path::Path;

use gst::prelude::*;

use super::{Source, element, pipeline, wait_for};

#[test]
fn statistics_come_once_a_second() {
    let source = Source::new();
    let element = element(&source);
    let pipeline = pipeline(&element, "is-live=true", "fakesink");
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let message = wait_for(&bus, &[gst::MessageType::Element, gst::MessageType::Error]);
    let stats = message.structure().unwrap();
    assert_eq!(stats.name(), "alphaswap-stats");
    assert!(stats.get::<f64>("fps").unwrap() > 0.0);
    assert!(stats.get::<u64>("frames").unwrap() > 0);
    assert_eq!(stats.get::<u32>("faces"), Ok(0));
    assert_eq!(stats.get::<String>("adapter"), Ok(element.property("adapter")));
    for stage in alphaswap::path::Stage::ALL.map(alphaswap::path::Stage::name) {
        assert!(stats.get::<f64>(&format!("{stage}-ms")).unwrap() >= 0.0, "{stage}");
    }
    let property: gst::Structure = element.property("stats");
    assert!(property.fields().eq(stats.fields()), "the property holds the same fields as the message");
}

/// The error of a pipeline whose `source` is this.
fn refusal(source: Option<&Path>) -> gst::glib::Error {
    super::init();
    let element = gst::ElementFactory::make("alphaswap").property("device", "cpu").build().unwrap();
    element.set_property("source", source.map(|p| p.to_str().unwrap()));
    let pipeline = pipeline(&element, "", "fakesink");
    assert!(pipeline.set_state(gst::State::Paused).is_err());
    let message = wait_for(&pipeline.bus().unwrap(), &[gst::MessageType::Error]);
    let gst::MessageView::Error(e) = message.view() else { unreachable!() };
    e.error()
}

#[track_caller]
fn assert_refused(source: &Path, words: &[&str]) {
    let error = refusal(Some(source));
    assert!(error.domain() == gst::glib::Quark::from_str("gst-resource-error-quark"), "{error:?}");
    let message = error.message();
    assert!(message.contains(source.to_str().unwrap()), "{message:?} does not name the file");
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[test]
fn without_a_source_it_says_how_to_make_one() {
    let error = refusal(None);
    assert!(error.matches(gst::ResourceError::Settings));
    assert!(error.message().contains("alphaswap enroll"), "{}", error.message());
}

#[test]
fn a_source_that_is_no_identity_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    assert_refused(&dir.path().join("missing.alphaface"), &[]);
    assert_refused(dir.path(), &["folder"]);
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "dear diary\n").unwrap();
    assert_refused(&text, &["text"]);
    let photo = dir.path().join("me.jpg");
    image::RgbImage::new(64, 64).save(&photo).unwrap();
    assert_refused(&photo, &["photo", "alphaswap enroll", "--consent"]);
}

#[test]
fn a_bad_model_is_refused_with_the_reason() {
    let source = Source::new();
    let element = element(&source);
    element.set_property("model", "/nowhere/model.safetensors");
    let pipeline = pipeline(&element, "", "fakesink");
    assert!(pipeline.set_state(gst::State::Paused).is_err());
    let message = wait_for(&pipeline.bus().unwrap(), &[gst::MessageType::Error]);
    let gst::MessageView::Error(e) = message.view() else { unreachable!() };
    let text = e.error().message().to_string();
    assert!(text.contains("/nowhere/model.safetensors") && text.contains("mesh, guided, guided-256"), "{text}");
}
