//! What the pipeline itself draws: over faces that could not be swapped, and the marks that the path leaves to it.

use std::time::Instant;

use super::{Flight, Pipeline, Report};
use crate::conceal::{self, Still};
use crate::error::Result;
use crate::frame::FrameViewMut;
use crate::marks::badge::{Badge, Label};
use crate::marks::watermark::Payload;
use crate::path::Stage;
use crate::settings::Fallback;

impl Pipeline {
    /// What the watermark says of the next frames.
    pub const fn payload(&self) -> Payload {
        self.watermark.payload()
    }

    /// The session that the watermark names from the next frame on (24 bits); without this a random one.
    pub fn set_session(&mut self, session: u32) {
        self.watermark.set_payload(Payload { session, ..self.payload() });
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
        self.hide_unswapped(frame, self.look.fallback);
        Ok(self.report(Vec::new(), Vec::new()))
    }

    /// The fallback for faces that could not be swapped, and the memory that `freeze` needs.
    pub(super) fn hide_unswapped(&mut self, frame: &mut FrameViewMut<'_>, fallback: Fallback) {
        let start = Instant::now();
        for track in &mut self.tracker.tracks {
            let ellipse = track.ellipse();
            match fallback {
                Fallback::Freeze if track.swapped => {
                    track.still = Some(Still::take(frame, ellipse, track.still.take()));
                }
                _ if track.swapped => track.still = None,
                Fallback::Pass => {}
                Fallback::Freeze | Fallback::Blur => {
                    conceal::blur(frame, &ellipse);
                    // A still does not hide a face that has moved away from it.
                    let frozen = fallback == Fallback::Freeze;
                    if let Some(still) = track.still.as_ref().filter(|s| frozen && s.is_near(&ellipse)) {
                        still.show(frame);
                    }
                }
            }
        }
        self.marking.add(Stage::Mark, start.elapsed());
    }

    /// Watermark and badge, on frames in which a face was swapped; says whether this is one. A frame that the path has
    /// `marked` is one and has its watermark.
    pub(super) fn mark(&mut self, frame: &mut FrameViewMut<'_>, flight: &Flight, marked: bool) -> bool {
        let look = &flight.look;
        // A strength of zero shows the frame as it came.
        let swapped = look.strength > 0.0 && self.tracker.tracks.iter().any(|t| t.swapped);
        if !marked && !swapped {
            self.badge.iter_mut().for_each(Badge::skip);
            return false;
        }
        let start = Instant::now();
        if !marked {
            // Another person may have been put on while the frame was in flight.
            let next = self.payload();
            self.watermark.set_payload(flight.payload);
            self.watermark.embed(frame);
            self.watermark.set_payload(next);
        }
        if look.badge {
            let label = Label::from(look);
            let kept = self.badge.take().filter(|b| b.fits(frame.info, label));
            self.badge.insert(kept.unwrap_or_else(|| Badge::new(frame.info, label))).paint(frame, flight.elapsed_secs);
        } else {
            self.badge = None;
        }
        self.marking.add(Stage::Mark, start.elapsed());
        true
    }
}
