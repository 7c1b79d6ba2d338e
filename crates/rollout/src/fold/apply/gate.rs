//! Folds facts about gates: requests, votes, what they come to.

use policy::{CustomerId, Timestamp};

use super::Flaw;
use crate::fold::index::Rollout;
use crate::fold::note::Notes;
use crate::fold::state::{RowKey, State};
use crate::model::fact::{Approved, GateFact};
use crate::model::ids::RolloutId;
use crate::model::request::Proof;
use crate::model::state::{GateRequest, GateRow, GateState, Granted, Mark, Vote};

impl State {
    pub(super) fn apply_gate(
        &mut self,
        id: RolloutId,
        fact: &GateFact,
        proof: Option<&Proof>,
        at: Timestamp,
    ) -> Result<(), Flaw> {
        let place = fact.place();
        let rollout = self.rollout(id)?;
        let gate = rollout.find_gate(&place.gate).map(|(gate, _)| gate);
        if let Some(gate) = &gate {
            let row = rollout.gates.entry(gate.clone()).or_default();
            apply_gate(row, fact, proof, at);
        }
        if let Some(customer) = &place.customer {
            rollout.is_answered(customer);
            self.touch(RowKey::customer(id, customer));
        }
        if let Some(gate) = &gate {
            self.touch(RowKey::gate(id, gate));
        }
        Ok(())
    }
}

impl Rollout {
    /// What Render gave no usable answer to stands until the next fact about the customer.
    fn is_answered(&mut self, customer: &CustomerId) {
        if self.phase_of(customer).is_some() {
            self.set_customer(customer, |state| state.unanswered = None);
        }
    }
}

fn apply_gate(row: &mut GateRow, fact: &GateFact, proof: Option<&Proof>, at: Timestamp) {
    match fact {
        GateFact::ApprovalRequested(fact) => {
            let request = Some(GateRequest {
                since: at,
                expires_at: fact.until,
                escalated: false,
            });
            row.state = GateState::Open { request };
        }
        GateFact::Approved(fact) => apply_vote(row, fact, proof, at),
        GateFact::Withdrawn(fact) => {
            // Whoever has another name now has voted under the one that the fact tells.
            let voter = fact.voter.as_ref().unwrap_or(&fact.actor);
            row.votes.retain(|vote| vote.person != *voter);
            row.granted = None;
        }
        GateFact::Rejected(fact) => {
            row.state = GateState::Rejected(Mark {
                by: Some(fact.actor.clone()),
                at,
                reason: Some(fact.reason.clone()),
            });
            row.votes.clear();
            row.granted = None;
        }
        GateFact::ApprovalLapsed(_) => {
            if let GateState::Open { request } = &mut row.state {
                *request = None;
            }
            row.votes.clear();
            row.granted = None;
        }
        GateFact::ApprovalEscalated(_) => {
            if let Some(request) = row.state.request_mut() {
                request.escalated = true;
            }
        }
        GateFact::GatePassed(_) => row.state = GateState::Passed { at },
    }
}

fn apply_vote(row: &mut GateRow, fact: &Approved, proof: Option<&Proof>, at: Timestamp) {
    // Whoever has signed in again votes again.
    row.votes.retain(|vote| vote.person != fact.actor);
    row.votes.push(Vote {
        person: fact.actor.clone(),
        at,
        digest: fact.digest.clone(),
        reason: fact.reason.clone(),
        proof: proof.cloned(),
    });
    if let Some(until) = fact.until {
        row.granted = Some(Granted { at, until });
    }
}

impl Notes<'_> {
    /// Whatever a gate says, those behind it are looked at again, and the gate itself.
    pub(in crate::fold) fn note_gate(&mut self, id: RolloutId, fact: &GateFact) {
        let place = fact.place();
        self.judge_again(id);
        if let Some(phase) = self.note_phase_of(id, &place.phase) {
            self.in_flight.unblock_phase(id, phase);
        }
        if let Some(customer) = &place.customer {
            self.note_customer(id, customer);
        }
        let rollout = self.state.find(id);
        if let Some((gate, _)) = rollout.and_then(|rollout| rollout.find_gate(&place.gate)) {
            self.in_flight.dirty_gates.insert((id, gate));
        }
    }
}
