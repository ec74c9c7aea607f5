//! What lives from start to stop, and what happens to a frame.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alphaswap::frame::FrameInfo;
use alphaswap::identity::Identity;
use alphaswap::pipeline::FaceReport;
use alphaswap::settings::Look;
use alphaswap::{Error, Pipeline, Report, Result};
use gst::ClockTime;
use gst_video::VideoInfo;

use crate::report::{self, Rect};
use crate::settings::Settings;
use crate::stats::Sample;
use crate::{error, frame, label};

/// Stream time that may pass without a look at the frames: someone who comes into the picture is seen that long.
const MAX_BLIND: ClockTime = ClockTime::from_mseconds(300);

/// Born in start, dead in stop.
pub(crate) struct Session {
    pipeline: Pipeline,
    /// The file of the person who is put on.
    source: PathBuf,
    /// What was told last of what the pipeline runs on.
    adapter: String,
    format: Option<(VideoInfo, FrameInfo)>,
    /// Whether frames are to be held back where that gains anything.
    overlap: bool,
    held: Option<Held>,
    /// Faces of the last frame.
    faces: Vec<FaceReport>,
    /// Where each face that is not given up was last seen.
    seen: HashMap<u64, Rect>,
    concealed_in_a_row: u32,
    /// Running time of the last frame that was not just concealed.
    last_look: Option<ClockTime>,
    warned: Vec<String>,
    /// Whether it was told that the badge is hidden, and is hidden still.
    badge_hidden: bool,
}

/// A buffer whose frame is in flight.
struct Held {
    buffer: gst::Buffer,
    video: VideoInfo,
    info: FrameInfo,
    running_time: Option<ClockTime>,
}

/// How a frame is to be treated.
pub(crate) struct Request {
    /// The settings as they are at the frame's start.
    pub look: Look,
    /// Its running time.
    pub running_time: Option<ClockTime>,
    /// Nanoseconds by which downstream reported that it comes too late.
    pub late: Option<i64>,
    /// Whether the stream was interrupted before it.
    pub forget: bool,
}

/// An identity and the file that it came from.
pub(crate) type Person = (PathBuf, Arc<Identity>);

/// A person who cannot be put on.
pub(crate) struct Refused {
    /// The file.
    pub source: PathBuf,
    /// The file of the person who stays.
    pub stays: PathBuf,
    /// The reason.
    pub why: Error,
}

/// A frame that goes out.
pub(crate) struct Finished {
    /// The frame.
    pub buffer: gst::Buffer,
    /// Its running time.
    pub running_time: Option<ClockTime>,
    /// Nanoseconds by which it was too late, if its faces were hidden instead of swapped for that.
    pub late: Option<i64>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a frame.
pub(crate) struct Outcome {
    /// Numbers for the statistics.
    pub sample: Sample,
    /// Element messages to post.
    pub messages: Vec<gst::Structure>,
    /// A warning to post that was not posted before.
    pub warning: Option<String>,
}

impl Session {
    /// Opens the identity, the model and the device that `settings` name.
    ///
    /// # Errors
    /// A message for the bus that says what is wrong and what to do.
    pub(crate) fn open(settings: &Settings) -> Result<Self, gst::ErrorMessage> {
        let source = settings.source.as_deref().ok_or_else(error::no_source)?;
        let Ok(device) = settings.device.parse();
        let Ok(model) = settings.model.parse();
        let pipeline = settings
            .person(source)
            .and_then(|identity| Pipeline::new(&device, &model, identity, settings.look()))
            .map_err(|e| error::message(&e))?;
        Ok(Self {
            source: source.into(),
            adapter: pipeline.adapter().into(),
            pipeline,
            format: None,
            overlap: settings.latency_frames > 0,
            held: None,
            faces: Vec::new(),
            seen: HashMap::new(),
            concealed_in_a_row: 0,
            last_look: None,
            warned: Vec::new(),
            badge_hidden: false,
        })
    }

