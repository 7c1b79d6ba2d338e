//! Moves one customer on: issues what it needs next, and takes the answers.

use policy::Timestamp;

use crate::customer::closing::closing_answer;
use crate::customer::ctx::{Ctx, Next};
use crate::customer::{next, record, trouble};
use crate::fold::in_flight::{Issued, Slot};
use crate::fold::index::{Position, Rollout};
use crate::fold::scratch::Scratch;
use crate::fold::state::State;
use crate::fold::timers::TimerKey;
use crate::model::command::{Command, CommandKind, Outcome};
use crate::model::fact::Fact;
use crate::model::ids::RolloutId;
use crate::model::state::CustomerStatus;
use crate::product::Product;

/// More facts than this from one customer without an answer from outside would be a circle.
const MAX_FACTS_A_TURN: usize = 64;

impl Rollout {
    fn ctx<'a>(
        &'a self,
        id: RolloutId,
        position: Position,
        scratch: &'a Scratch,
        state: &'a State,
        at: Timestamp,
    ) -> Ctx<'a> {
        let customer = self.at(position);
        Ctx {
            rollout: id,
            left: state.moved(customer).map(|moved| &moved.from),
            plan: &self.plan,
            customer,
            planned: &self.plan.customers[customer],
            state: self.customer(customer),
            scratch,
            known: state,
            takes_over: self.row.takes_over,
            at,
            seq: state.product.seq,
            deploy_timeout_ms: self.row.deploy_timeout_ms,
            operation: self.row.operation,
            clear_cache: self.row.clear_cache
                || self.plan.customers[customer]
                    .own
                    .as_ref()
                    .is_some_and(|own| own.clear_cache),
        }
    }
}

impl Rollout {
    /// Customers for whom something may be out, or has to be done before the end.
    pub(crate) fn in_hand(&self) -> Vec<Position> {
        let working = self.working().iter();
        let working = working.map(|&(phase, index)| Position { phase, index });
        let healthy = self.healthy().iter();
        let healthy = healthy.map(|&(phase, _, index)| Position { phase, index });
        let held = self.held().filter_map(|customer| self.position(customer));
        working
            .chain(healthy)
            .chain(self.managed())
            .chain(held)
            .collect()
    }
}

