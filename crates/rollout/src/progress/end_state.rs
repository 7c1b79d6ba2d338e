//! Judges and ends rollouts: halt, the way back of healthy customers, the end states (R12), and the next in the queue (R14).

use policy::rules::OnFailure;
use policy::{CustomerId, Timestamp};

use crate::fold::index::{Position, Rollout};
use crate::fold::state::State;
use crate::model::fact::{
    CustomerWithdrawn, Fact, OperationEnded, RolloutAborted, RolloutDraining, RolloutHalted,
    RolloutResumed, RolloutSucceeded, RolloutSuperseded,
};
use crate::model::ids::{GateId, RolloutId};
use crate::model::state::{
    CustomerState, CustomerStatus, DrainTo, Failure, HeldFrom, Operation, Outcome, RolloutState,
    Sweep, SweepScope,
};
use crate::product::Product;

impl Rollout {
    /// Why nothing may start any more until a person acts (R11, R12).
    pub(crate) fn must_halt(&self) -> Option<(String, Option<usize>)> {
        for phase in 0..self.plan.phases.len() {
            if let Some(reason) = self.intolerable(phase) {
                return Some((reason, Some(phase)));
            }
        }
        if let Some(customer) = self.stuck().next() {
            return Some((format!("the rollback of {customer} failed"), None));
        }
        let gate = self.rejected_phases().next()?;
        Some((format!("{gate} was rejected"), None))
    }

    /// The rejected gates of phases; one that was skipped keeps nobody from going on.
    pub(crate) fn rejected_phases(&self) -> impl Iterator<Item = GateId> {
        let phases = 0..self.plan.phases.len();
        let waiting = phases.filter(|phase| !self.waiting(*phase).is_empty());
        let gates = waiting.map(|phase| GateId::Phase(self.plan.phases[phase].policy.name.clone()));
        gates.filter(|gate| {
            let row = self.gates.get(gate);
            row.is_some_and(|row| row.state.is_rejected())
        })
    }

    /// What has failed in a phase, where that is more than it tolerates (R12).
    pub(crate) fn intolerable(&self, phase: usize) -> Option<String> {
        let planned = &self.plan.phases[phase];
        let (failures, weight) = (self.phases[phase].failures, self.failed_weight(phase));
        let goes_on = planned.policy.on_failure == OnFailure::Continue;
        if goes_on || planned.tolerates(failures, weight) {
            return None;
        }
        let name = &planned.policy.name;
        Some(match planned.tolerated_weight {
            Some(tolerated) => {
                format!("a weight of {weight} failed in {name}, {tolerated} tolerated")
            }
            None => format!(
                "{failures} failed in {name}, {} tolerated",
                planned.tolerated
            ),
        })
    }

