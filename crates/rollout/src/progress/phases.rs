//! Moves phases, batches and gates on: what settles, what is asked, what lapses (R3, R4, R10).

use policy::Timestamp;

use crate::fold::index::Rollout;
use crate::fold::timers::TimerKey;
use crate::model::fact::{
    ApprovalEscalated, ApprovalLapsed, ApprovalRequested, BatchPlace, BatchSettled, DelayStarted,
    GatePlace, PhaseOverdue, PhasePlace, PhaseSettled, PhaseStarted, SoakStarted,
};
use crate::model::ids::{GateId, RolloutId};
use crate::model::state::{GateRow, PhaseState, RolloutState};
use crate::product::Product;
use crate::progress::gate;

impl Rollout {
    /// Where a phase is.
    pub(crate) fn phase_place(&self, phase: usize) -> PhasePlace {
        let phase = self.plan.phases[phase].policy.name.clone();
        PhasePlace { phase }
    }

    /// Where a batch is.
    pub(crate) fn batch_place(&self, phase: usize, batch: u32) -> BatchPlace {
        let phase = self.plan.phases[phase].policy.name.clone();
        BatchPlace { phase, batch }
    }

    /// What a gate of this plan covers, and the gate.
    pub(crate) fn gate_place(&self, gate: &GateId) -> GatePlace {
        let phase = self.phase_of_gate(gate).expect("the plan has the gate");
        let (batch, customer) = match gate {
            GateId::Phase(_) => (None, None),
            GateId::Batch(_, batch) => (Some(*batch), None),
            GateId::Customer(customer) => (self.batch_of(customer), Some(customer.clone())),
        };
        GatePlace {
            phase: self.plan.phases[phase].policy.name.clone(),
            batch,
            customer,
            gate: gate.to_string(),
        }
    }

    /// Whether anybody of the phase ever went, or still could.
    fn has_anybody(&self, phase: usize) -> bool {
        !self.waiting(phase).is_empty()
            || self
                .batches
                .range((phase, 0)..=(phase, u32::MAX))
                .any(|(_, row)| row.started_at.is_some())
    }
}

impl Product {
    /// Does what follows for a phase at this instant.
    pub(crate) fn drive_phase(&mut self, id: RolloutId, phase: usize) {
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        let proceeding = matches!(
            rollout.row.state,
            RolloutState::Running
                | RolloutState::Halted { .. }
                | RolloutState::Draining {
                    to: crate::model::state::DrainTo::Halted,
                    ..
                }
        );
        let rests =
            !proceeding || rollout.row.held_as_moved || matches!(id, RolloutId::Operation(_));
        if phase >= rollout.phases.len() || rests {
            return;
        }
        match rollout.phases[phase].state.clone() {
            PhaseState::Waiting => self.maybe_start_phase(id, phase),
            PhaseState::Running => self.settle_batches(id, phase),
            PhaseState::Soaking { until, .. } => self.maybe_settle_phase(id, phase, until),
            PhaseState::Settled { .. } => {}
        }
        self.mind_overdue(id, phase);
        self.set_phase_timer(id, phase);
    }

    fn maybe_start_phase(&mut self, id: RolloutId, phase: usize) {
        let rollout = &self.state.rollouts[&id];
        if rollout.row.state != RolloutState::Running {
            return;
        }
        let before_settled = rollout.plan.phases[phase]
            .after
            .iter()
            .all(|before| rollout.is_settled(*before));
        if before_settled && !rollout.has_anybody(phase) {
            // Nobody is left to start: its own day, gate and soak don't matter.
            let fact = PhaseSettled {
                place: rollout.phase_place(phase),
            };
            self.emit_in(id, fact);
            return;
        }
        if !rollout
            .order_holds(phase, self.in_flight.judged_until)
            .is_empty()
        {
            return;
        }
        let fact = PhaseStarted {
            place: rollout.phase_place(phase),
        };
        self.emit_in(id, fact);
        let gates = self.state.rollouts[&id].gates_of(phase);
        for gate in gates {
            self.in_flight.dirty_gates.insert((id, gate.clone()));
            self.drive_gate(id, &gate);
        }
    }

