//! Counters and times, and the structure `alphaswap-stats` that carries them.

use std::time::{Duration, Instant};

use alphaswap::path::{Stage, StageTimes, percentile};

/// Time between two `alphaswap-stats` messages.
const INTERVAL: Duration = Duration::from_secs(1);

/// Some frames: sums over them, and the time of each.
#[derive(Clone, Debug, Default)]
struct Window {
    stages: StageTimes,
    busy: Vec<Duration>,
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
    /// Whether it carries the marks of a synthetic frame.
    pub marked: bool,
    /// Whether the frame was late and its faces were hidden instead.
    pub concealed: bool,
    /// Frames that are held back behind it.
    pub held: u32,
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
    marked: u64,
    concealed: u64,
    faces: usize,
    held: u32,
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
        self.marked += u64::from(sample.marked);
        self.concealed += u64::from(sample.concealed);
        (self.faces, self.held) = (sample.faces, sample.held);
        sample.adapter.iter().for_each(|adapter| self.adapter.clone_from(adapter));
        self.running.add(sample, now.duration_since(since));
        if self.running.elapsed < INTERVAL {
            return None;
        }
        let mut old = self.full.take().unwrap_or_default();
        old.clear();
        self.full = Some(std::mem::replace(&mut self.running, old));
        self.since = Some(now);
        Some(self.structure())
    }

    /// Frames that were treated, and those of them that were late.
    pub(crate) fn processed_and_concealed(&self) -> (u64, u64) {
        (self.frames, self.concealed)
    }

    /// Counters since start; times and rate of the last full second (of the time so far in the first one).
    pub(crate) fn structure(&self) -> gst::Structure {
        let window = self.full.as_ref().unwrap_or(&self.running);
        let mut times: Vec<f64> = window.busy.iter().map(|t| t.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let mean = |sum: f64| sum / times.len().max(1) as f64;
        let secs = window.elapsed.as_secs_f64();
        let fps = if secs > 0.0 { times.len() as f64 / secs } else { 0.0 };
        let builder = gst::Structure::builder("alphaswap-stats")
            .field("adapter", &self.adapter)
            .field("fps", fps)
            .field("faces", self.faces as u32)
            .field("frames", self.frames)
            .field("swapped", self.swapped)
            .field("marked", self.marked)
            .field("concealed", self.concealed)
            .field("latency-frames", self.held)
            .field("frame-ms", mean(times.iter().sum()))
            .field("frame-ms-p50", percentile(&times, 50))
            .field("frame-ms-p95", percentile(&times, 95))
            .field("frame-ms-p99", percentile(&times, 99));
        Stage::ALL
            .iter()
            .zip(window.stages.0)
            .fold(builder, |builder, (stage, ms)| builder.field(format!("{}-ms", stage.name()), mean(f64::from(ms))))
            .build()
    }
}

impl Window {
    fn add(&mut self, sample: &Sample, elapsed: Duration) {
        self.busy.push(sample.busy);
        self.elapsed = elapsed;
        for (sum, ms) in self.stages.0.iter_mut().zip(sample.stages.0) {
            *sum += ms;
        }
    }

    /// Empties it and keeps its memory.
    fn clear(&mut self) {
        self.busy.clear();
        (self.stages, self.elapsed) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ms: f32) -> Sample {
        let mut stages = StageTimes::default();
        stages.0[1] = ms;
        let busy = Duration::from_millis(20);
        Sample { stages, busy, faces: 2, swapped: true, marked: true, concealed: false, held: 0, adapter: None }
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
        assert_eq!((told.get::<u64>("frames"), told.get::<u64>("marked")), (Ok(11), Ok(11)));
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
    fn percentiles_of_the_last_second() {
        gst::init().unwrap();
        let (mut stats, start) = (Stats::new("test".into()), Instant::now());
        for i in (1..=100).rev() {
            let busy = Duration::from_millis(i);
            stats.record(&Sample { busy, held: 1, ..Sample::default() }, start + Duration::from_millis(100));
        }
        let told = stats.structure();
        let field = |name: &str| told.get::<f64>(name).unwrap();
        assert_eq!(["frame-ms-p50", "frame-ms-p95", "frame-ms-p99"].map(field), [50.0, 95.0, 99.0]);
        assert_eq!(told.get::<u32>("latency-frames"), Ok(1));
    }

    #[test]
    fn before_the_first_frame_all_is_zero() {
        gst::init().unwrap();
        let structure = Stats::new("test".into()).structure();
        assert_eq!(structure.get::<f64>("fps"), Ok(0.0));
        assert!(Stage::ALL.iter().all(|s| structure.get::<f64>(&format!("{}-ms", s.name())) == Ok(0.0)));
    }
}
