//! When would Render's limits let a command go? Requests are counted by the window, never kept one by one.
//!
//! A request that fits into the present window or the next one goes at once: what it would wait is at most a minute, and no
//! instant of a small fleet moves. From the window after that on it goes when its window begins. The limit of a service is
//! not counted: nobody deploys one service so often.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chrono::TimeDelta;
use policy::{Span, Timestamp};
use rollout::command::{Command, CommandKind};
use rollout::limit::{LOOKS_A_MINUTE, Limit, LimitOf, POLLS_A_MINUTE, Requests, usable};
use rollout::show_instant;
use serde::Serialize;

/// A shorter wait is not shown.
const WORTH_SHOWING: TimeDelta = TimeDelta::minutes(1);

/// How often a deploy that takes a while is read a minute.
const POLLS_OF_A_DEPLOY: u32 = 4;

/// What is counted, in this order.
const COUNTED: [Limit; 4] = [Limit::Reads, Limit::Changes, Limit::Creations, Limit::Jobs];

/// What one limit has moved by more than a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Which.
    pub limit: LimitOf,
    /// How often.
    pub times: u32,
    /// By how much at most.
    pub longest: Span,
    /// When for the first time.
    pub first: Timestamp,
}

/// `Render's limit of 30 POST, PATCH, PUT and DELETE requests a minute delays 412 steps, by 38m at most, the first at ...`
impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            limit,
            times,
            longest,
            first,
        } = self;
        let steps = if *times == 1 { "step" } else { "steps" };
        let first = show_instant(*first);
        write!(
            f,
            "{limit} delays {times} {steps}, by {longest} at most, the first at {first}"
        )
    }
}

/// What is left of every budget of the key.
#[derive(Debug)]
pub(super) struct Budgets {
    of_limits: [Budget; COUNTED.len()],
    /// Deploys that are followed, and services that are watched: both read all the time.
    followed: u32,
    watched: u32,
    moved: BTreeMap<Limit, Moved>,
}

/// The windows of one limit, from the present one on.
#[derive(Debug)]
struct Budget {
    limit: Limit,
    /// When the first of them begins.
    begins: Timestamp,
    /// How many requests each of them has.
    used: VecDeque<u32>,
    /// The windows before these are full: for what is not urgent, and for what is.
    open: [usize; 2],
}

impl Budgets {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            of_limits: COUNTED.map(|limit| Budget::new(limit, now)),
            followed: 0,
            watched: 0,
            moved: BTreeMap::new(),
        }
    }

    /// Counts the requests of a command that begins, and says when the last of them goes.
    pub(super) fn begins(&mut self, now: Timestamp, command: &Command) -> Timestamp {
        let requests = command.requests();
        let goes_at = self.count(now, requests, command.urgent);
        self.followed += u32::from(is_followed(&command.kind));
        self.watched += watched(&command.kind);
        goes_at
    }

    /// A command is over.
    pub(super) fn ends(&mut self, kind: &CommandKind) {
        self.followed = self.followed.saturating_sub(u32::from(is_followed(kind)));
        self.watched = self.watched.saturating_sub(watched(kind));
    }

    /// A process has died, and with it all that it had still to ask.
    pub(super) fn forget(&mut self) {
        (self.followed, self.watched) = (0, 0);
        for budget in &mut self.of_limits {
            budget.used.truncate(1);
            budget.open = [0; 2];
        }
    }

    pub(super) fn moved(&self) -> impl Iterator<Item = &Moved> {
        self.moved.values()
    }

    fn count(&mut self, now: Timestamp, requests: Requests, urgent: bool) -> Timestamp {
        let reading = POLLS_A_MINUTE.min(self.followed.saturating_mul(POLLS_OF_A_DEPLOY))
            + LOOKS_A_MINUTE.min(self.watched);
        let mut goes_at = now;
        for budget in &mut self.of_limits {
            let limit = budget.limit;
            let elsewhere = if limit == Limit::Reads { reading } else { 0 };
            let allowed = usable(limit.requests(), limit.reserve(), urgent);
            let allowed = allowed.saturating_sub(elsewhere).max(1);
            let at = budget.take(now, requests.of(limit), allowed, urgent);
            if at - now <= WORTH_SHOWING {
                continue;
            }
            goes_at = goes_at.max(at);
            let longest = Span::from_millis((at - now).num_milliseconds());
            let moved = self.moved.entry(limit).or_insert_with(|| Moved {
                limit: limit.of(limit.requests()),
                times: 0,
                longest,
                first: now,
            });
            moved.times += 1;
            moved.longest = moved.longest.max(longest);
        }
        goes_at
    }
}