    /// Settles every batch that is through, and the phase after the last.
    fn settle_batches(&mut self, id: RolloutId, phase: usize) {
        let rollout = &self.state.rollouts[&id];
        let through = |batch: &u32| {
            rollout
                .batch_settles_at(phase, *batch)
                .is_some_and(|settles| self.has_passed(settles))
        };
        let settled: Vec<u32> = rollout.unsettled(phase).filter(through).collect();
        for batch in settled {
            self.settle_batch(id, phase, batch);
        }
        self.pass_over_batches(id, phase);
        let rollout = &self.state.rollouts[&id];
        let last = rollout.waiting(phase).is_empty() && rollout.unsettled(phase).next().is_none();
        if last
            && rollout.working_in(phase).next().is_none()
            && rollout.intolerable(phase).is_none()
        {
            self.begin_soak(id, phase);
        }
    }

    fn settle_batch(&mut self, id: RolloutId, phase: usize, batch: u32) {
        let rollout = &self.state.rollouts[&id];
        let policy = &rollout.plan.phases[phase].policy;
        let delay = (!rollout.phases[phase].promoted && !policy.delay.is_zero())
            .then(|| policy.delay.to_delta());
        let more = !rollout.waiting(phase).is_empty();
        let place = rollout.batch_place(phase, batch);
        let delayed = delay.filter(|_| more).map(|delay| DelayStarted {
            place: place.clone(),
            until: self.at + delay,
            since: None,
        });
        self.emit_in(id, BatchSettled { place });
        if let Some(delayed) = delayed {
            self.emit_in(id, delayed);
        }
    }

    /// Batches in which nobody is left to start spend no delay (R6).
    fn pass_over_batches(&mut self, id: RolloutId, phase: usize) {
        loop {
            let rollout = &self.state.rollouts[&id];
            let next = rollout.phases[phase].batches_begun + 1;
            let open = rollout.unsettled(phase).next().is_some();
            if rollout.is_dynamic(phase)
                || open
                || next > rollout.batch_count(phase)
                || rollout.waiting_in(phase, next).next().is_some()
            {
                return;
            }
            let place = rollout.batch_place(phase, next);
            self.emit_in(id, BatchSettled { place });
        }
    }

    fn begin_soak(&mut self, id: RolloutId, phase: usize) {
        let rollout = &self.state.rollouts[&id];
        let soak = rollout.plan.phases[phase].policy.soak;
        let anybody = rollout
            .healthy()
            .range((phase, 0, 0)..=(phase, u32::MAX, usize::MAX))
            .next()
            .is_some();
        if soak.is_zero() || rollout.phases[phase].promoted || !anybody {
            let fact = PhaseSettled {
                place: rollout.phase_place(phase),
            };
            self.emit_in(id, fact);
            return;
        }
        let fact = SoakStarted {
            place: rollout.phase_place(phase),
            until: self.at + soak.to_delta(),
        };
        self.emit_in(id, fact);
    }

    fn maybe_settle_phase(&mut self, id: RolloutId, phase: usize, until: Timestamp) {
        let rollout = &self.state.rollouts[&id];
        let quiet =
            rollout.working_in(phase).next().is_none() && rollout.intolerable(phase).is_none();
        let trusted = self.state.product.clock_suspected.is_none();
        if quiet && trusted && self.has_passed(until) {
            let fact = PhaseSettled {
                place: rollout.phase_place(phase),
            };
            self.emit_in(id, fact);
        }
    }

    fn mind_overdue(&mut self, id: RolloutId, phase: usize) {
        let rollout = &self.state.rollouts[&id];
        if rollout.is_settled(phase)
            || rollout.phases[phase].overdue
            || rollout
                .due_at(phase)
                .is_none_or(|due| !self.has_passed(due))
        {
            return;
        }
        let fact = PhaseOverdue {
            place: rollout.phase_place(phase),
        };
        self.emit_in(id, fact);
    }

