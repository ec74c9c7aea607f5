//! The way of a buffer through the element: what goes in, what is held back, what comes out, and the events between.

use std::sync::atomic::Ordering;
use std::time::Instant;

use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_base::subclass::base_transform::GenerateOutputSuccess;
use gst_base::subclass::prelude::*;

use crate::imp::{AlphaSwap, CAT, lock};
use crate::session::{Finished, Request, Session};
use crate::stats::Stats;
use crate::{error, label, post};

impl AlphaSwap {
    fn running_time(&self, time: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
        self.obj().segment().downcast_ref::<gst::ClockTime>()?.to_running_time(time)
    }

    /// Lets the session do `work` and posts what that brought; no lock is held while something is posted.
    fn work(
        &self,
        work: impl FnOnce(&mut Session) -> alphaswap::Result<Option<Finished>>,
    ) -> Result<Option<gst::Buffer>, gst::FlowError> {
        let result = lock(&self.session).as_mut().map(|session| {
            // The buffer whose frame may be in flight is lost with the error.
            let result = work(session).inspect_err(|_| session.forget());
            (result, session.latency())
        });
        let (result, latency) = result.ok_or(gst::FlowError::Flushing)?;
        let finished = result.map_err(|e| {
            self.post_error_message(error::message(&e));
            gst::FlowError::Error
        })?;
        self.tell_latency(latency);
        Ok(finished.map(|finished| self.tell(finished)))
    }

    /// Posts what a frame brought.
    fn tell(&self, finished: Finished) -> gst::Buffer {
        let Finished { buffer, late, running_time, outcome } = finished;
        if outcome.sample.marked && !self.announced.load(Ordering::SeqCst) {
            // A pad that is flushing forgets it: then it is told with the next frame.
            self.announced.store(label::announce(&self.obj()), Ordering::SeqCst);
        }
        let full = lock(&self.stats).record(&outcome.sample, Instant::now());
        for structure in outcome.messages.into_iter().chain(full) {
            post::element(&self.obj(), structure);
        }
        outcome.warning.iter().for_each(|text| self.warn(error::Code::Resource(gst::ResourceError::Failed), text));
        if let Some(late) = late {
            let counts = lock(&self.stats).processed_and_concealed();
            let proportion = lock(&self.qos).proportion();
            post::late(&self.obj(), &buffer, post::Late { running_time, late, proportion, counts });
        }
        buffer
    }

    fn tell_latency(&self, latency: gst::ClockTime) {
        if self.latency.swap(latency.nseconds(), Ordering::SeqCst) != latency.nseconds() {
            gst::info!(CAT, imp = self, "frames are held back for {latency}");
            post::latency(&self.obj());
        }
    }

