//! One budget of requests, as Render counts it: a number a window. Pure; instants come in as arguments.

use std::time::Duration;

use rollout::limit::{Limit, usable};
use tokio::time::Instant;

use super::Priority;
use super::quota::Quota;

/// How a budget begins, before Render has said anything about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// Requests a window.
    pub(super) limit: u32,
    /// The window's length.
    pub(super) window: Duration,
    /// How many of them are kept for rollbacks (P44).
    pub(super) reserve: u32,
}

impl Budget {
    pub(super) fn of(limit: Limit) -> Self {
        Self {
            limit: limit.requests(),
            window: limit.window(),
            reserve: limit.reserve(),
        }
    }
}

/// Replies of one window may differ by this much in when they say it ends: `Ratelimit-Reset` counts whole seconds.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// What is left of a budget: what Render said was used of it, and what it may have counted since.
#[derive(Debug)]
pub(super) struct Bucket {
    budget: Budget,
    window: Option<Window>,
    silent_until: Option<Instant>,
    in_flight: u32,
    /// Requests so far: tells which of two was sent first.
    taken: u64,
}

/// A window of Render's count.
#[derive(Debug)]
struct Window {
    ends_at: Instant,
    /// Whether Render has said so; else it is assumed from the first request.
    is_told: bool,
    /// How much of the budget Render says is used.
    used: u32,
    /// Requests that are over and of which no reply spoke; the last of them ended when so many had been sent.
    unheard: u32,
    unheard_at: u64,
    /// How many requests had been sent when a reply was last believed.
    heard_at: u64,
}

/// Which request of a bucket it is, and when it was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    number: u64,
    at: Instant,
}

impl Window {
    fn new(ends_at: Instant, taken: u64) -> Self {
        Self {
            ends_at,
            is_told: false,
            used: 0,
            unheard: 0,
            unheard_at: taken,
            heard_at: taken,
        }
    }
}

