//! What the pipeline itself draws: over faces that could not be swapped, and the marks that the path leaves to it.

use std::time::Instant;

use super::{FRAME_SECS, Pipeline, Report};
use crate::conceal::{self, Still};
use crate::error::Result;
use crate::frame::FrameViewMut;
use crate::marks::badge::{Badge, Label};
use crate::marks::watermark::Payload;
use crate::path::Stage;
use crate::settings::{Fallback, Look};

impl Pipeline {
    /// What the watermark says of the next frames.
    pub const fn payload(&self) -> Payload {
        self.payload
    }

    /// The session that the watermark names from the next frame on (24 bits); without this a random one.
    pub fn set_session(&mut self, session: u32) {
        self.payload.session = session;
    }

    /// Hides the faces that were swapped a moment ago without running any network, by the fallback policy: for
    /// frames that are too late to be swapped (QoS).
    ///
    /// # Errors
    /// [`Error::Frame`](crate::Error::Frame) while another frame is in flight; that one stays there.
    pub fn conceal(&mut self, frame: &mut FrameViewMut<'_>) -> Result<Report> {
        self.check_idle()?;
        self.look_at_size(&frame.info);
        self.tracker.tracks.iter_mut().for_each(|t| t.swapped = false);
        self.tracker.look(&frame.view());
        let lost = self.tracker.give_up(0.0);
        let (look, payload, elapsed_secs) = (self.look.clone(), self.payload, FRAME_SECS);
        let still = self.hide_unswapped(frame, &look);
        let shown = Shown { look: &look, payload, elapsed_secs, watermarked: false, still };
        let (marked, badged) = self.mark(frame, &shown);
        Ok(Report { marked, badged, ..self.report(Vec::new(), lost, look.strength) })
    }

    /// The fallback for faces that could not be swapped, and the memory that `freeze` needs. Says whether a still of a
    /// swapped face is shown.
    pub(super) fn hide_unswapped(&mut self, frame: &mut FrameViewMut<'_>, look: &Look) -> bool {
        let (start, mut shown) = (Instant::now(), false);
        if look.strength == 0.0 {
            // The frame stays as it came. Nobody's face in it may serve as a still later.
            self.forget_stills();
            return false;
        }
        for track in &mut self.tracker.tracks {
            let ellipse = track.ellipse();
            match look.fallback {
                Fallback::Freeze if track.swapped => {
                    track.still = Some(Still::take(frame, ellipse, track.still.take()));
                }
                _ if track.swapped => track.still = None,
                Fallback::Pass => {}
                Fallback::Freeze | Fallback::Blur => {
                    conceal::blur(frame, &ellipse);
                    // A still does not hide a face that has moved away from it.
                    let frozen = look.fallback == Fallback::Freeze;
                    if let Some(still) = track.still.as_ref().filter(|s| frozen && s.is_near(&ellipse)) {
                        shown |= still.show(frame);
                    }
                }
            }
        }
        self.marking.add(Stage::Mark, start.elapsed());
        shown
    }

    /// Until there are new ones, faces that cannot be swapped are blurred: the old ones show somebody else.
    pub(super) fn forget_stills(&mut self) {
        self.tracker.tracks.iter_mut().for_each(|track| track.still = None);
    }

    /// Watermark and badge, on frames that show a swapped face. Returns what the watermark says, if this is one, and
    /// whether the badge is seen.
    pub(super) fn mark(&mut self, frame: &mut FrameViewMut<'_>, shown: &Shown<'_>) -> (Option<Payload>, bool) {
        let Shown { look, payload, elapsed_secs, watermarked, still } = *shown;
        // A strength of zero shows the frame as it came.
        let swapped = still || (look.strength > 0.0 && self.tracker.tracks.iter().any(|t| t.swapped));
        if !watermarked && !swapped {
            self.badge.iter_mut().for_each(Badge::skip);
            return (None, false);
        }
        let start = Instant::now();
        if !watermarked {
            self.watermark.set_payload(payload);
            self.watermark.embed(frame);
        }
        if look.badge {
            let label = Label::from(look);
            let kept = self.badge.take().filter(|b| b.fits(frame.info, label));
            self.badge.insert(kept.unwrap_or_else(|| Badge::new(frame.info, label))).paint(frame, elapsed_secs);
        } else {
            self.badge = None;
        }
        self.marking.add(Stage::Mark, start.elapsed());
        (Some(payload), self.badge.as_ref().is_some_and(Badge::is_visible))
    }
}

/// What is to be marked.
pub(super) struct Shown<'a> {
    pub look: &'a Look,
    /// What the watermark says.
    pub payload: Payload,
    /// Since the last frame.
    pub elapsed_secs: f32,
    /// Whether the path has put the watermark in.
    pub watermarked: bool,
    /// Whether a still of a swapped face is shown.
    pub still: bool,
}
