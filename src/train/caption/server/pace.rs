//! When a request may go out: a rate over all threads, waits that a server asks for, and an end that does not wait.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::train::caption::{Failure, Stop};

/// How often a wait looks whether the user wants to end.
const TICK: Duration = Duration::from_millis(50);

/// Gives out the moments at which requests start.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// Before it no request starts.
    next: Mutex<Instant>,
}

impl Pace {
    /// At least `interval` between the starts of two requests.
    pub fn new(interval: Duration) -> Self {
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Returns when a request may start.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] when the user ends the run before that.
    pub fn wait(&self, stop: &Stop<'_>) -> Result<(), Failure> {
        loop {
            let wait = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                if *next <= now {
                    *next = now + self.interval;
                    return if stop() { Err(Failure::Interrupted) } else { Ok(()) };
                }
                *next - now
            };
            sleep(wait.min(TICK), stop)?;
        }
    }

    /// No request starts within the next `wait`.
    pub fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + wait);
    }
}

/// Sleeps.
///
/// # Errors
/// [`Failure::Interrupted`] when the user ends the run before the time is over.
pub fn sleep(time: Duration, stop: &Stop<'_>) -> Result<(), Failure> {
    let end = Instant::now() + time;
    loop {
        if stop() {
            return Err(Failure::Interrupted);
        }
        match end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return Ok(()),
            left => thread::sleep(left.min(TICK)),
        }
    }
}

/// The wait in a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(jiff::Timestamp::now())).unwrap_or_default())
}
