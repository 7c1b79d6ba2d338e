//! One budget of requests, as Render counts it: a number a window. Pure; instants come in as arguments.

use std::time::Duration;

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

/// Replies of one window may differ by this much in when they say it ends: `Ratelimit-Reset` counts whole seconds.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// What is left of a budget.
#[derive(Debug)]
pub(super) struct Bucket {
    budget: Budget,
    left: u32,
    resets_at: Option<Instant>,
    silent_until: Option<Instant>,
    in_flight: u32,
}

impl Bucket {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            left: budget.limit,
            resets_at: None,
            silent_until: None,
            in_flight: 0,
        }
    }

    /// When the next request of this priority may go; `None`: now.
    pub(super) fn wait_until(&mut self, now: Instant, priority: Priority) -> Option<Instant> {
        self.turn(now);
        if let Some(until) = self.silent_until {
            return Some(until);
        }
        let kept = match priority {
            Priority::Normal => self.budget.reserve.min(self.budget.limit / 2),
            Priority::Rollback => 0,
        };
        (self.left <= kept).then(|| self.resets_at.unwrap_or(now + self.budget.window))
    }

    /// Spends one request. Its reply is awaited until `release`.
    pub(super) fn take(&mut self, now: Instant) {
        self.resets_at.get_or_insert(now + self.budget.window);
        self.left = self.left.saturating_sub(1);
        self.in_flight += 1;
    }

    /// The request is over, with or without a reply.
    pub(super) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Believes what a reply says, but never more than what may be left besides the requests still in flight.
    pub(super) fn learn(&mut self, now: Instant, quota: &Quota) {
        if let Some(limit) = quota.limit {
            self.budget.limit = limit.max(1);
        }
        let Some(remaining) = quota.remaining else {
            return;
        };
        let resets_at = now + quota.reset.unwrap_or(self.budget.window);
        let same_window = self
            .resets_at
            .is_some_and(|known| resets_at <= known + SAME_WINDOW);
        let others = self.in_flight.saturating_sub(1);
        self.left = if same_window {
            remaining.min(self.left)
        } else {
            remaining.saturating_sub(others)
        };
        self.resets_at = Some(resets_at);
    }

    /// Nothing goes before that instant.
    pub(super) fn silence(&mut self, until: Instant) {
        self.silent_until = Some(self.silent_until.map_or(until, |known| known.max(until)));
    }

    /// Whether at least half of it is left.
    pub(super) fn has_half(&mut self, now: Instant) -> bool {
        self.turn(now);
        self.silent_until.is_none() && self.left >= self.budget.limit / 2
    }

    /// Whether forgetting it would lose nothing.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.turn(now);
        self.in_flight == 0 && self.resets_at.is_none() && self.silent_until.is_none()
    }

    fn turn(&mut self, now: Instant) {
        if self.silent_until.is_some_and(|until| until <= now) {
            self.silent_until = None;
        }
        if self.resets_at.is_some_and(|end| end <= now) {
            self.resets_at = None;
            self.left = self.budget.limit;
        }
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

    #[test]
    fn a_reply_lowers_what_is_left_and_moves_the_reset() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        bucket.take(now);
        bucket.learn(
            now,
            &Quota {
                limit: Some(10),
                remaining: Some(0),
                reset: Some(7 * SECOND),
            },
        );
        bucket.release();
        assert_eq!(
            bucket.wait_until(now, Priority::Rollback),
            Some(now + 7 * SECOND)
        );
    }

    #[test]
    fn an_older_reply_of_the_same_window_raises_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        bucket.take(now);
        bucket.take(now);
        let seen = |remaining| Quota {
            limit: Some(10),
            remaining: Some(remaining),
            reset: Some(60 * SECOND),
        };
        bucket.learn(now, &seen(3));
        bucket.release();
        bucket.learn(now, &seen(9));
        bucket.release();
        assert_eq!(bucket.left, 3);
    }

    #[test]
    fn a_new_window_counts_what_is_still_in_flight() {
        let now = Instant::now();
        let mut bucket = Bucket::new(BUDGET);
        (0..5).for_each(|_| bucket.take(now));
        let later = now + 30 * SECOND;
        bucket.learn(
            later,
            &Quota {
                limit: Some(100),
                remaining: Some(99),
                reset: Some(60 * SECOND),
            },
        );
        assert_eq!(bucket.left, 95);
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