    /// What the pipeline runs on and why.
    pub(crate) fn adapter(&self) -> &str {
        self.pipeline.adapter()
    }

    /// What the user should be told at start.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.pipeline.warning()
    }

    /// Frames come in this format from now on.
    ///
    /// # Errors
    /// [`Error::Frame`] when the library cannot take it.
    pub(crate) fn set_format(&mut self, video: VideoInfo) -> Result<()> {
        let info = frame::frame_info(&video)?;
        self.format = Some((video, info));
        // The first frame of a new format is looked at, late or not.
        self.last_look = None;
        Ok(())
    }

    /// Whether a frame is held back until the next one is on its way.
    pub(crate) fn holds_back(&self) -> bool {
        self.overlap && self.pipeline.overlaps()
    }

    /// For how long frames are held back.
    pub(crate) fn latency(&self) -> ClockTime {
        let rate = self.format.as_ref().filter(|_| self.holds_back()).map(|(video, _)| video.fps());
        rate.map_or(ClockTime::ZERO, frame::duration)
    }

    /// Takes a frame in; the one that is finished goes out: this one, or the one before if frames are held back.
    ///
    /// # Errors
    /// The library's; the frame must not be shown then.
    pub(crate) fn frame(&mut self, mut buffer: gst::Buffer, request: Request) -> Result<Option<Finished>> {
        let start = Instant::now();
        let (video, info) = self.format.clone().ok_or_else(|| Error::Frame("a buffer came before caps".into()))?;
        if request.forget {
            self.forget();
        }
        let running_time = request.running_time;
        let late = request.late.filter(|_| self.may_conceal(&request.look, running_time));
        self.pipeline.set_look(request.look);
        let (pipeline, time) = (&mut self.pipeline, running_time.map(Duration::from));
        if late.is_none() && self.overlap && pipeline.overlaps() {
            self.last_look = running_time;
            let last = self.held.take();
            return self.exchange(Held { buffer, video, info, running_time }, last, start);
        }
        let (report, late) = frame::with_frame(buffer.make_mut(), &video, info, |view| {
            if late.is_none() {
                return Ok((pipeline.process(view, time)?, None));
            }
            let hidden = pipeline.conceal(view)?;
            if !hidden.faces.is_empty() {
                return Ok((hidden, late));
            }
            // Another scene begins here: nobody knows yet who is in it.
            let report = pipeline.process(view, time)?;
            Ok((Report { lost: [hidden.lost, report.lost].concat(), ..report }, None))
        })?;
        if late.is_none() {
            self.last_look = running_time;
        }
        let last = Held { buffer, video, info, running_time };
        Ok(Some(self.finished(last, report, late, start)))
    }

    /// Starts the frame `next` and finishes the `last` one.
    fn exchange(&mut self, next: Held, last: Option<Held>, start: Instant) -> Result<Option<Finished>> {
        let (pipeline, time) = (&mut self.pipeline, next.running_time.map(Duration::from));
        let finished = frame::with_view(&next.buffer, &next.video, next.info, |view| match last {
            None => pipeline.overlap(view, time, None).map(|_| None),
            Some(mut last) => {
                let report = frame::with_frame(last.buffer.make_mut(), &last.video, last.info, |last| {
                    pipeline.overlap(view, time, Some(last))
                })?;
                Ok(report.map(|report| (last, report)))
            }
        })?;
        self.held = Some(next);
        Ok(finished.map(|(last, report)| self.finished(last, report, None, start)))
    }

