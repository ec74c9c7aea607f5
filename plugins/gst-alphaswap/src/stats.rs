//! Counters and times, and the structure `alphaswap-stats` that carries them.

use std::time::{Duration, Instant};

use alphaswap::path::{Stage, StageTimes};

/// Time between two `alphaswap-stats` messages.
const INTERVAL: Duration = Duration::from_secs(1);

/// Sums over some frames.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    frames: u32,
    stages: StageTimes,
    busy: Duration,
    elapsed: Duration,
}

/// What is known of one frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Milliseconds of each stage.
    pub stages: StageTimes,
    /// Time spent inside the element.
    pub busy: Duration,
    /// Faces followed.
    pub faces: usize,
    /// Whether at least one face was swapped.
    pub swapped: bool,
    /// Whether the frame was late and its faces were hidden instead.
    pub concealed: bool,
    /// What the pipeline runs on, if that changed.
    pub adapter: Option<String>,
}

/// Counters since start, and times of the second that is running and of the last full one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    /// What the pipeline runs on and why; empty before start.
    pub adapter: String,
    frames: u64,
    swapped: u64,
    concealed: u64,
    faces: usize,
    since: Option<Instant>,
    running: Window,
    full: Option<Window>,
}

impl Stats {
    /// Zero counters for a pipeline that runs on `adapter`.
    pub(crate) fn new(adapter: String) -> Self {
        Self { adapter, ..Self::default() }
    }

    /// Counts a frame that was done at `now`. Returns the structure to post when a second is full.
    pub(crate) fn record(&mut self, sample: &Sample, now: Instant) -> Option<gst::Structure> {
        let since = *self.since.get_or_insert(now.checked_sub(sample.busy).unwrap_or(now));
        self.frames += 1;
        self.swapped += u64::from(sample.swapped);
        self.concealed += u64::from(sample.concealed);
        self.faces = sample.faces;
        sample.adapter.iter().for_each(|adapter| self.adapter.clone_from(adapter));
        self.running.add(sample, now.duration_since(since));
        if self.running.elapsed < INTERVAL {
            return None;
        }
        self.full = Some(std::mem::take(&mut self.running));
        self.since = Some(now);
        Some(self.structure())
    }

    /// Frames that were treated, and those of them that were late.
    pub(crate) fn processed_and_concealed(&self) -> (u64, u64) {
        (self.frames, self.concealed)
    }

    /// Counters since start; times and rate of the last full second (of the time so far in the first one).
    pub(crate) fn structure(&self) -> gst::Structure {
        let window = self.full.unwrap_or(self.running);
        let mean = |sum: f64| if window.frames == 0 { 0.0 } else { sum / f64::from(window.frames) };
        let secs = window.elapsed.as_secs_f64();
        let fps = if secs > 0.0 { f64::from(window.frames) / secs } else { 0.0 };
        let builder = gst::Structure::builder("alphaswap-stats")
            .field("adapter", &self.adapter)
            .field("fps", fps)
            .field("faces", self.faces as u32)
            .field("frames", self.frames)
            .field("swapped", self.swapped)
            .field("concealed", self.concealed)
            .field("frame-ms", mean(window.busy.as_secs_f64() * 1e3));
        Stage::ALL
            .iter()
            .zip(window.stages.0)
            .fold(builder, |builder, (stage, ms)| builder.field(format!("{}-ms", stage.name()), mean(f64::from(ms))))
            .build()
    }
}

impl Window {
    fn add(&mut self, sample: &Sample, elapsed: Duration) {
        self.frames += 1;
        self.busy += sample.busy;
        self.elapsed = elapsed;
        for (sum, ms) in self.stages.0.iter_mut().zip(sample.stages.0) {
            *sum += ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ms: f32) -> Sample {
        let mut stages = StageTimes::default();
        stages.0[1] = ms;
        Sample { stages, busy: Duration::from_millis(20), faces: 2, swapped: true, concealed: false, adapter: None }
    }

    #[test]
    fn a_full_second_is_told_once_with_means() {
        gst::init().unwrap();
        let mut stats = Stats::new("test".into());
        let start = Instant::now();
        let at = |i: u32| start + Duration::from_millis(20) + Duration::from_millis(100) * i;
        for i in 0..10 {
            assert!(stats.record(&sample(i as f32), at(i)).is_none(), "frame {i}");
        }
        let told = stats.record(&sample(10.0), at(10)).unwrap();
        assert_eq!(told.get::<f64>("detect-ms"), Ok(5.0));
        assert_eq!(told.get::<f64>("frame-ms"), Ok(20.0));
        assert!((told.get::<f64>("fps").unwrap() - 11.0 / 1.02).abs() < 1e-9);
        assert_eq!(told.get::<u64>("frames"), Ok(11));
        assert!(stats.record(&sample(0.0), at(11)).is_none());
        assert_eq!(stats.structure().get::<f64>("detect-ms"), Ok(5.0), "the last full second stays readable");
    }

    #[test]
    fn another_adapter_is_told_from_then_on() {
        gst::init().unwrap();
        let mut stats = Stats::new("a GPU".into());
        let mut told = |adapter: Option<&str>| {
            let sample = Sample { adapter: adapter.map(Into::into), ..sample(1.0) };
            stats.record(&sample, Instant::now());
            stats.structure().get::<String>("adapter").unwrap()
        };
        assert_eq!([None, Some("CPU"), None].map(&mut told), ["a GPU", "CPU", "CPU"]);
    }

    #[test]
    fn before_the_first_frame_all_is_zero() {
        gst::init().unwrap();
        let structure = Stats::new("test".into()).structure();
        assert_eq!(structure.get::<f64>("fps"), Ok(0.0));
        assert!(Stage::ALL.iter().all(|s| structure.get::<f64>(&format!("{}-ms", s.name())) == Ok(0.0)));
    }
}
