//! What has settled, and since when?

use policy::{CustomerId, Timestamp};

use crate::fold::index::Rollout;
use crate::model::state::{BatchRow, CustomerStatus, PhaseState};

impl Rollout {
    /// When a begun batch settles: `None` while somebody in it waits, works or is held.
    pub(crate) fn batch_settles_at(&self, phase: usize, batch: u32) -> Option<Timestamp> {
        let waits = !self.is_dynamic(phase) && self.waiting_in(phase, batch).next().is_some();
        let works = self
            .open
            .get(&(phase, batch))
            .is_some_and(|open| !open.is_empty());
        if waits || works {
            return None;
        }
        let watched = self
            .settling
            .get(&(phase, batch))
            .and_then(|watched| watched.last());
        Some(watched.map_or(Timestamp::MIN_UTC, |(until, _)| *until))
    }

    /// Changes a batch's row.
    pub(crate) fn set_batch(
        &mut self,
        phase: usize,
        batch: u32,
        change: impl FnOnce(&mut BatchRow),
    ) {
        let row = self.batches.entry((phase, batch)).or_default();
        change(row);
        match row.settled_at {
            None => self.unsettled.insert((phase, batch)),
            Some(_) => self.unsettled.remove(&(phase, batch)),
        };
    }

    /// Begun batches of a phase that have not settled.
    pub(crate) fn unsettled(&self, phase: usize) -> impl Iterator<Item = u32> {
        self.unsettled
            .range((phase, 0)..=(phase, u32::MAX))
            .map(|(_, batch)| *batch)
    }

    /// Whether the phase has settled.
    pub(crate) fn is_settled(&self, phase: usize) -> bool {
        matches!(self.phases[phase].state, PhaseState::Settled { .. })
    }

    /// Whether a healthy customer is still watched (R11).
    pub(crate) fn is_watched(&self, customer: &CustomerId) -> bool {
        let settled = self
            .phase_of(customer)
            .is_none_or(|phase| self.is_settled(phase));
        self.customer(customer).status.is_healthy() && !settled && !self.is_ended()
    }

    /// When the last healthy customer has been watched for as long as its policy says.
    pub(crate) fn watched_until(&self) -> Option<Timestamp> {
        let healthy = self.healthy.iter();
        let ends =
            healthy.filter_map(|(phase, _, place)| self.settles_at(self.at_place(*phase, *place)));
        ends.max()
    }

    /// When a healthy customer settles; for one that is over, long ago.
    pub(crate) fn settles_at(&self, customer: &CustomerId) -> Option<Timestamp> {
        let state = self.customer(customer);
        match state.status {
            CustomerStatus::Healthy(at) => {
                let phase = self.phase_of(customer)?;
                let watch = self.plan.phases[phase].policy.watch.to_delta();
                Some(at + watch)
            }
            CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => Some(Timestamp::MIN_UTC),
            CustomerStatus::Waiting
            | CustomerStatus::Forward
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing
            | CustomerStatus::Held { .. } => None,
        }
    }
}
