//! Lateness as downstream reports it.

use gst::ClockTime;

/// What the last QOS event said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Qos {
    /// Frames up to this running time are late already.
    earliest: Option<ClockTime>,
    /// Speed of downstream relative to real time; above 1 it is too slow.
    proportion: f64,
}

impl Qos {
    /// Takes in a QOS event. A late frame moves the limit ahead by twice its lateness, so that a slow stretch is caught
    /// up with; an early one moves it back. The same rule as `GstBaseTransform`'s.
    pub(crate) fn update(&mut self, event: &gst::event::Qos) {
        let (_, proportion, diff, timestamp) = event.get();
        self.proportion = proportion;
        self.earliest = timestamp.and_then(|t| {
            let ahead = if diff > 0 { diff.saturating_mul(2) } else { diff };
            t.nseconds().checked_add_signed(ahead).map(ClockTime::from_nseconds)
        });
    }

    /// Forgets everything, after a flush.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// By how many nanoseconds a frame of this running time is late; none when it is in time.
    pub(crate) fn lateness(&self, running_time: Option<ClockTime>) -> Option<i64> {
        let late = self.earliest?.nseconds().checked_sub(running_time?.nseconds())?;
        i64::try_from(late).ok()
    }

    /// Speed of downstream relative to real time.
    pub(crate) fn proportion(&self) -> f64 {
        self.proportion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(diff: i64) -> Qos {
        gst::init().unwrap();
        let mut qos = Qos::default();
        let event = gst::event::Qos::builder(gst::QOSType::Underflow, 1.5, diff).timestamp(ClockTime::SECOND).build();
        let gst::EventView::Qos(event) = event.view() else { panic!("not a QOS event") };
        qos.update(event);
        qos
    }

    #[test]
    fn a_late_frame_makes_the_next_ones_late() {
        let qos = after(100_000_000);
        assert_eq!(qos.lateness(Some(ClockTime::from_mseconds(1150))), Some(50_000_000));
        assert_eq!(qos.lateness(Some(ClockTime::from_mseconds(1201))), None);
        assert_eq!(qos.lateness(None), None);
    }

    #[test]
    fn an_early_frame_makes_none_late() {
        assert_eq!(after(-100_000_000).lateness(Some(ClockTime::SECOND)), None);
        assert_eq!(after(-1_000_000_000).lateness(Some(ClockTime::from_nseconds(1))), None);
    }
}
