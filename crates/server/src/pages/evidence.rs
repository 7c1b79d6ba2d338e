//! How has the release done so far? What somebody who is asked for an approval wants to know.

use chrono::TimeDelta;
use policy::Timestamp;
use rollout::standing::CustomerStanding;
use rollout::view::RolloutView;

use super::time::lasting;
use super::words::{Badge, Tone};

/// What a rollout has shown.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// All phases together.
    pub(crate) whole: Shown,
    /// Those that have begun.
    pub(crate) phases: Vec<Shown>,
}

/// What one phase, or all of them, have shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Which phase.
    pub(crate) name: String,
    /// Customers of it.
    pub(crate) planned: usize,
    /// Customers on the release, and well.
    pub(crate) healthy: usize,
    /// So long they have been well, together.
    pub(crate) hours: String,
    /// So long the first of them has been well.
    pub(crate) longest: Option<String>,
    /// Customers that failed, whatever became of them.
    pub(crate) failed: usize,
    /// Customers of those that are back on what ran before.
    pub(crate) rolled_back: usize,
    together: i64,
    longest_ms: i64,
}

impl Evidence {
    /// Of a rollout at an instant.
    pub(crate) fn of(run: &RolloutView, now: Timestamp) -> Self {
        let mut whole = Shown::default();
        let mut phases = Vec::new();
        for phase in &run.phases {
            let mut shown = Shown {
                name: phase.name.to_string(),
                ..Shown::default()
            };
            for one in run.customers.iter().filter(|one| one.phase == phase.name) {
                let since = one.since.map_or(TimeDelta::zero(), |since| now - since);
                shown.count(one.state, since);
            }
            whole.add(&shown);
            shown.finish();
            if phase.started_at.is_some() {
                phases.push(shown);
            }
        }
        whole.finish();
        Self { whole, phases }
    }
}

impl Shown {
    fn count(&mut self, state: CustomerStanding, since: TimeDelta) {
        self.planned += 1;
        match state {
            CustomerStanding::Healthy => {
                self.healthy += 1;
                let well = since.num_milliseconds().max(0);
                self.together += well;
                self.longest_ms = self.longest_ms.max(well);
            }
            CustomerStanding::RolledBack => {
                self.failed += 1;
                self.rolled_back += 1;
            }
            CustomerStanding::Unchanged
            | CustomerStanding::RollingBack
            | CustomerStanding::RollbackFailed => self.failed += 1,
            CustomerStanding::Waiting
            | CustomerStanding::UnderWay
            | CustomerStanding::BeingWithdrawn
            | CustomerStanding::Held
            | CustomerStanding::Prepared
            | CustomerStanding::Excluded
            | CustomerStanding::Skipped => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.healthy += other.healthy;
        self.failed += other.failed;
        self.rolled_back += other.rolled_back;
        self.together += other.together;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    fn finish(&mut self) {
        let hours = self.together / 3_600_000;
        self.hours = format!("{hours} h");
        self.longest =
            (self.healthy > 0).then(|| lasting(TimeDelta::milliseconds(self.longest_ms)));
    }

    /// The failures, as a badge: none is good news too.
    pub(crate) fn badge(&self) -> Badge {
        match (self.healthy, self.failed) {
            (0, 0) => Badge::new(Tone::Idle, "nothing to tell yet"),
            (_, 0) => Badge::new(Tone::Good, "no failures"),
            (_, 1) => Badge::new(Tone::Bad, "1 failure"),
            (_, more) => Badge::new(Tone::Bad, format!("{more} failures")),
        }
    }
}