    /// Pushes the frame that is held back, before anything that must not overtake it.
    fn drain(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        match self.work(Session::finish)? {
            Some(buffer) => self.obj().src_pad().push(buffer),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }

    /// Puts another person on if one was set.
    fn change_person(&self) {
        let Some(person) = lock(&self.next_person).take() else { return };
        let refused = lock(&self.session).as_mut().and_then(|session| session.put_on(person));
        if let Some(refused) = refused {
            let text = format!("the identity stays as it was: {}", refused.why);
            lock(&self.settings).put_back(refused);
            self.warn(error::Code::Resource(gst::ResourceError::Failed), &text);
        }
    }
}

impl BaseTransformImpl for AlphaSwap {
    const MODE: BaseTransformMode = BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let session = Session::open(&settings)?;
        gst::info!(CAT, imp = self, "runs on {}", session.adapter());
        if settings.latency_frames > 0 && !session.holds_back() {
            gst::info!(CAT, imp = self, "latency-frames: nothing is gained on the CPU, no frame is held back");
        }
        *lock(&self.stats) = Stats::new(session.adapter().to_owned());
        if let Some(text) = session.warning() {
            self.warn(error::Code::Resource(gst::ResourceError::NotFound), text);
        }
        self.warn_of_language();
        lock(&self.qos).reset();
        *lock(&self.session) = Some(session);
        let named = {
            let now = lock(&self.settings);
            // One that was set while the last session ended.
            *lock(&self.next_person) = None;
            self.started.store(true, Ordering::SeqCst);
            now.source.clone()
        };
        if named != settings.source {
            // While the session was opened.
            self.set_source(named);
        }
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.started.store(false, Ordering::SeqCst);
        *lock(&self.session) = None;
        *lock(&self.next_person) = None;
        *lock(&self.stats) = Stats::default();
        self.announced.store(false, Ordering::SeqCst);
        self.latency.store(0, Ordering::SeqCst);
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let video = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "the caps {incaps} are no raw video"))?;
        let result = lock(&self.session).as_mut().map(|session| (session.set_format(video), session.latency()));
        let Some((result, latency)) = result else {
            return Err(gst::loggable_error!(CAT, "caps came before start"));
        };
        self.tell_latency(latency);
        result.map_err(|e| {
            self.post_error_message(error::message(&e));
            gst::loggable_error!(CAT, "{e}")
        })
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        gst_video::VideoInfo::from_caps(caps).ok().map(|info| info.size())
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        // What downstream offers is offered in its name, but for parts of pictures: a frame is taken as its caps say.
        if let Some(index) = query.find_allocation_meta::<gst_video::VideoCropMeta>() {
            query.remove_nth_allocation_meta(index);
        }
        if lock(&self.settings).latency_frames > 0 {
            ask_for_one_more(query);
        }
        Ok(())
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        if let (gst::PadDirection::Sink, gst::QueryView::Drain(_)) = (direction, query.view()) {
            // Upstream wants its buffers back. Whether this one can be pushed changes nothing about the answer.
            let _ = self.drain();
        }
        let known = BaseTransformImplExt::parent_query(self, direction, query);
        if let (true, gst::PadDirection::Src, gst::QueryViewMut::Latency(q)) = (known, direction, query.view_mut()) {
            let held = gst::ClockTime::from_nseconds(self.latency.load(Ordering::SeqCst));
            let (live, min, max) = q.result();
            q.set(live, min + held, max.map(|max| max + held));
        }
        known
    }

    fn sink_event(&self, mut event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStop(_) => {
                lock(&self.qos).reset();
                self.interrupted.store(true, Ordering::SeqCst);
                lock(&self.session).iter_mut().for_each(Session::forget);
            }
            // Nothing overtakes the frame that is held back. If it cannot be pushed, neither can the next buffer be.
            _ if event.is_serialized() => drop(self.drain()),
            _ => {}
        }
        match event.view() {
            gst::EventView::StreamStart(_) => {
                self.interrupted.store(true, Ordering::SeqCst);
                self.announced.store(false, Ordering::SeqCst);
            }
            gst::EventView::Segment(e) if *e.segment() != self.obj().segment() => {
                self.interrupted.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
        if let gst::EventView::Tag(e) = event.view()
            && self.announced.load(Ordering::SeqCst)
            && label::of_stream(e.tag())
        {
            event = label::tagged(Some(e.tag()));
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Qos(e) = event.view() {
            lock(&self.qos).update(e);
        }
        self.parent_src_event(event)
    }

    fn before_transform(&self, inbuf: &gst::BufferRef) {
        let segment = self.obj().segment();
        let time = segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.to_stream_time(inbuf.pts()));
        // Fails only without a control binding's value for this time: the property stays as it is then.
        let _ = time.map(|time| self.obj().sync_values(time));
    }

    fn submit_input_buffer(&self, is_discont: bool, inbuf: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        // The base class marks the next buffer that it pushes: that must be this one. (`is_discont` stays set until it
        // has pushed one.)
        if inbuf.flags().contains(gst::BufferFlags::DISCONT) {
            self.drain()?;
        }
        let submitted = self.parent_submit_input_buffer(is_discont, inbuf)?;
        if submitted == gst_base::BASE_TRANSFORM_FLOW_DROPPED {
            self.drain()?;
        }
        Ok(submitted)
    }

    /// Called until nothing comes out any more: first for the frame that is held back if this one must not be started
    /// before it is out, then for this one.
    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(running_time) = self.queued_buffer().map(|buffer| self.running_time(buffer.pts())) else {
            return Ok(GenerateOutputSuccess::NoOutput);
        };
        let passthrough = self.obj().is_passthrough();
        let late = lock(&self.qos).lateness(running_time);
        let forget = self.interrupted.load(Ordering::SeqCst);
        let alone = passthrough || late.is_some() || forget || lock(&self.next_person).is_some();
        let before = self.work(|session| if alone || !session.holds_back() { session.finish() } else { Ok(None) })?;
        if let Some(buffer) = before {
            return Ok(GenerateOutputSuccess::Buffer(buffer));
        }
        let Some(buffer) = self.take_queued_buffer() else { return Ok(GenerateOutputSuccess::NoOutput) };
        if passthrough {
            return Ok(GenerateOutputSuccess::Buffer(buffer));
        }
        // One that was named just now waits for the next frame: another may still be held back.
        if alone {
            self.change_person();
        }
        self.interrupted.fetch_and(!forget, Ordering::SeqCst);
        let request = Request { look: lock(&self.settings).look(), running_time, late, forget };
        let out = self.work(|session| session.frame(buffer, request))?;
        Ok(out.map_or(GenerateOutputSuccess::NoOutput, GenerateOutputSuccess::Buffer))
    }
}

/// Since one buffer is held back, a pool of upstream's must have one more than whoever takes them next needs.
fn ask_for_one_more(query: &mut gst::query::Allocation) {
    let pools: Vec<_> = query.allocation_pools().collect();
    for (i, (pool, size, min, max)) in (0..).zip(&pools) {
        // Without a limit `max` is 0.
        let max = if *max > 0 { max.saturating_add(1) } else { 0 };
        query.set_nth_allocation_pool(i, pool.as_ref(), *size, min.saturating_add(1), max);
    }
    let video = query.get().0.and_then(|caps| gst_video::VideoInfo::from_caps(caps).ok());
    if let (true, Some(video)) = (pools.is_empty(), video) {
        query.add_allocation_pool(None::<&gst::BufferPool>, video.size() as u32, 2, 0);
    }
}
