//! Folds facts about one rollout: its course, its phases, batches and gates.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each fold names the kinds it knows and passes over the others"
)]

use policy::{PersonId, Timestamp};

use super::folded::Folded;
use crate::fold::index::Rollout;
use crate::fold::state::RowKey;
use crate::model::actor::Proof;
use crate::model::event::Kind;
use crate::model::ids::{GateId, RolloutId};
use crate::model::state::{
    Delay, DrainTo, GateRequest, GateState, Granted, Mark, Outcome, PhaseState, RolloutState,
    Sweep, Vote,
};

impl Rollout {
    /// Folds one fact, and names the rows it touched.
    pub(super) fn apply(
        &mut self,
        id: RolloutId,
        fact: &Folded<'_>,
        at: Timestamp,
        touched: &mut Vec<RowKey>,
    ) {
        self.apply_rollout(fact, at);
        self.apply_hand(fact);
        if let Some(phase) = fact.phase.as_ref().and_then(|name| self.phase_index(name)) {
            touched.push(RowKey::phase(id, &self.plan.phases[phase].policy.name));
            self.apply_phase(phase, fact, at);
            if let Some(batch) = fact.batch {
                touched.push(RowKey::batch(
                    id,
                    &self.plan.phases[phase].policy.name,
                    batch,
                ));
                self.apply_batch(phase, batch, fact, at);
            }
        }
        let gate = fact
            .read::<String>("gate")
            .and_then(|gate| self.find_gate(&gate));
        if let Some((gate, _)) = gate {
            touched.push(RowKey::gate(id, &gate));
            self.apply_gate(&gate, fact, at);
        }
        if let Some(customer) = fact.customer.clone() {
            touched.push(RowKey::customer(id, &customer));
            self.apply_customer(&customer, fact, at);
        }
    }

    /// Who has acted here, and with what; a refusal is no act.
    fn apply_hand(&mut self, fact: &Folded<'_>) {
        let Some(actor) = fact.actor.as_ref().filter(|_| fact.kind != Kind::Denied) else {
            return;
        };
        if let Some(proof) = fact.read::<Proof>("proof") {
            let hands = &mut self.row.hands;
            hands.entry(actor.clone()).or_default().insert(proof);
        }
    }

    fn apply_rollout(&mut self, fact: &Folded<'_>, at: Timestamp) {
        let row = &mut self.row;
        let mark = || Mark {
            by: fact.actor.clone(),
            at,
            reason: fact.reason.clone(),
        };
        let outcome = |otherwise| fact.read::<Outcome>("outcome").unwrap_or(otherwise);
        match fact.kind {
            Kind::Paused => row.paused = Some(mark()),
            Kind::Resumed => {
                row.paused = None;
                row.held_as_moved = false;
            }
            Kind::RolloutDraining => {
                let to = fact.read("to").unwrap_or(DrainTo::Halted);
                row.state.drain(to, at);
                row.sweep = fact.read::<Sweep>("sweep").or_else(|| row.sweep.take());
            }
            Kind::RolloutHalted => {
                row.state = RolloutState::Halted {
                    since: at,
                    reason: fact.reason.clone().unwrap_or_default(),
                };
                row.sweep = None;
            }
            Kind::RolloutResumed => {
                row.state = RolloutState::Running;
                row.sweep = None;
            }
            Kind::RolloutSucceeded => row.state.end(at, outcome(Outcome::Succeeded)),
            Kind::RolloutAborted => row.state.end(at, outcome(Outcome::Aborted)),
            Kind::RolloutSuperseded => row.state.end(at, outcome(Outcome::Superseded)),
            Kind::OperationEnded => row.state.end(at, outcome(Outcome::Done)),
            _ => {}
        }
    }

    fn apply_phase(&mut self, phase: usize, fact: &Folded<'_>, at: Timestamp) {
        let row = &mut self.phases[phase];
        match fact.kind {
            Kind::PhaseStarted => {
                row.state = PhaseState::Running;
                row.started_at = Some(at);
            }
            Kind::PhaseSettled => row.state = PhaseState::Settled { at },
            Kind::SoakStarted => {
                row.state = PhaseState::Soaking {
                    since: at,
                    until: fact.until.unwrap_or(at),
                };
            }
            Kind::DelayStarted => {
                let since = fact.read("since").unwrap_or(at);
                row.delay = Some(Delay {
                    since,
                    until: fact.until.unwrap_or(at),
                });
            }
            Kind::BatchStarted => {
                row.batches_begun = row.batches_begun.max(fact.batch.unwrap_or(0));
                row.delay = None;
            }
            Kind::BatchSettled => {
                row.batches_begun = row.batches_begun.max(fact.batch.unwrap_or(0));
            }
            Kind::PhaseOverdue => row.overdue = true,
            Kind::Promoted => {
                row.delay = None;
                if let PhaseState::Soaking { since, .. } = row.state {
                    row.state = PhaseState::Soaking { since, until: at };
                }
                row.promoted |= fact.read("full").unwrap_or(false);
            }
            _ => {}
        }
    }

    fn apply_batch(&mut self, phase: usize, batch: u32, fact: &Folded<'_>, at: Timestamp) {
        match fact.kind {
            Kind::BatchStarted => self.set_batch(phase, batch, |row| row.started_at = Some(at)),
            Kind::BatchSettled => self.set_batch(phase, batch, |row| row.settled_at = Some(at)),
            _ => {}
        }
    }

    fn apply_gate(&mut self, gate: &GateId, fact: &Folded<'_>, at: Timestamp) {
        let row = self.gates.entry(gate.clone()).or_default();
        match fact.kind {
            Kind::ApprovalRequested => {
                let expires_at = fact.until.unwrap_or(at);
                let request = Some(GateRequest {
                    since: at,
                    expires_at,
                    escalated: false,
                });
                row.state = GateState::Open { request };
            }
            Kind::Approved => {
                if let Some(person) = fact.actor.clone() {
                    let digest = fact.read("digest").unwrap_or_default();
                    row.votes.push(Vote {
                        person,
                        at,
                        digest,
                        reason: fact.reason.clone(),
                        proof: fact.read("proof"),
                    });
                }
                if let Some(until) = fact.until {
                    row.granted = Some(Granted { at, until });
                }
            }
            Kind::Withdrawn => {
                // Whoever has another name now has voted under the one that the fact tells.
                let voter: Option<PersonId> = fact.read("voter");
                let voter = voter.as_ref().or(fact.actor.as_ref());
                row.votes.retain(|vote| Some(&vote.person) != voter);
                row.granted = None;
            }
            Kind::Rejected => {
                row.state = GateState::Rejected(Mark {
                    by: fact.actor.clone(),
                    at,
                    reason: fact.reason.clone(),
                });
                row.votes.clear();
                row.granted = None;
            }
            Kind::ApprovalLapsed => {
                if let GateState::Open { request } = &mut row.state {
                    *request = None;
                }
                row.votes.clear();
                row.granted = None;
            }
            Kind::ApprovalEscalated => {
                if let Some(request) = row.state.request_mut() {
                    request.escalated = true;
                }
            }
            Kind::GatePassed => row.state = GateState::Passed { at },
            Kind::Retried => {
                let request = row.state.request().cloned();
                row.state = GateState::Open { request };
            }
            _ => {}
        }
    }
}