    /// Finishes the frame that is held back.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub(crate) fn finish(&mut self) -> Result<Option<Finished>> {
        let start = Instant::now();
        let Some(mut last) = self.held.take() else { return Ok(None) };
        let pipeline = &mut self.pipeline;
        let report = frame::with_frame(last.buffer.make_mut(), &last.video, last.info, |view| pipeline.finish(view))?;
        Ok(Some(self.finished(last, report, None, start)))
    }

    /// Marks a frame with metas and says what became of it.
    fn finished(&mut self, last: Held, report: Report, late: Option<i64>, start: Instant) -> Finished {
        let Held { mut buffer, info, running_time, .. } = last;
        report::attach(buffer.make_mut(), &report.faces, info);
        if let Some(payload) = report.marked {
            label::attach(buffer.make_mut(), payload);
        }
        self.concealed_in_a_row = if late.is_some() { self.concealed_in_a_row + 1 } else { 0 };
        let warning = report.warning.clone().filter(|w| self.is_news(w));
        let sample = Sample {
            stages: report.times,
            busy: start.elapsed(),
            faces: report.faces.len(),
            swapped: report.faces.iter().any(|f| f.swapped),
            marked: report.marked.is_some(),
            concealed: late.is_some(),
            held: u32::from(self.held.is_some()),
            adapter: self.new_adapter(),
        };
        let hidden = if report.marked.is_some() { !report.badged } else { self.badge_hidden };
        let news = !std::mem::replace(&mut self.badge_hidden, hidden) && hidden;
        let mut messages = self.take_in(report, info, running_time);
        messages.extend(news.then(|| report::badge_hidden(running_time)));
        Finished { buffer, running_time, late, outcome: Outcome { sample, messages, warning } }
    }

    /// Another person from now on; says who, if the generator cannot put that one on.
    pub(crate) fn put_on(&mut self, (source, identity): Person) -> Option<Refused> {
        match self.pipeline.set_identity(identity) {
            Ok(()) => {
                self.source = source;
                None
            }
            Err(why) => Some(Refused { source, stays: self.source.clone(), why }),
        }
    }

    /// What the pipeline runs on, if it is not what was told before: a GPU may be lost.
    fn new_adapter(&mut self) -> Option<String> {
        let adapter = self.pipeline.adapter();
        (adapter != self.adapter).then(|| {
            self.adapter = adapter.into();
            self.adapter.clone()
        })
    }

    /// Whether a late frame may go without a look at it: a face must be known that can be hidden, and someone who comes
    /// into the picture must not wait longer than `detect_interval` frames or [`MAX_BLIND`].
    fn may_conceal(&self, look: &Look, running_time: Option<ClockTime>) -> bool {
        let blind = running_time.zip(self.last_look).and_then(|(now, last)| now.checked_sub(last));
        !self.faces.is_empty()
            && self.concealed_in_a_row < look.detect_interval
            && blind.is_some_and(|blind| blind < MAX_BLIND)
    }

    /// Forgets the faces and the frame that is held back. The places in `seen` stay until the pipeline tells which faces
    /// it has given up.
    pub(crate) fn forget(&mut self) {
        self.pipeline.reset();
        self.held = None;
        self.faces.clear();
        self.concealed_in_a_row = 0;
        self.last_look = None;
    }

    fn is_news(&mut self, warning: &str) -> bool {
        let news = !self.warned.iter().any(|w| w == warning);
        if news {
            self.warned.push(warning.to_owned());
        }
        news
    }

    /// Remembers the faces and returns the messages about those that came and went.
    fn take_in(&mut self, report: Report, info: FrameInfo, running_time: Option<ClockTime>) -> Vec<gst::Structure> {
        let message = |name, id, place| report::face_structure(name, id, place, running_time);
        let lost = report.lost.iter().map(|id| (*id, self.seen.remove(id).unwrap_or_default()));
        let mut messages: Vec<_> = lost.map(|(id, place)| message("alphaswap-face-lost", id, place)).collect();
        self.seen.extend(report.faces.iter().map(|face| (face.id, report::rect(face.bounds, info))));
        let found = report.found.iter().map(|id| (*id, self.seen.get(id).copied().unwrap_or_default()));
        messages.extend(found.map(|(id, place)| message("alphaswap-face-found", id, place)));
        self.faces = report.faces;
        messages
    }
}
