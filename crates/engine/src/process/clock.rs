//! What time is it for the core (P22, P24, P25)?
//!
//! Engine time begins where the journal ends, advances with a clock that counts suspended time and that nobody can set, and
//! never goes back. The wall clock is trusted once it agrees with the server's and is not behind the journal; then engine
//! time follows it. When the two drift apart, trust is gone. No instant of a clock that nobody has confirmed is ever stamped,
//! except in an empty journal; how far engine time then jumps is told to the core, which lets nothing end early by it.

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
pub fn wall() -> Timestamp {
    Utc::now().trunc_subsecs(3)
}

/// A length of time as instants are stored; the longest there is if it does not fit.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Engine time for whoever carries commands out, so that their limits too are measured by a clock that nobody sets (P22).
#[derive(Clone, Debug)]
pub struct EngineTime(Arc<RwLock<TimeBase>>);

/// How engine time runs: from where, and how far it has come.
#[derive(Clone, Copy, Debug)]
struct TimeBase {
    origin: Reading,
    last: Timestamp,
}

impl EngineTime {
    /// What engine time it is.
    pub fn now(&self) -> Timestamp {
        self.course().at(Reading::take())
    }

    fn new(origin: Reading, last: Timestamp) -> Self {
        Self(Arc::new(RwLock::new(TimeBase { origin, last })))
    }

    fn course(&self) -> TimeBase {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, course: TimeBase) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = course;
    }
}

impl TimeBase {
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
    /// The last instant that was surely right: what is stamped from there on may lag behind the true time.
    sure_until: Timestamp,
    /// How far engine time has jumped to follow the wall clock, until that is stored.
    jumped: Option<TimeDelta>,
    doubt: Doubt,
    /// The wall clock is right, and the journal is ahead of it.
    awaits_wall: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Trusted,
    /// So many replies in a row have agreed.
    Agreeing(u32),
}

/// Why the wall clock is not trusted, and whether that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
    /// Nothing speaks against it.
    None,
    /// The server's time, or the journal's, is another.
    New(String),
    Told,
}

impl EngineClock {
    /// Begins where the journal ends, so that nothing that is stamped from here on has the instant of something before; only
    /// without a journal, at the wall clock.
    pub(crate) fn start(reading: Reading, last: Option<Timestamp>) -> Self {
        let begins_at = last.map_or(reading.wall, |last| last + TimeDelta::milliseconds(1));
        let origin = Reading {
            wall: begins_at,
            ..reading
        };
        Self {
            time: EngineTime::new(origin, begins_at),
            trust: Trust::Agreeing(0),
            sure_until: begins_at,
            jumped: None,
            doubt: Doubt::None,
            awaits_wall: false,
        }
    }

    /// The instant to stamp on what happens now.
    pub(crate) fn now(&mut self, reading: Reading) -> Timestamp {
        let course = self.time.course();
        let last = course.at(reading);
        self.time.set(TimeBase { last, ..course });
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

    /// Whether nothing is missing but that the wall clock catches up with the journal.
    pub(crate) fn awaits_wall(&self) -> bool {
        self.awaits_wall
    }

    /// The last instant that was surely right.
    pub(crate) fn sure_until(&self) -> Timestamp {
        self.sure_until
    }

    /// How far engine time has jumped to follow the wall clock, if that is not stored yet.
    pub(crate) fn jumped(&self) -> Option<TimeDelta> {
        self.jumped
    }

    /// That it followed the wall clock is stored.
    pub(crate) fn is_stored(&mut self) {
        self.jumped = None;
    }

    /// Trusts the wall clock from now on, and follows it if it is ahead. One that is behind is waited for.
    pub(crate) fn trust(&mut self, reading: Reading) {
        let from = self.now(reading);
        self.follow(reading);
        self.trust = Trust::Trusted;
        self.doubt = Doubt::None;
        self.sure_until = self.now(reading);
        let before = self.jumped.unwrap_or_default();
        self.jumped = Some(before + (self.sure_until - from));
    }

    /// Trusts the wall clock, which is right, unless the journal is ahead of it: then nothing may start, since windows and
    /// delays would be judged by a time that has not come (P22, P23).
    pub(crate) fn confirm(&mut self, reading: Reading) -> bool {
        let ahead = self.now(reading) - reading.wall;
        self.awaits_wall = ahead > TimeDelta::zero() && is_apart(ahead);
        if self.awaits_wall {
            // It stands still until the wall clock has caught up.
            self.follow(reading);
            self.doubt_for(format!(
                "the journal is {} s ahead of the wall clock",
                ahead.num_seconds()
            ));
            return false;
        }
        self.trust(reading);
        true
    }

    /// Takes the server's time; `true` if the wall clock has earned trust by it.
    pub(crate) fn hear(&mut self, reading: Reading, server: Timestamp) -> bool {
        let Trust::Agreeing(agreed) = self.trust else {
            return false;
        };
        let apart = reading.wall - server;
        if is_apart(apart) {
            self.trust = Trust::Agreeing(0);
            let reason = format!("the wall clock is {} Render's", distance(apart));
            self.doubt_for(reason);
            return false;
        }
        let agreed = agreed.saturating_add(1);
        self.trust = Trust::Agreeing(agreed);
        agreed >= AGREEING_REPLIES && self.confirm(reading)
    }

    /// Withdraws trust if the wall clock has drifted away from engine time, and says how far.
    pub(crate) fn suspect(&mut self, reading: Reading) -> Option<String> {
        let apart = reading.wall - self.time.course().elapsed(reading);
        if !self.is_trusted() || !is_apart(apart) {
            return None;
        }
        self.trust = Trust::Agreeing(0);
        self.doubt = Doubt::Told;
        Some(format!("the wall clock is {} engine time", distance(apart)))
    }

    /// Why it is not trusted, once.
    pub(crate) fn take_doubt(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.doubt, Doubt::Told) {
            Doubt::New(reason) => Some(reason),
            before @ (Doubt::None | Doubt::Told) => {
                self.doubt = before;
                None
            }
        }
    }

