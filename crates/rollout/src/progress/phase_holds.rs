//! What holds a phase or a batch: the order, a date, a gate (R3, R4)?

use policy::Timestamp;

use crate::fold::index::Rollout;
use crate::fold::state::State;
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::GateId;
use crate::model::offer::Offer;
use crate::model::state::PhaseState;
use crate::progress::gate;
use crate::progress::holds::SHUT;

impl State {
    /// What keeps a phase from starting anybody of the batch whose turn it is.
    pub(crate) fn phase_holds(&self, rollout: &Rollout, phase: usize, at: Timestamp) -> Vec<Hold> {
        let mut holds = self.rollout_holds(rollout);
        let row = &rollout.phases[phase];
        if row.state == PhaseState::Waiting {
            holds.extend(rollout.order_holds(phase, at));
        }
        if let Some(gate) = self.phase_gate_hold(rollout, phase, at) {
            holds.push(gate);
        }
        holds.extend(rollout.batch_holds(phase, at));
        holds
    }

    fn phase_gate_hold(&self, rollout: &Rollout, phase: usize, at: Timestamp) -> Option<Hold> {
        let gate = GateId::Phase(rollout.plan.phases[phase].policy.name.clone());
        rollout
            .has_gate(&gate)
            .then(|| self.gate_hold(rollout, phase, &gate, at))
            .flatten()
    }

    pub(crate) fn gate_hold(
        &self,
        rollout: &Rollout,
        phase: usize,
        gate: &GateId,
        at: Timestamp,
    ) -> Option<Hold> {
        let approval = rollout.plan.phases[phase].policy.approval.as_ref()?;
        let directory = self.directory(rollout);
        let row = rollout.gates.get(gate);
        let has_passed = row.is_some_and(|row| row.state.is_passed());
        if self.product.gates_shut() && !has_passed {
            let missing = gate::missing(rollout, approval, &directory, row, at);
            let text = format!("{gate} has {missing}; {SHUT}");
            let hold = Hold::gate(gate, HoldOwner::Operators, text);
            return Some(hold.way_out(Offer::Validate));
        }
        if row.is_some_and(|row| gate::is_open(rollout, approval, &directory, row, at)) {
            return None;
        }
        if let Some(mark) = row.and_then(|row| row.state.rejected()) {
            let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
            let text = format!(
                "{by} rejected {gate}: {}",
                mark.reason.as_deref().unwrap_or("no reason")
            );
            let hold = Hold::gate(gate, HoldOwner::Operators, text);
            return Some(hold.since(Some(mark.at)).way_out(Offer::retry(gate)));
        }
        let missing = gate::missing(rollout, approval, &directory, row, at);
        let since = row
            .and_then(|row| row.state.request())
            .map(|request| request.since);
        let hold = |owner, text| Hold::gate(gate, owner, text).since(since);
        if let Some(why) = gate::unfillable(rollout, approval, &directory, row, at) {
            let hold = hold(HoldOwner::Admins, format!("{gate} has {missing}; {why}"));
            return Some(hold.way_out("name more people in the groups and roles of tranche.yaml"));
        }
        let hold = hold(HoldOwner::Approvers, format!("{gate} has {missing}"));
        Some(hold.way_out(Offer::votes(gate)))
    }
}

impl Rollout {
    /// The phases before, and the phase's own `not_before` (R4).
    pub(crate) fn order_holds(&self, phase: usize, at: Timestamp) -> Vec<Hold> {
        let planned = &self.plan.phases[phase];
        let open: Vec<&str> = planned
            .after
            .iter()
            .filter(|before| !self.is_settled(**before))
            .map(|before| self.plan.phases[*before].policy.name.as_str())
            .collect();
        let mut holds = Vec::new();
        if !open.is_empty() {
            let soak = planned
                .after
                .iter()
                .filter_map(|before| match self.phases[*before].state {
                    PhaseState::Soaking { until, .. } => Some(until),
                    PhaseState::Waiting | PhaseState::Running | PhaseState::Settled { .. } => None,
                });
            let hold = Hold::new(
                HoldKind::Phase,
                HoldOwner::EarlierPhases,
                format!("{} has not settled", open.join(", ")),
            );
            holds.push(match soak.max() {
                Some(until) if open.len() == 1 => hold.until(until),
                Some(_) | None => hold,
            });
        }
        if let Some(from) = self.not_before_at(phase).filter(|from| *from > at) {
            holds.push(
                Hold::new(
                    HoldKind::NotBefore,
                    HoldOwner::Calendar,
                    "the phase's first day has not come",
                )
                .until(from),
            );
        }
        holds
    }

    /// The phase's own `not_before` as an instant.
    pub(crate) fn not_before_at(&self, phase: usize) -> Option<Timestamp> {
        let span = self.plan.phases[phase].policy.not_before;
        let promoted = self.phases[phase].promoted;
        (!span.is_zero() && !promoted)
            .then(|| self.row.started_at.map(|at| at + span.to_delta()))
            .flatten()
    }

    /// Earlier batches that are open, and the delay after them (R3).
    fn batch_holds(&self, phase: usize, at: Timestamp) -> Vec<Hold> {
        let mut holds = Vec::new();
        let turn = self.turn(phase);
        // A retried customer of an earlier batch goes at once (R13): only what comes before it counts.
        let before = self
            .unsettled(phase)
            .find(|batch| turn.is_none_or(|turn| *batch < turn));
        if let Some(batch) = before {
            let text = format!("batch {batch} has not settled");
            holds.push(Hold::new(HoldKind::Batch, HoldOwner::BatchBefore, text));
        }
        let begins = turn.is_none_or(|turn| turn > self.phases[phase].batches_begun);
        if let (Some(delay), true) = (&self.phases[phase].delay, begins)
            && delay.until > at
        {
            let text = "the delay between batches is running";
            let hold = Hold::new(HoldKind::Delay, HoldOwner::Clock, text).since(Some(delay.since));
            holds.push(hold.until(delay.until).way_out(Offer::Promote));
        }
        holds
    }

    /// The batch whose turn it is: that of the first waiting customer; `None` where starts make the batches.
    pub(crate) fn turn(&self, phase: usize) -> Option<u32> {
        if self.is_dynamic(phase) {
            // A retried customer keeps its batch.
            return self.reopened(phase).map(|(batch, _)| batch);
        }
        let first = *self.waiting(phase).first()?;
        self.batch_of(self.at_place(phase, first))
    }
}