    /// Whether nobody is left to start or to decide about. An operation has no phases that settle: it ends with the watch
    /// over what it has changed.
    pub(crate) fn is_through(&self, id: RolloutId, at: Timestamp) -> bool {
        let mut phases = 0..self.phases.len();
        match id {
            RolloutId::Rollout(_) => phases.all(|phase| self.is_settled(phase)),
            RolloutId::Operation(_) => {
                phases.all(|phase| self.waiting(phase).is_empty())
                    && self.held().next().is_none()
                    && self.watched_until().is_none_or(|until| until <= at)
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let mut excluded = false;
        for customer in self.plan.customers.keys() {
            let state = self.customer(customer);
            if state.status.is_healthy() {
                continue;
            }
            let left_out = state.status == CustomerStatus::Skipped && state.past_failures > 0;
            if state.failure != Failure::None || left_out {
                return Outcome::SucceededWithFailures;
            }
            excluded = true;
        }
        if excluded {
            Outcome::SucceededWithExclusions
        } else {
            Outcome::Succeeded
        }
    }

    /// Held customers with a request of ours whose end nobody has seen (P10), or of whose services some are pointed at another
    /// database. One that cannot be seen even while it is being left out waits for a person.
    fn unresolved(&self) -> Vec<CustomerId> {
        let open = self.held().filter(|customer| {
            let state = self.customer(customer);
            state.has_open_request() || state.is_redirected()
        });
        open.cloned().collect()
    }
}

impl State {
    /// The latest batch that a sweep has still to roll back. Whom another rollout is changing or has changed since is its
    /// affair (R15, P30).
    pub(crate) fn swept(&self, id: RolloutId, sweep: &Sweep) -> Vec<Position> {
        let rollout = &self.rollouts[&id];
        let in_scope = |phase: usize, batch: u32| match sweep.scope {
            SweepScope::Batch { phase: p, batch: b } => phase == p && batch == b,
            SweepScope::Phase { phase: p } => phase == p,
            SweepScope::All => true,
        };
        let ours = |phase: usize, place: usize| {
            let customer = rollout.at_place(phase, place);
            self.owner(customer).is_none_or(|owner| owner == id) && self.brought(rollout, customer)
        };
        let swept = rollout.healthy().iter().rev();
        let mut swept =
            swept.filter(|(phase, batch, place)| in_scope(*phase, *batch) && ours(*phase, *place));
        let Some(&(phase, batch, last)) = swept.next() else {
            return Vec::new();
        };
        let batch = swept.take_while(|(p, b, _)| (*p, *b) == (phase, batch));
        let mut places: Vec<usize> = batch.map(|(_, _, place)| *place).chain([last]).collect();
        places.sort_unstable();
        places
            .into_iter()
            .map(|place| Position {
                phase,
                index: place,
            })
            .collect()
    }
}

impl Product {
    /// Halts a rollout that must not go on, and lifts a halt whose reason is gone (R12).
    pub(crate) fn judge_rollout(&mut self, id: RolloutId) {
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        if matches!(id, RolloutId::Operation(_)) {
            return;
        }
        match (&rollout.row.state, rollout.must_halt()) {
            (RolloutState::Running, Some((reason, phase))) => {
                let sweep = phase.and_then(|phase| self.sweep_of(id, phase, &reason));
                let fact = RolloutDraining {
                    actor: None,
                    reason: Some(reason),
                    to: DrainTo::Halted,
                    sweep,
                };
                self.emit_in(id, fact);
            }
            (
                RolloutState::Halted { .. }
                | RolloutState::Draining {
                    to: DrainTo::Halted,
                    ..
                },
                None,
            ) => {
                self.emit_in(id, RolloutResumed {});
                self.wake_rollout(id);
            }
            (_, _) => {}
        }
    }

    fn sweep_of(&self, id: RolloutId, phase: usize, reason: &str) -> Option<Sweep> {
        let rollout = &self.state.rollouts[&id];
        let failed = self.latest_failure(id);
        let scope = match rollout.plan.phases[phase].policy.on_failure {
            OnFailure::Halt | OnFailure::Continue => return None,
            OnFailure::RollbackBatch => SweepScope::Batch {
                phase,
                batch: failed.unwrap_or(rollout.phases[phase].batches_begun),
            },
            OnFailure::RollbackPhase => SweepScope::Phase { phase },
            OnFailure::RollbackAll => SweepScope::All,
        };
        Some(Sweep {
            scope,
            reason: reason.to_owned(),
            by: None,
        })
    }

    /// The batch of the failure that this step has recorded.
    fn latest_failure(&self, id: RolloutId) -> Option<u32> {
        let mut told = self.told().filter(|(rollout, _)| *rollout == Some(id));
        told.find_map(|(_, fact)| fact.failure())?.batch
    }

    /// Ends a rollout when nothing is left to do, sweeping first where it must.
    pub(crate) fn end_rollout(&mut self, id: RolloutId) {
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        if !rollout.working().is_empty() || rollout.row.held_as_moved {
            self.in_flight.closing.remove(&id);
            return;
        }
        match (&rollout.row.state, id) {
            (RolloutState::Running, _) if !rollout.is_through(id, self.at) => {}
            (RolloutState::Running, RolloutId::Operation(_)) => self.end_operation(id),
            (RolloutState::Running, RolloutId::Rollout(_)) => {
                let outcome = rollout.outcome();
                self.end_with(id, RolloutSucceeded { outcome });
            }
            (RolloutState::Draining { to, .. }, _) => {
                let to = *to;
                self.drained(id, to);
            }
            (_, _) => {}
        }
    }

    fn drained(&mut self, id: RolloutId, to: DrainTo) {
        let rollout = &self.state.rollouts[&id];
        if let Some(sweep) = rollout.row.sweep.clone() {
            let places = self.state.swept(id, &sweep);
            if !places.is_empty() {
                self.roll_back(id, &places, &sweep);
                return;
            }
        }
        if to != DrainTo::Halted && self.leave_out_unresolved(id) {
            return;
        }
        let rollout = &self.state.rollouts[&id];
        match to {
            DrainTo::Halted => {
                let reason = rollout
                    .must_halt()
                    .map_or_else(|| "halted".to_owned(), |(reason, _)| reason);
                let outcome = Some(Outcome::Halted);
                self.emit_in(id, RolloutHalted { reason, outcome });
            }
            DrainTo::Aborted => {
                let fact = RolloutAborted {
                    actor: None,
                    reason: None,
                    outcome: Outcome::Aborted,
                };
                self.end_with(id, fact);
            }
            DrainTo::Superseded => {
                let outcome = Outcome::Superseded;
                self.end_with(id, RolloutSuperseded { outcome });
            }
        }
    }

    /// No deploy of ours may be forgotten when the rollout ends: held customers that have one in flight or in doubt are left
    /// out as by `skip`, which sees it to its end (P10). Whether somebody has to be waited for.
    fn leave_out_unresolved(&mut self, id: RolloutId) -> bool {
        let unresolved = self.state.rollouts[&id].unresolved();
        let withdrawn = CustomerStatus::Held {
            from: HeldFrom::Withdrawing,
        };
        let fresh: Vec<CustomerId> = unresolved
            .iter()
            .filter(|customer| self.state.rollouts[&id].customer(customer).status != withdrawn)
            .cloned()
            .collect();
        let reason = "the rollout ends, and its deploy must be seen to the end";
        self.for_each(id, &fresh, |place| CustomerWithdrawn {
            place,
            actor: None,
            reason: reason.to_owned(),
        });
        !unresolved.is_empty()
    }

    /// Sends customers back to what ran before, a batch in parallel.
    pub(crate) fn roll_back(&mut self, id: RolloutId, places: &[Position], sweep: &Sweep) {
        let rollout = &self.state.rollouts[&id];
        let customers = places.iter();
        let customers = customers.map(|place| rollout.at(*place).clone());
        for customer in customers.collect::<Vec<_>>() {
            let reason = sweep.reason.clone();
            let back = self.back_requested(id, &customer, sweep.by.clone(), reason);
            self.emit_in(id, back);
        }
    }

    /// The last event of a rollout, after every auto-deploy is as it was (P32).
    fn end_with(&mut self, id: RolloutId, end: impl Into<Fact>) {
        let rollout = &self.state.rollouts[&id];
        if rollout.managed().next().is_some() {
            // Each is looked at once here, and then whenever its answer comes.
            if self.in_flight.closing.insert(id) {
                let managed = rollout.managed().map(|place| (id, place));
                self.in_flight.dirty_customers.extend(managed);
            }
            return;
        }
        self.in_flight.closing.remove(&id);
        self.emit_in(id, end);
        self.wake_rollout(id);
    }

    fn end_operation(&mut self, id: RolloutId) {
        let rollout = &self.state.rollouts[&id];
        let undone = rollout.row.operation == Some(Operation::Variables);
        let good = |state: &CustomerState| {
            let there = matches!(
                state.status,
                CustomerStatus::Healthy(_) | CustomerStatus::RolledBack | CustomerStatus::Applied
            );
            state.failure != Failure::Counts
                && (there || (undone && state.status == CustomerStatus::Unchanged))
        };
        let done = rollout
            .plan
            .customers
            .keys()
            .all(|customer| good(rollout.customer(customer)));
        let outcome = if done { Outcome::Done } else { Outcome::Failed };
        self.end_with(id, OperationEnded { outcome });
    }

    /// Begins the rollouts that waited for others, as far as nothing is in common any more (R14).
    pub(crate) fn begin_queued(&mut self) {
        let queued: Vec<RolloutId> = self
            .state
            .rollouts
            .iter()
            .filter(|(_, rollout)| {
                matches!(rollout.row.state, RolloutState::Queued(_)) && !rollout.row.held_as_moved
            })
            .map(|(id, _)| *id)
            .collect();
        for id in queued {
            if self.blockers(id).is_empty() {
                self.begin_rollout(id);
            }
        }
    }
}