impl Bucket {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            window: None,
            silent_until: None,
            in_flight: 0,
            taken: 0,
        }
    }

    /// When the next request of this priority may go; `None`: now.
    pub(super) fn wait_until(&mut self, now: Instant, priority: Priority) -> Option<Instant> {
        self.turn(now);
        if let Some(until) = self.silent_until {
            return Some(until);
        }
        let Budget { limit, reserve, .. } = self.budget;
        let usable = usable(limit, reserve, priority == Priority::Rollback);
        let ends_at = self.window.as_ref().map(|window| window.ends_at);
        (self.spent() >= usable).then(|| ends_at.unwrap_or(now + self.budget.window))
    }

    /// Spends one request. It is under way until it is heard of or released.
    pub(super) fn take(&mut self, now: Instant) -> Ticket {
        self.taken += 1;
        self.in_flight += 1;
        let ends_at = now + self.budget.window;
        self.window
            .get_or_insert_with(|| Window::new(ends_at, self.taken));
        Ticket {
            number: self.taken,
            at: now,
        }
    }

    /// The request is over, and no reply has told what it left: it may have been counted.
    pub(super) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(window) = &mut self.window {
            window.unheard += 1;
            window.unheard_at = self.taken;
        }
    }

    /// The request is over, and its reply says what is left: believed, whether more or less than was assumed, besides what
    /// is still under way. Says whether the reply told anything.
    ///
    /// Replies overtake one another. One to a request that was sent after the last one was believed is newer for sure;
    /// another can only show that more is used.
    pub(super) fn learn(&mut self, now: Instant, ticket: Ticket, quota: &Quota) -> bool {
        if let Some(limit) = quota.limit {
            self.budget.limit = limit.max(1);
        }
        let Some(remaining) = quota.remaining else {
            return false;
        };
        self.budget.limit = self.budget.limit.max(remaining);
        self.in_flight = self.in_flight.saturating_sub(1);
        let used = self.budget.limit - remaining;
        // The reply was written some time between then and now: its window ends no earlier, and no later, than that.
        let earliest = quota.reset.map(|reset| ticket.at + reset);
        let latest = quota.reset.map(|reset| now + reset);
        let assumed = now + self.budget.window;
        let taken = self.taken;
        let window = self
            .window
            .get_or_insert_with(|| Window::new(latest.unwrap_or(assumed), taken));
        let begins_anew = earliest.is_some_and(|ends_at| ends_at > window.ends_at + SAME_WINDOW);
        let is_newer = begins_anew || !window.is_told || ticket.number > window.heard_at;
        let is_of_before = latest.is_some_and(|ends_at| ends_at + SAME_WINDOW < window.ends_at);
        if !is_newer && is_of_before {
            return true;
        }
        window.used = if is_newer {
            used
        } else {
            used.max(window.used)
        };
        if begins_anew || ticket.number > window.unheard_at {
            window.unheard = 0;
        }
        window.ends_at = match latest {
            Some(latest) if is_newer => latest,
            Some(latest) => latest.min(window.ends_at),
            None => window.ends_at,
        };
        window.is_told = true;
        if is_newer {
            window.heard_at = taken;
        }
        true
    }

    /// Nothing goes before that instant.
    pub(super) fn silence(&mut self, until: Instant) {
        self.silent_until = Some(self.silent_until.map_or(until, |known| known.max(until)));
    }

    /// Requests a window, as far as is known.
    pub(super) fn limit(&self) -> u32 {
        self.budget.limit
    }

    /// Whether at least half of it is left.
    pub(super) fn has_half(&mut self, now: Instant) -> bool {
        self.turn(now);
        self.silent_until.is_none() && self.left() >= self.budget.limit / 2
    }

    /// Whether forgetting it would lose nothing.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.turn(now);
        self.in_flight == 0 && self.window.is_none() && self.silent_until.is_none()
    }

    fn turn(&mut self, now: Instant) {
        if self.silent_until.is_some_and(|until| until <= now) {
            self.silent_until = None;
        }
        let is_over = |window: &Window| window.ends_at <= now;
        if self.window.as_ref().is_some_and(is_over) {
            self.window = None;
        }
    }

    fn left(&self) -> u32 {
        self.budget.limit.saturating_sub(self.spent())
    }

    fn spent(&self) -> u32 {
        let counted = |window: &Window| window.used.saturating_add(window.unheard);
        let counted = self.window.as_ref().map_or(0, counted);
        counted.saturating_add(self.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BUDGET: Budget = Budget {
        limit: 10,
        window: Duration::from_mins(1),
        reserve: 2,
    };

    fn spend(bucket: &mut Bucket, now: Instant, requests: u32) {
        for _ in 0..requests {
            assert_eq!(bucket.wait_until(now, Priority::Rollback), None);
            bucket.take(now);
            bucket.release();
        }
    }

    #[test]
    fn the_reserve_is_for_rollbacks_only() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        spend(&mut bucket, now, 8);
        assert_eq!(
            bucket.wait_until(now, Priority::Normal),
            Some(now + 60 * SECOND)
        );
        spend(&mut bucket, now, 2);
        assert_eq!(
            bucket.wait_until(now, Priority::Rollback),
            Some(now + 60 * SECOND)
        );
        assert_eq!(bucket.wait_until(now + 60 * SECOND, Priority::Normal), None);
    }

    fn quota(limit: u32, remaining: u32, reset: Duration) -> Quota {
        Quota {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(reset),
        }
    }

    #[test]
    fn a_reply_lowers_what_is_left_and_moves_the_reset() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        let ticket = bucket.take(now);
        assert!(bucket.learn(now, ticket, &quota(10, 0, 7 * SECOND)));
        assert_eq!(
            bucket.wait_until(now, Priority::Rollback),
            Some(now + 7 * SECOND)
        );
    }

    #[test]
    fn a_reply_raises_what_is_left_at_once() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        spend(&mut bucket, now, 7);
        let ticket = bucket.take(now);
        assert!(bucket.wait_until(now, Priority::Normal).is_some());
        bucket.learn(now, ticket, &quota(1000, 992, 60 * SECOND));
        assert_eq!(bucket.wait_until(now, Priority::Normal), None);
        assert_eq!(bucket.left(), 992);
    }

    #[test]
    fn requests_that_never_arrived_are_not_counted_once_render_has_said_so() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        spend(&mut bucket, now, 7);
        assert_eq!(bucket.left(), 3);
        let ticket = bucket.take(now);
        bucket.learn(now, ticket, &quota(10, 9, 60 * SECOND));
        assert_eq!(bucket.left(), 9);
    }

    #[test]
    fn a_reply_that_was_overtaken_raises_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        let (first, second) = (bucket.take(now), bucket.take(now));
        bucket.learn(now, second, &quota(10, 3, 60 * SECOND));
        bucket.learn(now, first, &quota(10, 9, 60 * SECOND));
        assert_eq!(bucket.left(), 3);
    }

    #[test]
    fn a_late_reply_of_the_window_before_says_nothing_about_this_one() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        let (first, second) = (bucket.take(now), bucket.take(now));
        bucket.learn(now, second, &quota(10, 9, 60 * SECOND));
        bucket.learn(now, first, &quota(10, 0, SECOND));
        assert_eq!(bucket.left(), 9);
    }

    #[test]
    fn a_new_window_counts_what_is_still_in_flight() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        let tickets: Vec<Ticket> = (0..5).map(|_| bucket.take(now)).collect();
        let later = now + 30 * SECOND;
        bucket.learn(later, tickets[0], &quota(100, 99, 60 * SECOND));
        assert_eq!(bucket.left(), 95);
    }

    /// A server that counts in fixed windows, as Render does.
    struct Server {
        limit: u32,
        ends_at: Instant,
        used: u32,
    }

    impl Server {
        /// The reply to a request, and whether the request was within the limit.
        fn answer(&mut self, now: Instant) -> (Quota, bool) {
            while self.ends_at <= now {
                (self.ends_at, self.used) = (self.ends_at + BUDGET.window, 0);
            }
            self.used += 1;
            let left = self.limit.saturating_sub(self.used);
            let reset = (self.ends_at - now).as_millis().div_ceil(1000);
            let reset = u64::try_from(reset).unwrap_or_default();
            let quota = quota(self.limit, left, Duration::from_secs(reset));
            (quota, self.used <= self.limit)
        }
    }

    /// Requests, replies in any order and (for every other seed) lost ones, at random. Once a reply was heard, nothing goes
    /// beyond the limit that replies have told of; and a reply to a request that was alone lets go whatever it allows.
    #[test]
    fn what_replies_allow_is_neither_exceeded_nor_left_unused() {
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let limit = random.u32(1..60);
            let mut now = Instant::now();
            let mut bucket = Bucket::new(BUDGET);
            let mut server = Server {
                limit,
                ends_at: now + SECOND * random.u32(1..60),
                used: 0,
            };
            let first = bucket.take(now);
            let (reply, _) = server.answer(now);
            bucket.learn(now, first, &reply);
            let mut replies = Vec::new();
            for _ in 0..400 {
                match random.u32(0..10) {
                    0 if replies.is_empty() => now += SECOND * random.u32(0..9),
                    0 => now += Duration::from_millis(random.u64(0..400)),
                    1..=5 if bucket.wait_until(now, Priority::Rollback).is_none() => {
                        let ticket = bucket.take(now);
                        let (reply, is_allowed) = server.answer(now);
                        assert!(is_allowed || seed % 2 == 0, "seed {seed}");
                        replies.push((ticket, reply, server.ends_at));
                    }
                    1..=5 => {}
                    6 if seed % 2 == 0 && !replies.is_empty() => {
                        replies.swap_remove(random.usize(0..replies.len()));
                        bucket.release();
                    }
                    _ if !replies.is_empty() => {
                        let any = random.usize(0..replies.len());
                        let (ticket, reply, ends_at) = replies.swap_remove(any);
                        let unheard_at =
                            bucket.window.as_ref().map_or(0, |window| window.unheard_at);
                        let was_alone = ticket.number == bucket.taken
                            && replies.is_empty()
                            && (seed % 2 == 1 || ticket.number > unheard_at);
                        bucket.learn(now, ticket, &reply);
                        let left = server.limit.saturating_sub(server.used);
                        if was_alone && ends_at == server.ends_at && now < ends_at {
                            assert!(bucket.left() >= left, "seed {seed}");
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn silence_holds_for_everybody_and_only_grows() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        bucket.silence(now + 9 * SECOND);
        bucket.silence(now + 3 * SECOND);
        assert_eq!(
            bucket.wait_until(now + 8 * SECOND, Priority::Rollback),
            Some(now + 9 * SECOND)
        );
        assert_eq!(bucket.wait_until(now + 9 * SECOND, Priority::Normal), None);
    }

    #[test]
    fn a_tiny_limit_still_lets_requests_through() {
        let now = Instant::now();
        let mut bucket = Bucket::new(Budget { limit: 1, ..BUDGET });
        assert_eq!(bucket.wait_until(now, Priority::Normal), None);
    }

    #[test]
    fn a_bucket_is_idle_once_its_window_is_over() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        spend(&mut bucket, now, 1);
        assert!(!bucket.is_idle(now));
        assert!(bucket.is_idle(now + 60 * SECOND));
    }
}