impl Budget {
    fn new(limit: Limit, now: Timestamp) -> Self {
        Self {
            limit,
            begins: now,
            used: VecDeque::new(),
            open: [0; 2],
        }
    }

    /// Counts so many requests into the first windows that have room, and says when the last of these begins.
    fn take(&mut self, now: Timestamp, requests: u32, allowed: u32, urgent: bool) -> Timestamp {
        if requests == 0 {
            return now;
        }
        self.turn(now);
        let (mut left, mut place) = (requests, self.open[usize::from(urgent)]);
        loop {
            if place == self.used.len() {
                self.used.push_back(0);
            }
            let used = &mut self.used[place];
            let taken = left.min(allowed.saturating_sub(*used));
            *used += taken;
            left -= taken;
            if left == 0 {
                break;
            }
            place += 1;
        }
        self.open[usize::from(urgent)] = place;
        let windows = i32::try_from(place).unwrap_or(i32::MAX);
        now.max(self.begins + self.window() * windows)
    }

    /// Forgets the windows that are over. As at Render, one begins with its first request.
    fn turn(&mut self, now: Timestamp) {
        let window = self.window();
        while !self.used.is_empty() && self.begins + window <= now {
            self.used.pop_front();
            self.begins += window;
            self.open = self.open.map(|place| place.saturating_sub(1));
        }
        if self.used.is_empty() {
            self.begins = now;
        }
    }

    fn window(&self) -> TimeDelta {
        TimeDelta::from_std(self.limit.window()).unwrap_or_default()
    }
}

fn is_followed(kind: &CommandKind) -> bool {
    matches!(
        kind,
        CommandKind::FollowDeploy { .. } | CommandKind::AwaitQuiet { .. }
    )
}

fn watched(kind: &CommandKind) -> u32 {
    if let CommandKind::Watch { probed, .. } = kind {
        u32::try_from(probed.len()).unwrap_or(u32::MAX)
    } else {
        0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn changes(changes: u32) -> Requests {
        Requests {
            changes,
            ..Requests::default()
        }
    }

    #[test]
    fn what_fits_into_two_windows_goes_at_once_and_the_rest_when_its_window_begins() {
        let mut budgets = Budgets::new(at(0));
        let mut goes = |now, requests| budgets.count(at(now), changes(requests), false);
        // 30 a minute, of which six are kept for what is urgent.
        assert_eq!(goes(0, 24), at(0));
        assert_eq!(goes(10, 24), at(10));
        assert_eq!(goes(10, 1), at(120));
        assert_eq!(goes(10, 24), at(180));
        assert_eq!(goes(120, 1), at(120), "a minute is left, and no more");
        let moved: Vec<&Moved> = budgets.moved().collect();
        let [moved] = moved[..] else {
            panic!("{moved:?}")
        };
        assert_eq!(
            moved.to_string(),
            "Render's limit of 30 POST, PATCH, PUT and DELETE requests a minute delays 2 steps, \
             by 2m 50s at most, the first at 2027-01-15T08:00:10.000Z"
        );
    }

    #[test]
    fn what_is_urgent_overtakes_by_what_is_kept_for_it() {
        let mut budgets = Budgets::new(at(0));
        budgets.count(at(0), changes(240), false);
        assert_eq!(budgets.count(at(0), changes(12), true), at(0));
        assert_eq!(budgets.count(at(0), changes(6), true), at(120));
    }

    #[test]
    fn a_quiet_time_leaves_nothing_of_what_was_before() {
        let mut budgets = Budgets::new(at(0));
        budgets.count(at(0), changes(240), false);
        assert_eq!(budgets.count(at(3_600), changes(48), false), at(3_600));
        budgets.count(at(3_600), changes(240), false);
        budgets.forget();
        assert_eq!(budgets.count(at(3_600), changes(24), false), at(3_600));
    }

    #[test]
    fn what_is_read_all_the_time_is_taken_from_the_reads() {
        let mut budgets = Budgets::new(at(0));
        budgets.followed = 1_000;
        budgets.watched = 1_000;
        let reads = |reads| Requests {
            reads,
            ..Requests::default()
        };
        // 400 without 40, 200 and 60.
        assert_eq!(budgets.count(at(0), reads(200), false), at(0));
        assert_eq!(budgets.count(at(0), reads(1), false), at(120));
    }
}
