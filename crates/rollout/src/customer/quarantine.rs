//! One customer's broken invariant is that customer's alone: it is held for a person, and everything else goes on.
//!
//! Where the core itself finds a customer in an impossible state, it calls [`Product::quarantine`]. Where it panics, the
//! shell asks [`Product::busy_with`] whose turn it was, throws the state away, and tells the one that it has loaded anew with
//! [`Notice::Quarantined`](crate::Notice::Quarantined).

use policy::CustomerId;

use crate::fold::in_flight::Slot;
use crate::fold::index::Position;
use crate::model::ids::RolloutId;
use crate::model::state::CustomerStatus;
use crate::product::Product;

impl Product {
    /// Whom the core was busy with when a step broke off. After a panic this is all that may be asked of a state.
    pub fn busy_with(&self) -> Option<(RolloutId, CustomerId)> {
        let (id, position) = self.busy?;
        let phase = self.state.find(id)?.plan.phases.get(position.phase)?;
        Some((id, phase.customers.get(position.index)?.clone()))
    }

    /// Whether a customer has something before it that holding would keep from happening.
    pub fn can_quarantine(&self, rollout: RolloutId, customer: &CustomerId) -> bool {
        let position = self.position_of(rollout, customer);
        position.is_some_and(|position| self.has_more_to_do(rollout, position))
    }

    /// Does something for one customer; if it panics, [`Product::busy_with`] says whom it was for.
    pub(crate) fn about<T>(
        &mut self,
        id: RolloutId,
        position: Position,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.busy.replace((id, position));
        let done = work(self);
        self.busy = before;
        done
    }

    /// The shell has caught a panic, or an executor has lost a command.
    pub(crate) fn quarantine_named(
        &mut self,
        rollout: RolloutId,
        customer: &CustomerId,
        what: &str,
    ) {
        if let Some(position) = self.position_of(rollout, customer) {
            self.quarantine(rollout, position, what);
        }
    }

    /// Holds a customer whose state is impossible. What was asked for it and may have left is looked up before anything else
    /// when a person lets it go on; it is never sent again unseen (R16). `false`: it has nothing before it, and holding it
    /// would not help.
    pub(crate) fn quarantine(&mut self, id: RolloutId, position: Position, what: &str) -> bool {
        if !self.has_more_to_do(id, position) {
            return false;
        }
        self.in_flight.scratch.remove(&(id, position));
        self.unwant(id, position, Slot::Preflight);
        self.in_flight.preparing.remove(&(id, position));
        self.begin_anew(id, position, "the request was out when an invariant broke");
        let reason = format!("something impossible was found about it: {what}");
        let held = self.ask(id, position, |ctx| ctx.held(None, reason));
        self.emit_in(id, held.expect("the customer is planned"));
        true
    }

    fn position_of(&self, rollout: RolloutId, customer: &CustomerId) -> Option<Position> {
        self.state.find(rollout)?.position(customer)
    }

    fn has_more_to_do(&self, id: RolloutId, position: Position) -> bool {
        let Some(rollout) = self.state.find(id).filter(|rollout| !rollout.is_ended()) else {
            return false;
        };
        match rollout.state_at(position).status {
            CustomerStatus::Waiting
            | CustomerStatus::Forward
            | CustomerStatus::Healthy(_)
            | CustomerStatus::Backward
            | CustomerStatus::Withdrawing => true,
            CustomerStatus::Held { .. }
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::RollbackFailed
            | CustomerStatus::Excluded
            | CustomerStatus::Applied
            | CustomerStatus::Skipped => false,
        }
    }
}
