//! The clock of a served platform: real time, or real time made faster.

use std::time::{Duration, Instant};

use chrono::{DurationRound, TimeDelta, Utc};
use policy::Span;

use crate::ids::Timestamp;

/// Tells a platform which instant it is.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    origin: Timestamp,
    speed: f64,
}

impl Clock {
    /// The real time.
    pub fn real_time() -> Self {
        Self::faster(1.0)
    }

    /// Begins at the real time and runs a number of times as fast.
    pub fn faster(speed: f64) -> Self {
        Self::starting(Utc::now(), speed)
    }

    /// Begins at an instant and runs a number of times as fast; a speed that is no positive number counts as 1.
    pub fn starting(at: Timestamp, speed: f64) -> Self {
        let sound = speed.is_finite() && speed > 0.0;
        Self {
            began: Instant::now(),
            origin: at.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(at),
            speed: if sound { speed } else { 1.0 },
        }
    }

    /// The instant it is, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let passed = self.began.elapsed().mul_f64(self.speed);
        let millis = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        self.origin + Span::from_millis(millis).to_delta()
    }

    /// How long a span of this clock really takes.
    pub fn real(&self, span: Span) -> Duration {
        let millis = u64::try_from(span.as_millis()).unwrap_or(0);
        Duration::from_millis(millis).div_f64(self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_makes_spans_short() {
        let clock = Clock::faster(60.0);
        assert_eq!(clock.real(Span::from_secs(60)), Duration::from_secs(1));
        assert_eq!(
            Clock::faster(0.0).real(Span::from_secs(1)),
            Duration::from_secs(1)
        );
        assert!(clock.now() >= clock.origin);
    }
}
