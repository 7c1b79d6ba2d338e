//! Folds how rollouts and operations are asked for, begin, go on and end.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::plan::Plan;
use policy::{PersonId, Release, Timestamp};

use super::{Flaw, sound};
use crate::fold::index::Rollout;
use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::fact::{OperationStarted, Replanned, RolloutFact, RolloutQueued, RolloutStarted};
use crate::model::ids::RolloutId;
use crate::model::state::{Outcome, PhaseState, Queued, RolloutRow, RolloutState};

impl State {
    pub(super) fn apply_rollout(
        &mut self,
        id: RolloutId,
        fact: &RolloutFact,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        match fact {
            RolloutFact::RolloutQueued(fact) => self.apply_queued(id, fact, at),
            RolloutFact::RolloutStarted(fact) => self.apply_started(id, fact, at)?,
            RolloutFact::OperationStarted(fact) => self.apply_operation(id, fact, at)?,
            RolloutFact::Replanned(fact) => self.apply_replanned(id, fact)?,
            RolloutFact::RolloutDraining(fact) => {
                let row = &mut self.rollout(id)?.row;
                row.state.drain(fact.to, at);
                row.sweep = fact.sweep.clone().or_else(|| row.sweep.take());
            }
            RolloutFact::RolloutHalted(fact) => {
                let row = &mut self.rollout(id)?.row;
                row.state = RolloutState::Halted {
                    since: at,
                    reason: fact.reason.clone(),
                };
                row.sweep = None;
            }
            RolloutFact::RolloutResumed(_) => {
                let row = &mut self.rollout(id)?.row;
                row.state = RolloutState::Running;
                row.sweep = None;
            }
            RolloutFact::RolloutSucceeded(fact) => self.apply_end(id, fact.outcome, at)?,
            RolloutFact::RolloutAborted(fact) => self.apply_end(id, fact.outcome, at)?,
            RolloutFact::RolloutSuperseded(fact) => self.apply_end(id, fact.outcome, at)?,
            RolloutFact::OperationEnded(fact) => self.apply_end(id, fact.outcome, at)?,
        }
        Ok(())
    }

    fn apply_queued(&mut self, id: RolloutId, fact: &RolloutQueued, at: Timestamp) {
        self.count(id);
        self.apply_running(id, &fact.running, fact.newest.as_ref(), at);
        let release = &fact.input.release;
        let asked = Box::new(Queued {
            input: (*fact.input).clone(),
            conflict: fact.conflict,
        });
        let row = RolloutRow {
            scope: fact.scope.clone(),
            clear_cache: fact.clear_cache,
            deploy_timeout_ms: fact.deploy_timeout_ms,
            replaces: fact.replaces.clone().unwrap_or_default(),
            history: fact.history.clone().unwrap_or_default(),
            ..new_row(&fact.actor, at, release, RolloutState::Queued(asked))
        };
        self.rollouts.insert(id, Rollout::queued(row));
        self.touch(RowKey::rollout(id));
    }

    fn apply_started(
        &mut self,
        id: RolloutId,
        fact: &RolloutStarted,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        sound(&fact.plan)?;
        if let Some(running) = &fact.running {
            self.apply_running(id, running, fact.newest.as_ref(), at);
        }
        let release = &fact.plan.release;
        let asked = || RolloutRow {
            scope: fact.scope.clone().unwrap_or_default(),
            clear_cache: fact.clear_cache.unwrap_or(false),
            deploy_timeout_ms: fact.deploy_timeout_ms.and_then(|ms| ms.0),
            history: fact.history.clone().unwrap_or_default(),
            ..new_row(&fact.actor, at, release, RolloutState::Running)
        };
        let queued = self.rollouts.remove(&id);
        let (row, recalled) = match queued {
            Some(queued) => (queued.row, queued.recalled),
            None => (asked(), Vec::new()),
        };
        let mut rollout = begun(row, &fact.plan, at);
        rollout.recalled = recalled;
        self.enter(id, rollout);
        Ok(())
    }

