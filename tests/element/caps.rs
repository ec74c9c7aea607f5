//! Formats, sizes, strides, renegotiation, and what is refused.

use super::{Source, buffer, harness, pass, video_caps, wait_for};
use alphaswap::frame::PixelFormat;

fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// One stream that renegotiates for every case: faceless pictures come out as they went in, padding included.
#[test]
fn every_format_size_and_stride_passes_unchanged() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    let mut frame = 0;
    for format in PixelFormat::ALL {
        for (width, height) in [(16, 16), (17, 33), (64, 48), (101, 57), (16, 400)] {
            for padding in [0, 4, 61] {
                harness.set_src_caps(video_caps(format, width, height));
                let sent = buffer(format, width, height, padding, frame);
                let expected = bytes(&sent);
                let got = pass(&mut harness, sent).unwrap();
                let case = format!("{format:?} {width}x{height} padding {padding}");
                assert!(bytes(&got) == expected, "{case}");
                assert_eq!(got.pts(), Some(gst::ClockTime::SECOND * frame / 30), "{case}");
                assert!(got.meta::<gst_video::VideoMeta>().is_some(), "{case}");
                frame += 1;
            }
        }
    }
}

#[test]
fn a_buffer_that_others_hold_is_copied_first() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    for (format, padding) in [(PixelFormat::I420, 0), (PixelFormat::I420, 60), (PixelFormat::Rgb, 20)] {
        harness.set_src_caps(video_caps(format, 64, 48));
        let held = buffer(format, 64, 48, padding, 0);
        let got = pass(&mut harness, held.clone()).unwrap();
        let info = gst_video::VideoInfo::from_caps(&video_caps(format, 64, 48)).unwrap();
        let picture = |b: &gst::Buffer| {
            let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(b, &info).unwrap();
            let rows = |plane: usize| {
                let (row, rows) = format.plane_size(plane, 64, 48);
                let stride = gst_video::VideoFrameExt::plane_stride(&frame)[plane] as usize;
                let data = frame.plane_data(plane as u32).unwrap();
                (0..rows).flat_map(|y| data[y * stride..][..row].to_vec()).collect::<Vec<u8>>()
            };
            (0..format.planes()).map(rows).collect::<Vec<_>>()
        };
        assert!(picture(&got) == picture(&held), "{format:?} padding {padding}");
    }
}

/// GStreamer's own layout: rows rounded up to four bytes, no `GstVideoMeta`.
#[test]
fn buffers_without_a_meta_pass_unchanged() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    for format in PixelFormat::ALL {
        for (width, height) in [(17, 33), (64, 48)] {
            let caps = video_caps(format, width, height);
            let size = gst_video::VideoInfo::from_caps(&caps).unwrap().size();
            harness.set_src_caps(caps);
            let expected: Vec<u8> = (0..size).map(|i| (i / 50) as u8).collect();
            let got = pass(&mut harness, gst::Buffer::from_mut_slice(expected.clone())).unwrap();
            assert!(bytes(&got) == expected, "{format:?} {width}x{height}");
        }
    }
}

#[test]
fn eight_k_is_taken_and_more_is_not() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::Nv12, 7680, 4320));
    pass(&mut harness, buffer(PixelFormat::Nv12, 7680, 4320, 0, 0)).unwrap();
    for (width, height) in [(8193, 64), (64, 8193), (15, 64), (64, 1)] {
        harness.push_event(gst::event::Caps::new(&video_caps(PixelFormat::Nv12, width, height)));
        let refused = harness.push(buffer(PixelFormat::Nv12, width, height, 0, 1));
        assert_eq!(refused, Err(gst::FlowError::NotNegotiated), "{width}x{height}");
    }
}

#[test]
fn interlaced_video_is_refused_with_advice() {
    let source = Source::new();
    for mode in ["interleaved", "mixed"] {
        let (mut harness, bus) = harness(&source);
        harness.set_src_caps(video_caps(PixelFormat::I420, 64, 48));
        pass(&mut harness, buffer(PixelFormat::I420, 64, 48, 0, 0)).unwrap();
        let mut caps = video_caps(PixelFormat::I420, 64, 48);
        caps.make_mut().set("interlace-mode", mode);
        harness.push_event(gst::event::Caps::new(&caps));
        assert_eq!(
            harness.push(buffer(PixelFormat::I420, 64, 48, 0, 1)),
            Err(gst::FlowError::NotNegotiated),
            "{mode} was taken"
        );
        let message = wait_for(&bus, &[gst::MessageType::Error]);
        let gst::MessageView::Error(e) = message.view() else { unreachable!() };
        assert!(e.error().matches(gst::StreamError::Format), "{e:?}");
        assert!(e.error().message().contains("deinterlace"), "{}", e.error().message());
    }
}

#[test]
fn a_buffer_too_small_for_its_caps_is_an_error() {
    let source = Source::new();
    let (mut harness, bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::Rgba, 64, 48));
    assert_eq!(harness.push(gst::Buffer::with_size(100).unwrap()), Err(gst::FlowError::Error));
    let message = wait_for(&bus, &[gst::MessageType::Error]);
    let gst::MessageView::Error(e) = message.view() else { unreachable!() };
    assert!(e.error().matches(gst::StreamError::Format), "{e:?}");
}

#[test]
fn a_meta_that_points_behind_the_buffer_is_an_error() {
    let source = Source::new();
    let (mut harness, _bus) = harness(&source);
    harness.set_src_caps(video_caps(PixelFormat::Rgba, 64, 48));
    let mut lying = gst::Buffer::with_size(64 * 48 * 4).unwrap();
    let flags = gst_video::VideoFrameFlags::empty();
    let format = gst_video::VideoFormat::Rgba;
    gst_video::VideoMeta::add_full(lying.get_mut().unwrap(), flags, format, 64, 48, &[0], &[1 << 20]).unwrap();
    assert_eq!(harness.push(lying), Err(gst::FlowError::Error));
}
