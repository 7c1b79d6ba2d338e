//! Folds facts about where a customer stands: what begins, ends, holds it or lets it go on.

use policy::{CustomerId, Timestamp};

use super::Flaw;
use crate::fold::index::Rollout;
use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::fact::place::Whose;
use crate::model::fact::{
    CustomerDeferred, CustomerFact, CustomerHeld, CustomerStarted, Retried, RollbackRequested,
};
use crate::model::ids::RolloutId;
use crate::model::recovery::{Recovery, RecoveryState};
use crate::model::state::{
    CustomerState, CustomerStatus, Deferred, DeployState, Failure, GateState, HeldFrom, Hooks,
    PhaseState, RollbackState, ServiceState, Unanswered, VariablesState,
};

impl State {
    pub(super) fn apply_customer(
        &mut self,
        id: RolloutId,
        fact: &CustomerFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        if let CustomerFact::Retried(retried) = fact {
            self.apply_gate_retried(id, retried)?;
        }
        let Some(whose) = fact.whose() else {
            return Ok(());
        };
        self.change_customer(id, whose, |state| apply(state, fact, at))?;
        match fact {
            CustomerFact::CustomerStarted(_) | CustomerFact::RollbackRequested(_) => {
                self.own(id, whose.customer);
            }
            CustomerFact::Retried(_)
            | CustomerFact::CustomerHeld(_)
            | CustomerFact::CustomerReleased(_) => {
                self.rollout(id)?.reopen(whose.customer);
            }
            CustomerFact::CustomerHealthy(_)
            | CustomerFact::CustomerUnchanged(_)
            | CustomerFact::CustomerRolledBack(_)
            | CustomerFact::CustomerRollbackFailed(_)
            | CustomerFact::CustomerExcluded(_)
            | CustomerFact::CustomerSkipped(_)
            | CustomerFact::CustomerWaits(_)
            | CustomerFact::CustomerStalled(_)
            | CustomerFact::CustomerDeferred(_)
            | CustomerFact::CustomerWithdrawn(_)
            | CustomerFact::VariablesApplied(_) => {}
        }
        if fact.lets_go() {
            self.let_go(id, whose.customer, fact);
        }
        Ok(())
    }

    /// Folds a fact about a customer into its row. What Render gave no usable answer to stands until the next one.
    pub(super) fn change_customer(
        &mut self,
        id: RolloutId,
        whose: Whose<'_>,
        change: impl FnOnce(&mut CustomerState),
    ) -> Result<(), Flaw> {
        let rollout = self.rollout(id)?;
        rollout.change_customer(whose.customer, |state| {
            state.unanswered = None;
            change(state);
        });
        let phase = rollout.phase_index(whose.phase);
        self.touch(RowKey::customer(id, whose.customer));
        if phase.is_some() {
            self.touch(RowKey::phase(id, whose.phase));
            if let Some(batch) = whose.batch {
                self.touch(RowKey::batch(id, whose.phase, batch));
            }
        }
        Ok(())
    }

    /// A gate that was rejected is asked anew.
    fn apply_gate_retried(&mut self, id: RolloutId, fact: &Retried) -> Result<(), Flaw> {
        let rollout = self.rollout(id)?;
        let gate = fact.gate.as_ref().and_then(|gate| rollout.find_gate(gate));
        if let Some((gate, _)) = gate {
            let row = rollout.gates.entry(gate.clone()).or_default();
            let request = row.state.request().cloned();
            row.state = GateState::Open { request };
            self.touch(RowKey::gate(id, &gate));
        }
        Ok(())
    }
}