    fn apply_operation(
        &mut self,
        id: RolloutId,
        fact: &OperationStarted,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        sound(&fact.plan)?;
        if let Some(running) = &fact.running {
            self.apply_running(id, running, None, at);
        }
        let row = RolloutRow {
            operation: fact.verb,
            ..new_row(&fact.actor, at, &fact.plan.release, RolloutState::Running)
        };
        let mut rollout = begun(row, &fact.plan, at);
        // An operation has no phase to wait for: all are under way at once.
        for phase in &mut rollout.phases {
            phase.state = PhaseState::Running;
            phase.started_at = Some(at);
        }
        if let Some(customer) = &fact.customer {
            if let Some(state) = &fact.unit {
                rollout.set_customer(customer, |fresh| fresh.clone_from(state));
                self.fleet.entry(customer.clone()).or_default().owner = Some(id);
                self.touch(RowKey::fleet(customer));
            }
            if rollout.phase_of(customer).is_some() {
                rollout.set_customer(customer, |state| {
                    state.unanswered = None;
                    if let Some(role) = &fact.service {
                        state.services.entry(role.clone()).or_default();
                    }
                });
            }
            self.touch(RowKey::customer(id, customer));
        }
        self.enter(id, rollout);
        Ok(())
    }

    /// Takes in what has begun, with all of its rows.
    fn enter(&mut self, id: RolloutId, rollout: Rollout) {
        self.count(id);
        self.touch(RowKey::rollout(id));
        self.touch(RowKey::plan(id));
        for phase in &rollout.plan.phases {
            self.touched.insert(RowKey::phase(id, &phase.policy.name));
        }
        self.rollouts.insert(id, rollout);
    }

    fn apply_replanned(&mut self, id: RolloutId, fact: &Replanned) -> Result<(), Flaw> {
        sound(&fact.plan)?;
        let rollout = self.rollout(id)?;
        let mut rows = rollout.plan_rows(id);
        rollout.replan(Arc::new((*fact.plan).clone()));
        rows.extend(rollout.plan_rows(id));
        self.touched.extend(rows);
        Ok(())
    }

    fn apply_end(&mut self, id: RolloutId, outcome: Outcome, at: Timestamp) -> Result<(), Flaw> {
        self.rollout(id)?.row.state.end(at, outcome);
        Ok(())
    }

    fn count(&mut self, id: RolloutId) {
        match id {
            RolloutId::Rollout(n) => self.product.rollouts = self.product.rollouts.max(n),
            RolloutId::Operation(n) => self.product.operations = self.product.operations.max(n),
        }
    }
}

/// Whatever was asked for begins with its plan.
fn begun(row: RolloutRow, plan: &Plan, at: Timestamp) -> Rollout {
    let row = RolloutRow {
        started_at: Some(at),
        version: plan.release.version.clone(),
        commit: plan.release.commit.clone(),
        state: RolloutState::Running,
        ..row
    };
    Rollout::new(row, Arc::new(plan.clone()))
}

fn new_row(
    starter: &PersonId,
    at: Timestamp,
    release: &Release,
    state: RolloutState,
) -> RolloutRow {
    RolloutRow {
        starter: starter.clone(),
        requested_at: at,
        started_at: None,
        version: release.version.clone(),
        commit: release.commit.clone(),
        state,
        paused: None,
        held_as_moved: false,
        takes_over: false,
        sweep: None,
        overrides: BTreeMap::new(),
        lifts: Vec::new(),
        hands: BTreeMap::new(),
        scope: policy::PlanScope::default(),
        clear_cache: false,
        deploy_timeout_ms: None,
        operation: None,
        replaces: Vec::new(),
        history: policy::plan::History::default(),
    }
}

impl Notes<'_> {
    pub(in crate::fold) fn note_rollout(&mut self, id: RolloutId, fact: &RolloutFact) {
        self.judge_again(id);
        match fact {
            RolloutFact::RolloutStarted(_) | RolloutFact::Replanned(_) => self.wake_rollout(id),
            RolloutFact::OperationStarted(fact) => {
                if let Some(customer) = &fact.customer {
                    self.note_customer(id, customer);
                }
                self.wake_rollout(id);
            }
            RolloutFact::RolloutSucceeded(_) | RolloutFact::RolloutSuperseded(_) => {
                self.wake_rollout(id);
                self.in_flight.queued_dirty = true;
            }
            RolloutFact::RolloutAborted(_) => {
                match id {
                    RolloutId::Rollout(_) => self.wake_rollout(id),
                    // What it still watched is free for others.
                    RolloutId::Operation(_) => self.wake_everybody(),
                }
                self.in_flight.queued_dirty = true;
            }
            RolloutFact::OperationEnded(_) => {
                self.in_flight.queued_dirty = true;
                self.wake_everybody();
            }
            RolloutFact::RolloutQueued(_)
            | RolloutFact::RolloutDraining(_)
            | RolloutFact::RolloutHalted(_)
            | RolloutFact::RolloutResumed(_) => {}
        }
    }
}
