//! How long to wait before asking again, alone and among many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

/// Backoff that grow, a little irregular so that those who began together do not stay together.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
    growth: f64,
}

impl Backoff {
    pub(super) fn new(from: Duration, to: Duration, growth: f64) -> Self {
        Self {
            next: from,
            most: to.max(from),
            growth,
        }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.mul_f64(self.growth).min(self.most);
        pause.mul_f64(0.9 + fastrand::f64() / 5.0).min(self.most)
    }
}

/// A part of the budget for reads, divided evenly among whoever has joined (T21).
#[derive(Clone, Debug)]
pub(super) struct PollBudget {
    members: Arc<AtomicU32>,
    a_minute: u32,
}

/// One of those who divide a share.
#[derive(Debug)]
pub(super) struct Member(PollBudget);

impl PollBudget {
    pub(super) fn new(a_minute: u32) -> Self {
        Self {
            members: Arc::default(),
            a_minute: a_minute.max(1),
        }
    }

    pub(super) fn join(&self) -> Member {
        self.members.fetch_add(1, Ordering::Relaxed);
        Member(self.clone())
    }
}

impl Member {
    /// How often each member may read at present.
    pub(super) fn period(&self) -> Duration {
        MINUTE * self.0.members.load(Ordering::Relaxed) / self.0.a_minute
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.members.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut pauses = Backoff::new(Duration::from_secs(3), Duration::from_secs(15), 1.2);
        let first = pauses.next();
        assert!(first >= Duration::from_millis(2_700) && first <= Duration::from_millis(3_300));
        let last = (0..20).map(|_| pauses.next()).last();
        assert!(last.is_some_and(|last| last >= Duration::from_millis(13_500)));
        assert!(last <= Some(Duration::from_secs(15)));
    }

    #[test]
    fn the_more_there_are_the_less_often_each_may_read() {
        let share = PollBudget::new(60);
        let members: Vec<Member> = (0..30).map(|_| share.join()).collect();
        assert_eq!(members[0].period(), Duration::from_secs(30));
        let alone = share.join();
        drop(members);
        assert_eq!(alone.period(), Duration::from_secs(1));
    }
}
