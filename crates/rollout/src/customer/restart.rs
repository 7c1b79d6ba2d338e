//! What does an engine that starts take up, and what is in doubt after the one before (R17)?

use policy::Timestamp;

use crate::customer::protocol::DeployDirection;
use crate::customer::{record, recovery};
use crate::fold::in_flight::{Issued, Slot};
use crate::fold::index::Position;
use crate::model::command::Command;
use crate::model::fact::EngineStarted;
use crate::model::ids::RolloutId;
use crate::model::recovery::RecoveryState;
use crate::model::state::{DeployState, RollbackState};
use crate::product::Product;

impl Product {
    /// A new process drives: changing commands that may be in flight become look-ups (R16), everything wanted is issued. Of
    /// `out` this process knows that they are in flight.
    pub(crate) fn engine_started(&mut self, out: Vec<Command>, unsure_since: Option<Timestamp>) {
        self.in_flight.undriven = false;
        self.emit(EngineStarted { unsure_since });
        self.take_up(out);
        let unfinished: Vec<RolloutId> = self.state.open().map(|(id, _)| *id).collect();
        for id in unfinished {
            self.in_flight.resumed.insert(id);
            let rollout = &self.state.rollouts[&id];
            let gates: Vec<_> = rollout
                .gates
                .keys()
                .map(|gate| (id, gate.clone()))
                .collect();
            self.in_flight.dirty_gates.extend(gates);
            for position in self.state.rollouts[&id].in_hand() {
                let reason = "the engine was started anew while the request was out";
                if self.in_flight.out(id, position, Slot::Main).is_none() {
                    self.about(id, position, |product| {
                        product.begin_anew(id, position, reason);
                    });
                }
                self.in_flight.dirty_customers.insert((id, position));
            }
            self.in_flight.dirty_rollouts.insert(id);
            self.wake_rollout(id);
        }
        self.in_flight.queued_dirty = true;
    }

    /// What this process knew of a customer is gone.
    pub(crate) fn begin_anew(&mut self, id: RolloutId, position: Position, reason: &str) {
        // When the deploy before a queued one ended is not known any more: at the latest now.
        let scratch = self.in_flight.scratch_of(id, position);
        scratch.quiet_since = Some(self.at);
        self.doubt(id, position, reason);
    }

    /// The process drives no more: it only records.
    pub(crate) fn engine_stopping(&mut self, out: Vec<Command>) {
        self.in_flight.undriven = true;
        self.take_up(out);
    }

    /// Changing commands that this very process has sent and whose answers it will bring.
    fn take_up(&mut self, out: Vec<Command>) {
        for command in out {
            let rollout = self.state.rollouts.get(&command.rollout);
            let Some(position) = rollout.and_then(|rollout| rollout.position(&command.customer))
            else {
                continue;
            };
            let whose = (command.rollout, position);
            self.in_flight.scratch.entry(whose).or_default().fresh = true;
            self.in_flight.take_up(Issued {
                command,
                slot: Slot::Main,
                whose,
                asked_at: self.at,
            });
        }
    }

    /// A request that this process did not send may have been sent by the one before (R16).
    fn doubt(&mut self, id: RolloutId, position: Position, reason: &str) {
        let facts = self.ask(id, position, |ctx| {
            let mut facts = Vec::new();
            let recovery = ctx.state.recovery.as_ref().map(|recovery| &recovery.state);
            if recovery == Some(&RecoveryState::Intended) {
                facts.push(recovery::in_doubt(ctx, reason.to_owned()).into());
            }
            for role in &ctx.planned.services {
                let service = ctx.service(role);
                if matches!(service.deploy, DeployState::Intended(_)) {
                    facts.push(record::deploy::in_doubt(
                        ctx,
                        role,
                        DeployDirection::Forward,
                        service.attempt,
                        reason.to_owned(),
                    ));
                }
                if matches!(service.rollback, RollbackState::Intended(_)) {
                    facts.push(record::deploy::in_doubt(
                        ctx,
                        role,
                        DeployDirection::back(&service),
                        service.rollback_attempt,
                        reason.to_owned(),
                    ));
                }
            }
            facts
        });
        for fact in facts.unwrap_or_default() {
            self.emit_in(id, fact);
        }
    }
}