impl Rollout {
    /// Changes a customer, and counts the failures of its phase.
    fn change_customer(&mut self, customer: &CustomerId, change: impl FnOnce(&mut CustomerState)) {
        let Some(phase) = self.phase_of(customer) else {
            return;
        };
        let counted = |rollout: &Self| rollout.customer(customer).failure == Failure::Counts;
        let was_counted = counted(self);
        self.set_customer(customer, change);
        let is_counted = counted(self);
        let failures = &mut self.phases[phase].failures;
        match (was_counted, is_counted) {
            (false, true) => *failures += 1,
            (true, false) => *failures = failures.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
    }

    /// A retried or held customer opens its batch and its phase anew (R13, R18).
    fn reopen(&mut self, customer: &CustomerId) {
        let Some(phase) = self.phase_of(customer) else {
            return;
        };
        let row = &mut self.phases[phase];
        if row.state.is_through() {
            row.state = PhaseState::Running;
        }
        // A customer that was excluded before it started opens the batch it would have gone in.
        let Some(batch) = self.batch_of(customer) else {
            return;
        };
        if self
            .batches
            .get(&(phase, batch))
            .is_some_and(|row| row.settled_at.is_some())
        {
            self.set_batch(phase, batch, |row| row.settled_at = None);
            self.phases[phase].delay = None;
        }
    }
}

fn apply(state: &mut CustomerState, fact: &CustomerFact, at: Timestamp) {
    match fact {
        CustomerFact::CustomerStarted(fact) => start(state, fact, at),
        CustomerFact::CustomerHealthy(_) => {
            state.stands(CustomerStatus::Healthy(at), at);
            state.reason = None;
        }
        CustomerFact::RollbackRequested(fact) => go_back(state, fact, at),
        CustomerFact::VariablesApplied(_) => state.stands(CustomerStatus::Applied, at),
        CustomerFact::CustomerUnchanged(fact) => {
            state.ends(CustomerStatus::Unchanged, fact.reason.as_ref(), at);
        }
        CustomerFact::CustomerRolledBack(fact) => {
            state.ends(CustomerStatus::RolledBack, fact.reason.as_ref(), at);
        }
        CustomerFact::CustomerRollbackFailed(fact) => {
            state.ends(CustomerStatus::RollbackFailed, fact.reason.as_ref(), at);
        }
        CustomerFact::CustomerExcluded(fact) => {
            state.ends(CustomerStatus::Excluded, Some(&fact.reason), at);
        }
        CustomerFact::CustomerSkipped(fact) => {
            state.failure.pass();
            state.ends(CustomerStatus::Skipped, fact.reason.as_ref(), at);
        }
        CustomerFact::CustomerWithdrawn(fact) => {
            state.failure.pass();
            state.ends(CustomerStatus::Withdrawing, Some(&fact.reason), at);
        }
        CustomerFact::CustomerHeld(fact) => hold(state, fact, at),
        CustomerFact::CustomerReleased(_) => {
            let status = release(state);
            // On the way back it stays failed.
            if status != CustomerStatus::Backward {
                state.failure.pass();
            }
            state.stands(status, at);
            state.reason = None;
        }
        CustomerFact::CustomerDeferred(fact) => {
            state.deferral = Some(put_off(fact, at));
        }
        CustomerFact::Retried(_) => {
            begin_anew(state);
            state.stands(CustomerStatus::Waiting, at);
            state.reason = None;
        }
        CustomerFact::CustomerWaits(fact) => {
            state.unanswered = Some(Unanswered {
                reason: fact.reason.clone(),
                since: at,
                again_at: fact.until,
            });
        }
        CustomerFact::CustomerStalled(fact) => {
            state.unanswered = Some(Unanswered {
                reason: fact.reason.clone(),
                since: fact.since,
                again_at: fact.until,
            });
        }
    }
}

impl CustomerState {
    fn stands(&mut self, status: CustomerStatus, at: Timestamp) {
        self.enter(status);
        self.since = Some(at);
    }

    /// It stands where it stands for a reason; without one, for the reason of before.
    fn ends(&mut self, status: CustomerStatus, reason: Option<&String>, at: Timestamp) {
        self.stands(status, at);
        if let Some(reason) = reason {
            self.reason = Some(reason.clone());
        }
    }