    /// One cause is told once: by how much it is wrong may change with every reply.
    fn doubt_for(&mut self, reason: String) {
        if self.doubt == Doubt::None {
            self.doubt = Doubt::New(reason);
        }
    }

    fn follow(&mut self, reading: Reading) {
        let course = self.time.course();
        self.time.set(TimeBase {
            origin: reading,
            ..course
        });
    }
}

/// What is to be said of a wall clock that is behind the journal: what is stamped now may be earlier than it is.
pub(crate) fn behind(wall: Timestamp, journal: Timestamp) -> Option<rollout::Notice> {
    let apart = wall - journal;
    is_apart(apart).then(|| rollout::Notice::ClockSuspected {
        reason: format!("the wall clock is {} the journal", distance(apart)),
        since: Some(journal),
    })
}

fn distance(apart: TimeDelta) -> String {
    let direction = match apart > TimeDelta::zero() {
        true => "ahead of",
        false => "behind",
    };
    format!("{} s {direction}", apart.num_seconds().abs())
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

    /// A clock that begins at an instant, after a journal.
    fn after(reading: Reading, begins_at: Timestamp) -> EngineClock {
        let last = begins_at - TimeDelta::milliseconds(1);
        EngineClock::start(reading, Some(last))
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
        let mut clock = after(reading(10, 0), instant(3600));
        assert_eq!(clock.now(reading(20, 10)), instant(3610));
        clock.trust(reading(20, 10));
        assert_eq!(clock.now(reading(30, 20)), instant(3610), "a person's word");
        assert_eq!(clock.now(reading(3640, 3630)), instant(3630));
    }

    #[test]
    fn a_wall_clock_that_nobody_has_confirmed_is_not_stamped() {
        let mut clock = after(reading(10, 86_400), instant(0));
        assert_eq!(clock.now(reading(20, 86_410)), instant(10));
        clock.hear(reading(21, 86_411), instant(3_600));
        assert_eq!(
            clock.take_doubt().as_deref(),
            Some("the wall clock is 82811 s ahead of Render's")
        );
        clock.hear(reading(22, 86_412), instant(3_601));
        assert_eq!(clock.take_doubt(), None, "it is said once");
        assert_eq!(clock.now(reading(25, 86_415)), instant(15));
        clock.hear(reading(26, 3_605), instant(3_605));
        assert!(clock.hear(reading(27, 3_606), instant(3_606)));
        assert_eq!(clock.jumped(), Some(instant(3_606) - instant(17)));
        assert_eq!(clock.now(reading(28, 3_607)), instant(3_607));
    }

    #[test]
    fn a_journal_that_is_ahead_is_waited_for() {
        let mut clock = after(reading(10, 0), instant(86_400));
        for second in 0..5 {
            assert!(!clock.hear(reading(10, 0), instant(second)), "they agree");
        }
        let reason = clock.take_doubt().expect("it is said");
        assert_eq!(reason, "the journal is 86400 s ahead of the wall clock");
        assert_eq!(clock.now(reading(3_610, 3_600)), instant(86_400));
        assert!(clock.hear(reading(86_400, 86_390), instant(86_390)));
    }

    #[test]
    fn others_read_the_time_that_the_engine_stamps() {
        let reading = Reading::take();
        let ahead = reading.wall + TimeDelta::hours(2);
        let mut clock = after(reading, ahead);
        let time = clock.time();
        assert!(
            time.now() >= ahead,
            "the journal is ahead of the wall clock"
        );
        let jumped = Reading {
            wall: reading.wall + TimeDelta::days(1),
            ..reading
        };
        clock.now(jumped);
        let soon = ahead + TimeDelta::hours(1);
        assert!(time.now() < soon, "a jump of the wall clock is none of it");
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