    fn set_phase_timer(&mut self, id: RolloutId, phase: usize) {
        let rollout = &self.state.rollouts[&id];
        let row = &rollout.phases[phase];
        let due = rollout
            .due_at(phase)
            .filter(|_| !row.overdue && !rollout.is_settled(phase));
        let own = match &row.state {
            PhaseState::Waiting => rollout.not_before_at(phase),
            PhaseState::Running => {
                let settles = rollout
                    .unsettled(phase)
                    .filter_map(|batch| rollout.batch_settles_at(phase, batch))
                    .min();
                let delay = row.delay.as_ref().map(|delay| delay.until);
                [settles, delay]
                    .into_iter()
                    .flatten()
                    .filter(|at| self.is_ahead(*at))
                    .min()
            }
            PhaseState::Soaking { until, .. } => Some(*until),
            PhaseState::Settled { .. } => None,
        };
        let next = [due, own]
            .into_iter()
            .flatten()
            .filter(|at| self.is_ahead(*at))
            .min();
        self.in_flight.set_timer(TimerKey::Phase(id, phase), next);
    }

    /// Does what follows for a gate at this instant: ask, lapse, escalate.
    pub(crate) fn drive_gate(&mut self, id: RolloutId, gate: &GateId) {
        self.in_flight.dirty_gates.remove(&(id, gate.clone()));
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        let Some(phase) = rollout.phase_of_gate(gate) else {
            return;
        };
        let Some(approval) = rollout.plan.phases[phase].policy.approval.clone() else {
            return;
        };
        let row = rollout.gates.get(gate).cloned().unwrap_or_default();
        let settled = row.state.is_passed() || row.state.is_rejected();
        if settled || rollout.waiting_for(gate).is_empty() {
            self.in_flight
                .set_timer(TimerKey::Gate(id, gate.clone()), None);
            return;
        }
        if self.lapses(rollout, &row) {
            let place = rollout.gate_place(gate);
            self.emit_in(id, ApprovalLapsed { place });
        }
        let rollout = &self.state.rollouts[&id];
        let row = rollout.gates.get(gate).cloned().unwrap_or_default();
        let directory = self.state.directory(rollout);
        let asking = rollout.phases[phase].started_at.is_some() && !rollout.is_settled(phase);
        if asking
            && row.state.request().is_none()
            && !gate::is_open(rollout, &approval, &directory, &row, self.at)
        {
            let fact = ApprovalRequested {
                place: rollout.gate_place(gate),
                until: self.at + approval.expires.to_delta(),
                digest: rollout.plan.digest.clone(),
                missing: gate::missing(rollout, &approval, &directory, Some(&row), self.at),
                covers: rollout.waiting_for(gate),
            };
            self.emit_in(id, fact);
        }
        self.mind_escalation(id, gate);
    }

    /// A grant that was not used in time, or votes for another digest (R6, R10).
    fn lapses(&self, rollout: &Rollout, row: &GateRow) -> bool {
        let late = row
            .granted
            .as_ref()
            .is_some_and(|granted| self.has_passed(granted.until));
        late || row
            .votes
            .iter()
            .any(|vote| vote.digest != rollout.plan.digest)
    }

    fn mind_escalation(&mut self, id: RolloutId, gate: &GateId) {
        let rollout = &self.state.rollouts[&id];
        let Some(row) = rollout.gates.get(gate).cloned() else {
            return;
        };
        let overdue = |expires_at: Timestamp| self.has_passed(expires_at);
        if let Some(request) = row
            .state
            .request()
            .filter(|request| !request.escalated && overdue(request.expires_at))
            && row.granted.is_none()
        {
            let fact = ApprovalEscalated {
                place: rollout.gate_place(gate),
                asked_at: request.since,
            };
            self.emit_in(id, fact);
        }
        let row = self.state.rollouts[&id]
            .gates
            .get(gate)
            .cloned()
            .unwrap_or_default();
        let escalates = row
            .state
            .request()
            .filter(|request| !request.escalated && row.granted.is_none());
        let escalates = escalates.map(|request| request.expires_at);
        let lapses = row.granted.map(|granted| granted.until);
        let next = [escalates, lapses].into_iter().flatten();
        let next = next.filter(|at| self.is_ahead(*at)).min();
        self.in_flight
            .set_timer(TimerKey::Gate(id, gate.clone()), next);
    }
}

impl Rollout {
    /// When the phase is overdue: an alarm only.
    pub(crate) fn due_at(&self, phase: usize) -> Option<Timestamp> {
        let due = self.plan.phases[phase].policy.due?;
        Some(self.row.started_at? + due.to_delta())
    }
}