    /// The release has failed here: what went live is taken back.
    pub(super) fn fails(&mut self, reason: Option<&String>, at: Timestamp) {
        self.failure = Failure::Counts;
        self.reason = reason.cloned();
        self.stands(CustomerStatus::Backward, at);
    }
}

fn start(state: &mut CustomerState, fact: &CustomerStarted, at: Timestamp) {
    state.batch = fact.place.batch;
    state.started_at = Some(at);
    state.first_started_at.get_or_insert(at);
    state.forget_reached();
    state.forced = false;
    for (role, baseline) in &fact.services {
        let service = state.services.entry(role.clone()).or_default();
        service.baseline.get_or_insert_with(|| baseline.clone());
    }
    state.stands(CustomerStatus::Forward, at);
    state.reason = None;
}

fn put_off(fact: &CustomerDeferred, at: Timestamp) -> Deferred {
    Deferred {
        first: fact.first,
        times: fact.times,
        until: Some(fact.until),
        since: at,
        by: fact.actor.clone(),
        reason: fact.reason.clone(),
    }
}

/// With its data, or without: then a recovery that has changed nothing yet is over.
fn go_back(state: &mut CustomerState, fact: &RollbackRequested, at: Timestamp) {
    if let Some(to) = fact.to {
        // Only an operation goes forward to a version, and that is over when its data is wanted.
        state.take_back_with(Recovery::wanted(fact.database.clone(), to), None);
    } else {
        let redirected = state.is_redirected();
        state.recovery = (state.recovery.take())
            .filter(|recovery| recovery.is_done() || recovery.is_open() || redirected);
    }
    // Taken back because others failed, it is retried with them; by a person's word it is no failure (R11).
    if fact.actor.is_none() && state.failure == Failure::None {
        state.failure = Failure::Past;
    }
    if fact.force {
        state.force();
    }
    state.ends(CustomerStatus::Backward, Some(&fact.reason), at);
}

/// A person must decide about it, and perhaps about deploys that this journal did not ask for.
fn hold(state: &mut CustomerState, fact: &CustomerHeld, at: Timestamp) {
    state.unknown.clone_from(&fact.unknown);
    let from = fact.from.unwrap_or(match state.status {
        CustomerStatus::Forward => HeldFrom::Forward,
        CustomerStatus::Healthy(_) => HeldFrom::Healthy,
        CustomerStatus::Backward => HeldFrom::Backward,
        CustomerStatus::Waiting
        | CustomerStatus::Withdrawing
        | CustomerStatus::Held { .. }
        | CustomerStatus::Unchanged
        | CustomerStatus::RolledBack
        | CustomerStatus::RollbackFailed
        | CustomerStatus::Applied
        | CustomerStatus::Excluded
        | CustomerStatus::Skipped => HeldFrom::Waiting,
    });
    if let Some(role) = &fact.service {
        let service = state.services.entry(role.clone()).or_default();
        // Replaced while it was watched: the deploy we put there is no longer live.
        if let (DeployState::Passed { deploy, .. }, true) = (&service.deploy, fact.replaced) {
            service.deploy = DeployState::Lost {
                deploy: deploy.clone(),
            };
        }
    }
    state.ends(CustomerStatus::Held { from }, Some(&fact.reason), at);
}

/// A held customer goes on with a new attempt at what was lost.
fn release(state: &mut CustomerState) -> CustomerStatus {
    let CustomerStatus::Held { from } = state.status else {
        return state.status.clone();
    };
    let decided = std::mem::take(&mut state.unknown);
    state.accepted.extend(decided);
    for service in state.services.values_mut() {
        if matches!(
            service.deploy,
            DeployState::Lost { .. } | DeployState::Ended
        ) {
            service.deploy = DeployState::None;
        }
        if service.rollback == RollbackState::Ended {
            service.rollback = RollbackState::None;
        }
        if service.rollback == RollbackState::None {
            service.target_gone = false;
        }
    }
    match state.recovery.as_mut().map(|recovery| &mut recovery.state) {
        Some(state @ RecoveryState::Failed) => *state = RecoveryState::Wanted,
        // Where no variable named the old database, they are read once more.
        Some(RecoveryState::Live { .. }) => {
            for service in state.services.values_mut() {
                let named = service.redirected_keys().is_some();
                service.connections = service.connections.take().filter(|_| named);
            }
        }
        _ => {}
    }
    for hooks in [
        &mut state.hooks.before,
        &mut state.hooks.after,
        &mut state.hooks.on_rollback,
        &mut state.hooks.restore_database,
    ] {
        hooks.begun = false;
    }
    match from {
        HeldFrom::Waiting => CustomerStatus::Waiting,
        HeldFrom::Forward | HeldFrom::Healthy => CustomerStatus::Forward,
        HeldFrom::Backward => CustomerStatus::Backward,
        HeldFrom::Withdrawing => CustomerStatus::Withdrawing,
    }
}

/// A retry begins with a new attempt; what is still ours at Render stays known.
fn begin_anew(state: &mut CustomerState) {
    if let Some(deferral) = &mut state.deferral {
        deferral.until = None;
    }
    state.past_failures += u32::from(state.failure != Failure::None);
    state.failure = Failure::None;
    state.forget_reached();
    state.started_at = None;
    state.hooks = Hooks::default();
    for service in state.services.values_mut() {
        let tidy = matches!(
            service.variables,
            VariablesState::Untouched | VariablesState::Restored
        );
        let returned = service.rollback.is_live();
        let kept = (service.deploy.went_live() && !returned) || !tidy;
        *service = ServiceState {
            attempt: service.attempt,
            rollback_attempt: service.rollback_attempt,
            auto_deploy: service.auto_deploy,
            baseline: service.baseline.take().filter(|_| kept),
            backup: if tidy { None } else { service.backup.take() },
            variables: if tidy {
                VariablesState::Untouched
            } else {
                VariablesState::Intended
            },
            ..ServiceState::default()
        };
    }
}

impl Notes<'_> {
    /// What is known of a customer counts for as long as it goes on as before.
    pub(in crate::fold) fn note_customer_fact(&mut self, id: RolloutId, fact: &CustomerFact) {
        if let CustomerFact::Retried(retried) = fact {
            self.note_gate_retried(id, retried);
        }
        let Some(whose) = fact.whose() else { return };
        self.note_whose(id, whose);
        let place = self
            .state
            .find(id)
            .and_then(|rollout| rollout.position(whose.customer));
        let Some(place) = place else { return };
        let scratch = self.in_flight.scratch_of(id, place);
        match fact {
            CustomerFact::CustomerHealthy(_) => {
                scratch.reset();
                // Found healthy by this very process, it need not be seen healthy again (R17).
                self.in_flight.confirmed.insert((id, place));
            }
            CustomerFact::CustomerHeld(held) => {
                scratch.reset();
                self.in_flight.met_another |= !held.unknown.is_empty();
            }
            CustomerFact::CustomerStarted(_)
            | CustomerFact::CustomerReleased(_)
            | CustomerFact::RollbackRequested(_)
            | CustomerFact::Retried(_) => scratch.reset(),
            CustomerFact::CustomerUnchanged(_)
            | CustomerFact::CustomerRolledBack(_)
            | CustomerFact::CustomerRollbackFailed(_)
            | CustomerFact::CustomerExcluded(_)
            | CustomerFact::CustomerSkipped(_)
            | CustomerFact::CustomerWaits(_)
            | CustomerFact::CustomerStalled(_)
            | CustomerFact::CustomerDeferred(_)
            | CustomerFact::CustomerWithdrawn(_)
            | CustomerFact::VariablesApplied(_) => {}
        }
        if fact.lets_go() {
            let others = self.state.open();
            let others = others
                .filter_map(|(other, rollout)| Some((*other, rollout.position(whose.customer)?)));
            for (other, place) in others {
                self.in_flight.unblock(other, place);
            }
        }
    }

    /// Whatever a gate says, those behind it are looked at again, and the gate itself.
    fn note_gate_retried(&mut self, id: RolloutId, fact: &Retried) {
        self.judge_again(id);
        let phase = self.note_phase_of(id, &fact.place.phase);
        let Some(gate) = &fact.gate else { return };
        if let Some(phase) = phase {
            self.in_flight.unblock_phase(id, phase);
        }
        let rollout = self.state.find(id);
        if let Some((gate, _)) = rollout.and_then(|rollout| rollout.find_gate(gate)) {
            self.in_flight.dirty_gates.insert((id, gate));
        }
    }
}
