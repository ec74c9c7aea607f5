//! Consent and the marks outside the picture: what the element refuses, and what it says of its frames.

use alphaswap::identity::{Consent, Date, Identity, Key, Revocations};
use gst::prelude::*;
use gstalphaswap::META;

use super::faces::Portrait;
use super::{Source, element, harness, harness_of, pass, pipeline, wait_for};

/// A source whose identity `change` has had its hands on.
fn changed(change: impl FnOnce(&mut Identity)) -> Source {
    let source = Source::new();
    let mut identity = Identity::open(&source.path).unwrap();
    change(&mut identity);
    identity.save(&source.path).unwrap();
    source
}

fn sign(identity: &mut Identity) {
    identity.sign(&Key::from_secret(&[9; 32]));
}

/// The error when the pipeline starts.
fn refusal(element: &gst::Element) -> gst::glib::Error {
    let pipeline = pipeline(element, "", "fakesink");
    assert!(pipeline.set_state(gst::State::Paused).is_err());
    let message = wait_for(&pipeline.bus().unwrap(), &[gst::MessageType::Error]);
    let gst::MessageView::Error(e) = message.view() else { unreachable!() };
    e.error()
}

#[test]
fn without_consent_it_does_not_start() {
    let expired = changed(|identity| {
        identity.consent.until = Some(Date::constant(2026, 1, 2));
        sign(identity);
    });
    let unsigned = changed(|identity| identity.consent.signature = None);
    let altered = changed(|identity| identity.consent.text.push_str(" and everything else"));
    for (source, word) in [(expired, "expired"), (unsigned, "not signed"), (altered, "altered")] {
        let error = refusal(&element(&source));
        assert!(error.matches(gst::ResourceError::NotAuthorized), "{error:?}");
        assert!(error.message().contains(word) && error.message().contains("nobody.alphaface"), "{}", error.message());
    }
}

#[test]
fn a_revocation_list_is_heeded_at_start_and_while_playing() {
    let (kept, taken_back) = (
        Source::new(),
        changed(|identity| {
            // Somebody else: a list knows a face by its photo or its embedding alone.
            identity.textures[0].rgb[0] = 0;
            identity.embeddings[0].values[0] = 1.0;
            identity.consent = Consent::new("for a day", Date::constant(2026, 1, 1));
            sign(identity);
        }),
    );
    let list = kept.path.with_file_name("revoked.txt");
    Revocations::add(&list, &Identity::open(&taken_back.path).unwrap(), "").unwrap();
    let with_list = |source: &Source| {
        let element = element(source);
        element.set_property("revocation-list", list.to_str().unwrap());
        element
    };
    assert!(refusal(&with_list(&taken_back)).message().contains("revoked"));
    let (mut harness, bus) = harness_of(&with_list(&kept));
    let portrait = Portrait::open();
    harness.set_src_caps(portrait.caps());
    pass(&mut harness, portrait.buffer(0)).unwrap();
    let element = harness.element().unwrap();
    element.set_property("source", taken_back.path.to_str().unwrap());
    let message = wait_for(&bus, &[gst::MessageType::Warning]);
    let gst::MessageView::Warning(warning) = message.view() else { unreachable!() };
    assert!(warning.error().message().contains("stays as it was"), "{}", warning.error().message());
    assert_eq!(element.property::<String>("source"), kept.path.to_str().unwrap());
    std::fs::write(&list, "nonsense").unwrap();
    assert!(refusal(&with_list(&kept)).message().contains("line 1"));
}

/// Keywords and comments of the tag events that came out.
fn tags(harness: &mut gst_check::Harness) -> Vec<Vec<String>> {
    let events = std::iter::from_fn(|| harness.try_pull_event());
    let texts = |event: gst::Event| {
        let gst::EventView::Tag(tag) = event.view() else { return None };
        Some(tag.tag().iter().filter_map(|(_, v)| v.get::<String>().ok()).collect::<Vec<_>>())
    };
    events.filter_map(texts).collect()
}

#[test]
fn swapped_frames_say_so_outside_the_picture() {
    let (source, portrait) = (Source::new(), Portrait::open());
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(portrait.caps());
    let title = |text: &str| {
        let mut tags = gst::TagList::new();
        tags.get_mut().unwrap().add::<gst::tags::Title>(&text, gst::TagMergeMode::Append);
        gst::event::Tag::new(tags)
    };
    assert!(harness.push_event(title("a talk")));
    let plain = pass(&mut harness, portrait.nobody(0)).unwrap();
    assert!(gst::meta::CustomMeta::from_buffer(&plain, META).is_err());
    assert_eq!(tags(&mut harness), [["a talk"]], "nothing is said of a stream without swapped faces");
    for frame in 1..4 {
        let swapped = pass(&mut harness, portrait.buffer(frame)).unwrap();
        let meta = gst::meta::CustomMeta::from_buffer(&swapped, META).expect("a meta");
        let consent = Identity::open(&source.path).unwrap().consent_id();
        assert_eq!(meta.structure().get::<u32>("consent"), Ok(consent));
        assert!(meta.structure().get::<&str>("digital-source-type").unwrap().ends_with("AlgorithmicMedia"));
    }
    let label = alphaswap::marks::LABEL;
    let said = tags(&mut harness);
    assert_eq!(said.len(), 1, "once: {said:?}");
    assert!(
        said[0].contains(&"a talk".into()) && said[0].iter().filter(|text| *text == label).count() == 2,
        "{said:?}"
    );
    assert!(harness.push_event(title("part two")));
    let said = tags(&mut harness);
    assert!(said[0].contains(&"part two".into()) && said[0].contains(&label.into()), "later tags keep it: {said:?}");
}
