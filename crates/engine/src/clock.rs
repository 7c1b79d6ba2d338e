//! What time is it for the core (P22, P24, P25)?
//!
//! Engine time begins at the wall clock, advances with a clock that counts suspended time and that nobody can set, and never
//! goes back. The wall clock is trusted once it agrees with the server's; when the two drift apart, trust is gone.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{SubsecRound as _, TimeDelta, Utc};
use policy::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::limits::{AGREEING_REPLIES, CLOCK_TOLERANCE};

/// Both clocks of the machine at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Since the machine was booted, sleep included.
    pub boot: Duration,
    /// What the machine believes the time to be, cut to milliseconds.
    pub wall: Timestamp,
}

impl Reading {
    /// Reads both clocks now.
    pub fn take() -> Self {
        let boot = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(boot.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(boot.tv_nsec).unwrap_or_default();
        Self {
            boot: Duration::new(seconds, nanos),
            wall: wall(),
        }
    }
}

/// The wall clock, cut to milliseconds.
pub(crate) fn wall() -> Timestamp {
    Utc::now().trunc_subsecs(3)
}

/// Engine time for whoever carries commands out, so that their limits too are measured by a clock that nobody sets (P22).
#[derive(Clone, Debug)]
pub struct EngineTime(Arc<RwLock<Course>>);

/// How engine time runs: from where, and how far it has come.
#[derive(Clone, Copy, Debug)]
struct Course {
    origin: Reading,
    last: Timestamp,
}

impl EngineTime {
    /// What engine time it is.
    pub fn now(&self) -> Timestamp {
        self.course().at(Reading::take())
    }

    fn new(origin: Reading, last: Timestamp) -> Self {
        Self(Arc::new(RwLock::new(Course { origin, last })))
    }

    fn course(&self) -> Course {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, course: Course) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = course;
    }
}

impl Course {
    /// Engine time at a reading; never behind what was told before.
    fn at(self, reading: Reading) -> Timestamp {
        self.last.max(self.elapsed(reading).trunc_subsecs(3))
    }

    fn elapsed(self, reading: Reading) -> Timestamp {
        let since = reading.boot.saturating_sub(self.origin.boot);
        self.origin.wall + TimeDelta::from_std(since).unwrap_or(TimeDelta::MAX)
    }
}

/// Engine time. Knows no clock itself: readings come in as arguments.
#[derive(Clone, Debug)]
pub(crate) struct EngineClock {
    time: EngineTime,
    trust: Trust,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Trusted,
    /// So many replies in a row have agreed.
    Agreeing(u32),
}

impl EngineClock {
    /// Begins at the wall clock, but not before what the journal has seen.
    pub(crate) fn start(reading: Reading, floor: Option<Timestamp>) -> Self {
        let last = floor.map_or(reading.wall, |floor| floor.max(reading.wall));
        Self {
            time: EngineTime::new(reading, last),
            trust: Trust::Agreeing(0),
        }
    }

    /// The instant to stamp on what happens now.
    pub(crate) fn now(&mut self, reading: Reading) -> Timestamp {
        let course = self.time.course();
        let last = course.at(reading);
        self.time.set(Course { last, ..course });
        last
    }

    /// The same time, for others to read.
    pub(crate) fn time(&self) -> EngineTime {
        self.time.clone()
    }

