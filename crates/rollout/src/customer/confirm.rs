//! After downtime: is everybody before still healthy, so that overdue work may start (R17)?
//!
//! Whoever is found ill while still watched is rolled back like any other (R11), whoever was replaced is held (R18). Beyond
//! the watch nobody is rolled back without a person: the hold names the customer, and is over with the first cycle that
//! passes. Whoever runs somebody else's deploy by then is not on the release any more, and is not asked.

use policy::CustomerId;

use crate::customer::{answer, next, record};
use crate::fold::in_flight::Slot;
use crate::fold::index::{Position, Rollout};
use crate::fold::scratch::Unfit;
use crate::fold::timers::TimerKey;
use crate::model::command::{CommandKind, Outcome};
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::product::Product;

impl Product {
    /// Customers still on the release in the batch before that this process has not seen healthy (R17).
    pub(crate) fn unseen(&self, id: RolloutId, phase: usize) -> Vec<Position> {
        if !self.in_flight.resumed.contains(&id) {
            return Vec::new();
        }
        let rollout = &self.state.rollouts[&id];
        rollout
            .before(phase)
            .into_iter()
            .filter_map(|customer| rollout.position(&customer))
            .filter(|position| !self.in_flight.confirmed.contains(&(id, *position)))
            .collect()
    }

    /// After a restart, the customers still on the release in the batch before must be seen healthy once (R17).
    pub(crate) fn confirm_before(&mut self, id: RolloutId, phase: usize) -> bool {
        let unseen = self.unseen(id, phase);
        for position in &unseen {
            if self
                .unfit(id, *position)
                .is_some_and(|unfit| unfit.again_at > self.at)
            {
                continue;
            }
            self.about(id, *position, |product| {
                let kind = product.ask(id, *position, |ctx| CommandKind::Confirm {
                    probed: next::probed_all(ctx),
                    profile: ctx.profile().clone(),
                });
                if let Some(kind) = kind {
                    product.want(id, *position, Slot::Confirm, kind);
                }
            });
        }
        unseen.is_empty()
    }

    /// What is known of a customer that was asked and not found healthy.
    pub(crate) fn unfit(&self, id: RolloutId, position: Position) -> Option<&Unfit> {
        self.in_flight.scratch.get(&(id, position))?.unfit.as_ref()
    }

    /// Takes the answer to the question whether a customer is still healthy.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the question has two answers of its own; any other is told to a person"
    )]
    pub(crate) fn record_confirm(&mut self, id: RolloutId, position: Position, outcome: &Outcome) {
        let is_watched = self.state.find(id).is_some_and(|rollout| {
            let customer = rollout.at(position);
            rollout.is_watched(customer)
        });
        let reason = match outcome {
            Outcome::Judged { verdict, .. } if verdict.healthy => {
                self.confirmed(id, position);
                return;
            }
            Outcome::Judged { .. } | Outcome::Replaced { .. } | Outcome::Gone { .. }
                if is_watched =>
            {
                self.record_watch(id, position, outcome);
                return;
            }
            Outcome::Replaced { .. } | Outcome::Gone { .. } => {
                self.confirmed(id, position);
                return;
            }
            Outcome::Judged { verdict, .. } => record::health::reason_of(verdict),
            other => answer::say(other),
        };
        let every = self.ask(id, position, |ctx| ctx.profile().every.to_delta());
        let Some(every) = every else { return };
        let again_at = self.at + every;
        let since = self
            .unfit(id, position)
            .map_or(self.at, |unfit| unfit.since);
        self.in_flight.scratch_of(id, position).unfit = Some(Unfit {
            reason,
            since,
            again_at,
        });
        self.in_flight
            .set_timer(TimerKey::Position(id, position), Some(again_at));
    }

    fn confirmed(&mut self, id: RolloutId, position: Position) {
        self.in_flight.confirmed.insert((id, position));
        if let Some(scratch) = self.in_flight.scratch.get_mut(&(id, position)) {
            scratch.unfit = None;
        }
    }

    /// Who must be seen healthy first, and what a person can do if they are not.
    pub(crate) fn confirm_hold(
        &self,
        id: RolloutId,
        rollout: &Rollout,
        phase: usize,
    ) -> Option<Hold> {
        let unseen = self.unseen(id, phase);
        let name = |position: &Position| rollout.at(*position);
        let ill = unseen
            .iter()
            .find_map(|position| Some((name(position), self.unfit(id, *position)?)));
        if let Some((customer, unfit)) = ill {
            let text = format!(
                "after the restart, {customer} must be seen healthy first, and is not: {}",
                unfit.reason
            );
            let hold =
                Hold::new(HoldKind::Confirm, HoldOwner::Operators, text).since(Some(unfit.since));
            return Some(hold.way_out(Offer::rollback(customer)));
        }
        let names: Vec<&str> = unseen
            .iter()
            .map(|position| name(position).as_str())
            .collect();
        (!names.is_empty()).then(|| {
            let text = format!(
                "after the restart, {} must be seen healthy first",
                names.join(", ")
            );
            Hold::new(HoldKind::Confirm, HoldOwner::BatchBefore, text)
        })
    }
}

impl Rollout {
    /// The healthy customers of the batch before, or of the last batches of the phases before.
    pub(crate) fn before(&self, phase: usize) -> Vec<CustomerId> {
        let turn = self
            .turn(phase)
            .unwrap_or(self.phases[phase].batches_begun + 1);
        if turn > 1 {
            return self.healthy_in(phase, turn - 1).cloned().collect();
        }
        let phases = self.plan.phases[phase].after.iter();
        phases
            .flat_map(|before| self.healthy_in(*before, self.phases[*before].batches_begun))
            .cloned()
            .collect()
    }
}