impl Product {
    /// Asks a pure question about one customer.
    pub(crate) fn ask<T>(
        &self,
        id: RolloutId,
        position: Position,
        question: impl FnOnce(&Ctx<'_>) -> T,
    ) -> Option<T> {
        let rollout = self.state.find(id)?;
        let empty = Scratch::default();
        let scratch = self
            .in_flight
            .scratch
            .get(&(id, position))
            .unwrap_or(&empty);
        Some(question(&rollout.ctx(
            id,
            position,
            scratch,
            &self.state,
            self.at,
        )))
    }

    /// Does what the customer needs until it waits for something.
    pub(crate) fn advance_customer(&mut self, id: RolloutId, position: Position) {
        self.about(id, position, |product| product.drive_on(id, position));
    }

    fn drive_on(&mut self, id: RolloutId, position: Position) {
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        if position.phase >= rollout.phases.len()
            || position.index >= rollout.plan.phases[position.phase].customers.len()
        {
            return;
        }
        if rollout.row.held_as_moved {
            // Nothing leaves for it, not even a look, until a person has said that it may go on (P40). What has left and
            // cannot be repeated is seen to its end: without its answer it would be sent again (P8).
            let main = self.in_flight.out(id, position, Slot::Main);
            if main.is_none_or(|issued| issued.command.kind.is_repeatable()) {
                self.unwant(id, position, Slot::Main);
            }
            for slot in [Slot::Watch, Slot::Confirm] {
                self.unwant(id, position, slot);
            }
            self.count_deploying(id, position);
            return;
        }
        for _ in 0..MAX_FACTS_A_TURN {
            let closing = self.closing(id, position);
            let next = self.ask(id, position, |ctx| {
                trouble::patient(ctx, closing.unwrap_or_else(|| next::next(ctx)))
            });
            let Some(next) = next else { return };
            if let Next::Facts(facts) = next {
                if self.is_left_open(&facts) {
                    self.count_deploying(id, position);
                    return;
                }
                for fact in facts {
                    self.emit_in(id, fact);
                }
                continue;
            }
            self.settle_into(id, position, next);
            self.watch(id, position);
            self.count_deploying(id, position);
            return;
        }
        let what = format!("{MAX_FACTS_A_TURN} facts in a row, and none that ends them");
        assert!(
            self.quarantine(id, position, &what),
            "a customer of {id} goes in circles"
        );
    }

    /// Whether the next engine has to begin this: it needs somebody who sends what is intended (P7).
    fn is_left_open(&self, facts: &[Fact]) -> bool {
        self.in_flight.undriven && facts.iter().any(|fact| fact.kind().is_intent())
    }

    fn settle_into(&mut self, id: RolloutId, position: Position, next: Next) {
        let mut timer = None;
        self.in_flight.waiting_go.remove(&(id, position));
        match next {
            Next::Command(kind) => {
                if let CommandKind::AwaitQuiet { deploy, .. } = &kind {
                    let at = self.at;
                    self.in_flight.scratch_of(id, position).awaits(deploy, at);
                }
                self.want(id, position, Slot::Main, kind);
            }
            Next::Tick => {
                self.unwant(id, position, Slot::Main);
                self.in_flight.waiting_go.insert((id, position));
                self.in_flight.tick_wanted = true;
            }
            Next::Wait(until) => {
                self.unwant(id, position, Slot::Main);
                timer = Some(until);
            }
            Next::Rest => {
                // A waiting customer may have a foreign deploy to wait for.
                if self.is_working(id, position) {
                    self.unwant(id, position, Slot::Main);
                }
                timer = self.settles_at(id, position);
            }
            Next::Facts(_) => {}
        }
        self.in_flight
            .set_timer(TimerKey::CustomerState(id, position), timer);
    }

    fn is_working(&self, id: RolloutId, position: Position) -> bool {
        let rollout = &self.state.rollouts[&id];
        rollout.state_at(position).status != CustomerStatus::Waiting
    }

    /// When a watched customer lets its batch settle.
    fn settles_at(&self, id: RolloutId, position: Position) -> Option<Timestamp> {
        let rollout = self.state.find(id)?;
        let state = rollout.state_at(position);
        let watch = rollout.plan.phases[position.phase].policy.watch;
        let until = state.status.healthy_since()? + watch.to_delta();
        self.is_ahead(until).then_some(until)
    }

    /// Makes sure that this command, and no other, is out in the slot; while nobody drives, none is.
    pub(crate) fn want(
        &mut self,
        id: RolloutId,
        position: Position,
        slot: Slot,
        kind: CommandKind,
    ) {
        if self
            .in_flight
            .out(id, position, slot)
            .is_some_and(|issued| issued.command.kind == kind)
        {
            return;
        }
        self.unwant(id, position, slot);
        if self.in_flight.undriven {
            return;
        }
        let rollout = &self.state.rollouts[&id];
        let customer = rollout.at(position).clone();
        let goes_back = rollout.customer(&customer).status == CustomerStatus::Backward;
        let command = Command {
            id: self.in_flight.new_id(),
            rollout: id,
            customer,
            urgent: goes_back || kind.is_urgent(),
            kind,
        };
        self.in_flight.insert(Issued {
            command: command.clone(),
            slot,
            whose: (id, position),
            asked_at: self.at,
        });
        self.send(command);
    }

    /// Makes sure that nothing is out in the slot.
    pub(crate) fn unwant(&mut self, id: RolloutId, position: Position, slot: Slot) {
        let Some(command) = self
            .in_flight
            .out(id, position, slot)
            .map(|issued| issued.command.id)
        else {
            return;
        };
        if let Some(issued) = self.in_flight.take(command) {
            let stop = CommandKind::Stop { command };
            let id = self.in_flight.new_id();
            self.send(Command {
                id,
                kind: stop,
                ..issued.command
            });
        }
    }

    /// A healthy customer is watched until its phase has settled (R11).
    fn watch(&mut self, id: RolloutId, position: Position) {
        let Some(rollout) = self.state.find(id) else {
            return;
        };
        let customer = rollout.at(position);
        let watched = rollout.is_watched(customer);
        if !rollout.customer(customer).status.is_healthy() {
            self.unwant(id, position, Slot::Confirm);
        }
        if !watched {
            self.unwant(id, position, Slot::Watch);
            return;
        }
        let kind = self.ask(id, position, |ctx| CommandKind::Watch {
            probed: next::probed_all(ctx),
            profile: ctx.profile().clone(),
        });
        if let Some(kind) = kind {
            self.want(id, position, Slot::Watch, kind);
        }
    }

    /// Keeps count of the deploys in flight over all rollouts (P16).
    fn count_deploying(&mut self, id: RolloutId, position: Position) {
        let deploying = self.ask(id, position, next::occupies_slot);
        let was = self.in_flight.deploying.contains(&(id, position));
        match deploying == Some(true) {
            true => self.in_flight.deploying.insert((id, position)),
            false => self.in_flight.deploying.remove(&(id, position)),
        };
        if was && deploying != Some(true) {
            self.in_flight.tick_wanted = true;
        }
    }

    /// Takes the answer of the command in hand.
    pub(crate) fn record_main(
        &mut self,
        id: RolloutId,
        position: Position,
        asked_at: Timestamp,
        command: &Command,
        outcome: Outcome,
    ) {
        let mut scratch = self.in_flight.take_scratch(id, position);
        let awaited = matches!(command.kind, CommandKind::AwaitQuiet { .. });
        if awaited && self.is_waiting(id, position) {
            // The foreign deploy it waited for before its start is over, or cannot be read.
            scratch.foreign = None;
            self.in_flight.unblock(id, position);
            self.in_flight.scratch.insert((id, position), scratch);
            if let Outcome::Trouble { .. } = outcome {
                self.wait_for_render(id, position, &command.kind, &outcome);
            }
            return;
        }
        if matches!(command.kind, CommandKind::BackUp { .. }) && self.is_waiting(id, position) {
            let views = std::mem::take(&mut scratch.met);
            self.in_flight.scratch.insert((id, position), scratch);
            self.in_flight.unblock(id, position);
            self.hold_for_another(id, position, &views, &outcome);
            return;
        }
        let before = scratch.clone();
        let recorded = self.state.find(id).map(|rollout| {
            let ctx = rollout.ctx(id, position, &before, &self.state, self.at);
            if rollout.is_managed(position) && !ctx.state.status.is_working() {
                return closing_answer(&ctx, &mut scratch, &command.kind, &outcome);
            }
            record::record(&ctx, &mut scratch, asked_at, &command.kind, outcome)
        });
        self.in_flight.scratch.insert((id, position), scratch);
        let Some(recorded) = recorded else { return };
        if self.is_left_open(&recorded.facts) {
            return;
        }
        for fact in recorded.facts {
            self.emit_in(id, fact);
        }
        if let Some((name, sealed)) = recorded.attachment {
            self.attach(name, sealed);
        }
    }

    fn is_waiting(&self, id: RolloutId, position: Position) -> bool {
        self.state
            .find(id)
            .is_some_and(|rollout| rollout.waiting(position.phase).contains(&position.index))
    }

    /// Takes the answer of a watch: unhealthy, or replaced by somebody else.
    pub(crate) fn record_watch(&mut self, id: RolloutId, position: Position, outcome: &Outcome) {
        let facts = self.ask(id, position, |ctx| {
            if !ctx.state.status.is_healthy() {
                return Vec::new();
            }
            if let Outcome::Replaced { role, by } = outcome {
                return record::health::replaced(ctx, role, by.as_ref());
            }
            if let Outcome::Gone { role, reason } = outcome {
                return vec![record::unanswered::vanished(ctx, role, reason).into()];
            }
            let Outcome::Judged { role, verdict } = outcome else {
                return Vec::new();
            };
            if verdict.healthy {
                Vec::new()
            } else {
                record::health::unhealthy(ctx, role, verdict)
            }
        });
        for fact in facts.unwrap_or_default() {
            self.emit_in(id, fact);
        }
    }
}