    /// Whether starts may rely on the wall clock.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trust == Trust::Trusted
    }

    /// Trusts the wall clock from now on, and follows it if it is ahead.
    pub(crate) fn trust(&mut self, reading: Reading) {
        let course = self.time.course();
        self.time.set(Course {
            origin: reading,
            ..course
        });
        self.trust = Trust::Trusted;
    }

    /// Takes the server's time; `true` if the wall clock has earned trust by it.
    pub(crate) fn hear(&mut self, reading: Reading, server: Timestamp) -> bool {
        let Trust::Agreeing(agreed) = self.trust else {
            return false;
        };
        let agreed = if is_apart(reading.wall - server) {
            0
        } else {
            agreed + 1
        };
        self.trust = Trust::Agreeing(agreed);
        if agreed >= AGREEING_REPLIES {
            self.trust(reading);
        }
        self.is_trusted()
    }

    /// Withdraws trust if the wall clock has drifted away from engine time, and says how far.
    pub(crate) fn suspect(&mut self, reading: Reading) -> Option<String> {
        let apart = reading.wall - self.time.course().elapsed(reading);
        if !self.is_trusted() || !is_apart(apart) {
            return None;
        }
        self.trust = Trust::Agreeing(0);
        let direction = if apart > TimeDelta::zero() {
            "ahead of"
        } else {
            "behind"
        };
        Some(format!(
            "the wall clock is {} s {direction} engine time",
            apart.num_seconds().abs()
        ))
    }
}

fn is_apart(difference: TimeDelta) -> bool {
    difference
        .abs()
        .to_std()
        .is_ok_and(|difference| difference > CLOCK_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(boot_s: u64, wall_s: i64) -> Reading {
        Reading {
            boot: Duration::from_secs(boot_s),
            wall: instant(wall_s),
        }
    }

    fn instant(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    fn trusted() -> EngineClock {
        let mut clock = EngineClock::start(reading(10, 0), None);
        clock.trust(reading(10, 0));
        clock
    }

    #[test]
    fn engine_time_follows_the_clock_that_nobody_can_set() {
        let mut clock = trusted();
        assert_eq!(clock.now(reading(40, 30)), instant(30));
        assert_eq!(
            clock.now(reading(70, 7230)),
            instant(60),
            "a jump forward of the wall clock shortens no delay"
        );
        assert_eq!(clock.now(reading(100, -9000)), instant(90));
    }

    #[test]
    fn engine_time_never_goes_behind_the_journal() {
        let mut clock = EngineClock::start(reading(10, 0), Some(instant(3600)));
        assert_eq!(clock.now(reading(20, 10)), instant(3600));
        assert_eq!(clock.now(reading(3620, 3610)), instant(3610));
    }

    #[test]
    fn others_read_the_time_that_the_engine_stamps() {
        let reading = Reading::take();
        let ahead = reading.wall + TimeDelta::hours(2);
        let mut clock = EngineClock::start(reading, Some(ahead));
        let time = clock.time();
        assert_eq!(time.now(), ahead, "the journal is ahead of the wall clock");
        let jumped = Reading {
            wall: reading.wall + TimeDelta::days(1),
            ..reading
        };
        clock.now(jumped);
        assert_eq!(time.now(), ahead, "a jump of the wall clock is none of it");
        clock.trust(jumped);
        assert!(time.now() >= jumped.wall, "trusted anew, it follows");
    }

    #[test]
    fn two_replies_in_a_row_earn_trust() {
        let mut clock = EngineClock::start(reading(10, 0), None);
        assert!(!clock.hear(reading(10, 0), instant(1)));
        assert!(!clock.hear(reading(11, 1), instant(62)), "61 s apart");
        assert!(!clock.hear(reading(12, 2), instant(62)));
        assert!(clock.hear(reading(13, 3), instant(63)));
        assert!(clock.is_trusted());
    }

    #[test]
    fn a_clock_that_drifts_more_than_a_minute_is_suspected_once() {
        let mut clock = trusted();
        assert_eq!(clock.suspect(reading(20, 70)), None, "60 s are tolerated");
        let reason = clock.suspect(reading(20, 71)).expect("61 s are not");
        assert_eq!(reason, "the wall clock is 61 s ahead of engine time");
        assert_eq!(clock.suspect(reading(21, 72)), None);
    }

    #[test]
    fn engine_time_follows_a_wall_clock_that_has_earned_trust_anew() {
        let mut clock = trusted();
        clock.suspect(reading(20, 7210));
        clock.hear(reading(21, 7211), instant(7211));
        clock.hear(reading(22, 7212), instant(7212));
        assert_eq!(
            clock.now(reading(23, 7213)),
            instant(7213),
            "the machine was stopped without knowing it"
        );
    }
}
