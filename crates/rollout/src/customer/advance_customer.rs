//! Moves one customer on: issues what it needs next, and takes the answers.

use policy::Timestamp;

use crate::customer::answer::Recorded;
use crate::customer::ctx::{Ctx, Next};
use crate::customer::next::{self, Scratch};
use crate::customer::protocol::DeployDirection;
use crate::customer::{answer, record, recovery, trouble};
use crate::fold::index::{Position, Rollout};
use crate::model::command::{Command, CommandKind, Outcome};
use crate::model::event::{Kind, Line};
use crate::model::ids::RolloutId;
use crate::model::recovery::RecoveryState;
use crate::model::state::{AutoDeployState, CustomerStatus, DeployState, RolloutState};
use crate::product::{Product, State, unsure};
use crate::progress::in_flight::{Issued, Slot, TimerKey};

/// More facts than this from one customer without an answer from outside would be a circle.
const MAX_FACTS_A_TURN: usize = 64;

impl Rollout {
    fn ctx<'a>(
        &'a self,
        id: RolloutId,
        place: Position,
        scratch: &'a Scratch,
        state: &'a State,
        at: Timestamp,
    ) -> Ctx<'a> {
        let customer = self.at_place(place.phase, place.place);
        Ctx {
            run: id,
            left: state.moved(customer).map(|moved| &moved.from),
            plan: &self.plan,
            customer,
            planned: &self.plan.customers[customer],
            unit: self.customer(customer),
            scratch,
            state,
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
        let working = working.map(|&(phase, place)| Position { phase, place });
        let healthy = self.healthy().iter();
        let healthy = healthy.map(|&(phase, _, place)| Position { phase, place });
        let held = self.held().filter_map(|customer| self.place(customer));
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
        place: Position,
        question: impl FnOnce(&Ctx<'_>) -> T,
    ) -> Option<T> {
        let run = self.state.runs.get(&id)?;
        let empty = Scratch::default();
        let scratch = self.work.scratch.get(&(id, place)).unwrap_or(&empty);
        Some(question(&run.ctx(id, place, scratch, &self.state, self.at)))
    }

    /// Does what the customer needs until it waits for something.
    pub(crate) fn drive_unit(&mut self, id: RolloutId, place: Position) {
        self.about(id, place, |product| product.drive_on(id, place));
    }

    fn drive_on(&mut self, id: RolloutId, place: Position) {
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        if place.phase >= run.phases.len()
            || place.place >= run.plan.phases[place.phase].customers.len()
        {
            return;
        }
        if run.row.restored {
            // Nothing leaves for it, not even a look, until a person has said that it may go on (P40). What has left and
            // cannot be repeated is seen to its end: without its answer it would be sent again (P8).
            let main = self.work.out(id, place, Slot::Main);
            if main.is_none_or(|issued| issued.command.kind.is_repeatable()) {
                self.unwant(id, place, Slot::Main);
            }
            for slot in [Slot::Watch, Slot::Confirm] {
                self.unwant(id, place, slot);
            }
            self.count_deploying(id, place);
            return;
        }
        for _ in 0..MAX_FACTS_A_TURN {
            let closing = self.closing(id, place);
            let next = self.ask(id, place, |ctx| {
                trouble::patient(ctx, closing.unwrap_or_else(|| next::next(ctx)))
            });
            let Some(next) = next else { return };
            if let Next::Facts(facts) = next {
                if self.is_left_open(&facts) {
                    self.count_deploying(id, place);
                    return;
                }
                for fact in facts {
                    self.emit_in(id, fact);
                }
                continue;
            }
            self.settle_into(id, place, next);
            self.watch(id, place);
            self.count_deploying(id, place);
            return;
        }
        let what = format!("{MAX_FACTS_A_TURN} facts in a row, and none that ends them");
        assert!(
            self.quarantine(id, place, &what),
            "a customer of {id} goes in circles"
        );
    }

    /// Whether the next engine has to begin this: it needs somebody who sends what is intended (P7).
    fn is_left_open(&self, facts: &[Line]) -> bool {
        self.work.undriven && facts.iter().any(|fact| fact.kind.is_intent())
    }

    fn settle_into(&mut self, id: RolloutId, place: Position, next: Next) {
        let mut timer = None;
        self.work.waiting_go.remove(&(id, place));
        match next {
            Next::Command(kind) => {
                if let CommandKind::AwaitQuiet { deploy, .. } = &kind {
                    let at = self.at;
                    self.work
                        .scratch
                        .entry((id, place))
                        .or_default()
                        .awaits(deploy, at);
                }
                self.want(id, place, Slot::Main, kind);
            }
            Next::Tick => {
                self.unwant(id, place, Slot::Main);
                self.work.waiting_go.insert((id, place));
                self.work.tick_wanted = true;
            }
            Next::Wait(until) => {
                self.unwant(id, place, Slot::Main);
                timer = Some(until);
            }
            Next::Rest => {
                // A waiting customer may have a foreign deploy to wait for.
                if self.is_working(id, place) {
                    self.unwant(id, place, Slot::Main);
                }
                timer = self.settles_at(id, place);
            }
            Next::Facts(_) => {}
        }
        self.work
            .timers
            .set(TimerKey::CustomerState(id, place), timer);
    }

    fn is_working(&self, id: RolloutId, place: Position) -> bool {
        let run = &self.state.runs[&id];
        run.customer(run.at_place(place.phase, place.place)).state != CustomerStatus::Waiting
    }

    /// When a watched customer lets its batch settle.
    fn settles_at(&self, id: RolloutId, place: Position) -> Option<Timestamp> {
        let run = self.state.runs.get(&id)?;
        let unit = run.customer(run.at_place(place.phase, place.place));
        let watch = run.plan.phases[place.phase].policy.watch;
        let until = (unit.state == CustomerStatus::Healthy)
            .then_some(unit.healthy_at? + watch.to_delta())?;
        self.is_ahead(until).then_some(until)
    }

    /// Makes sure that this command, and no other, is out in the slot; while nobody drives, none is.
    pub(crate) fn want(&mut self, id: RolloutId, place: Position, slot: Slot, kind: CommandKind) {
        if self
            .work
            .out(id, place, slot)
            .is_some_and(|issued| issued.command.kind == kind)
        {
            return;
        }
        self.unwant(id, place, slot);
        if self.work.undriven {
            return;
        }
        let run = &self.state.runs[&id];
        let customer = run.at_place(place.phase, place.place).clone();
        let goes_back = run.customer(&customer).state == CustomerStatus::Backward;
        let command = Command {
            id: self.work.new_id(),
            run: id,
            customer,
            urgent: goes_back || kind.is_urgent(),
            kind,
        };
        self.work.insert(Issued {
            command: command.clone(),
            slot,
            whose: (id, place),
            asked_at: self.at,
        });
        self.send(command);
    }

    /// Makes sure that nothing is out in the slot.
    pub(crate) fn unwant(&mut self, id: RolloutId, place: Position, slot: Slot) {
        let Some(command) = self
            .work
            .out(id, place, slot)
            .map(|issued| issued.command.id)
        else {
            return;
        };
        if let Some(issued) = self.work.take(command) {
            let stop = CommandKind::Stop { command };
            let id = self.work.new_id();
            self.send(Command {
                id,
                kind: stop,
                ..issued.command
            });
        }
    }

    /// A healthy customer is watched until its phase has settled (R11).
    fn watch(&mut self, id: RolloutId, place: Position) {
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        let customer = run.at_place(place.phase, place.place);
        let watched = run.is_watched(customer);
        if run.customer(customer).state != CustomerStatus::Healthy {
            self.unwant(id, place, Slot::Confirm);
        }
        if !watched {
            self.unwant(id, place, Slot::Watch);
            return;
        }
        let kind = self.ask(id, place, |ctx| CommandKind::Watch {
            probed: next::probed_all(ctx),
            profile: ctx.profile().clone(),
        });
        if let Some(kind) = kind {
            self.want(id, place, Slot::Watch, kind);
        }
    }

    /// Keeps count of the deploys in flight over all rollouts (P16).
    fn count_deploying(&mut self, id: RolloutId, place: Position) {
        let deploying = self.ask(id, place, next::occupies_slot);
        let was = self.work.deploying.contains(&(id, place));
        match deploying == Some(true) {
            true => self.work.deploying.insert((id, place)),
            false => self.work.deploying.remove(&(id, place)),
        };
        if was && deploying != Some(true) {
            self.work.tick_wanted = true;
        }
    }

    /// Takes the answer of the command in hand.
    pub(crate) fn record_main(
        &mut self,
        id: RolloutId,
        place: Position,
        asked_at: Timestamp,
        command: &Command,
        outcome: Outcome,
    ) {
        let mut scratch = self.work.scratch.remove(&(id, place)).unwrap_or_default();
        let awaited = matches!(command.kind, CommandKind::AwaitQuiet { .. });
        if awaited && self.is_waiting(id, place) {
            // The foreign deploy it waited for before its start is over, or cannot be read.
            scratch.foreign = None;
            self.work.unblock(id, place);
            self.work.scratch.insert((id, place), scratch);
            if let Outcome::Trouble { .. } = outcome {
                self.wait_for_render(id, place, &command.kind, &outcome);
            }
            return;
        }
        if matches!(command.kind, CommandKind::BackUp { .. }) && self.is_waiting(id, place) {
            let views = std::mem::take(&mut scratch.met);
            self.work.scratch.insert((id, place), scratch);
            self.work.unblock(id, place);
            self.hold_for_another(id, place, &views, &outcome);
            return;
        }
        let before = scratch.clone();
        let recorded = self.state.runs.get(&id).map(|run| {
            let ctx = run.ctx(id, place, &before, &self.state, self.at);
            if run.is_managed(place) && !ctx.unit.state.is_working() {
                return closing_answer(&ctx, &mut scratch, &command.kind, &outcome);
            }
            record::record(&ctx, &mut scratch, asked_at, &command.kind, outcome)
        });
        self.work.scratch.insert((id, place), scratch);
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

    fn is_waiting(&self, id: RolloutId, place: Position) -> bool {
        self.state
            .runs
            .get(&id)
            .is_some_and(|run| run.waiting(place.phase).contains(&place.place))
    }

    /// Takes the answer of a watch: unhealthy, or replaced by somebody else.
    pub(crate) fn record_watch(&mut self, id: RolloutId, place: Position, outcome: &Outcome) {
        let facts = self.ask(id, place, |ctx| {
            if ctx.unit.state != CustomerStatus::Healthy {
                return Vec::new();
            }
            if let Outcome::Replaced { role, by } = outcome {
                return record::health::replaced(ctx, role, by.as_ref());
            }
            if let Outcome::Gone { role, reason } = outcome {
                return record::unanswered::vanished(ctx, role, reason);
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

    /// Before a rollout ends, every auto-deploy that we switched off is restored once (P32).
    fn closing(&self, id: RolloutId, place: Position) -> Option<Next> {
        let run = self.state.runs.get(&id)?;
        if !run.is_managed(place) || !self.is_closing(id) {
            return None;
        }
        self.ask(id, place, |ctx| {
            let managed = |role: &&policy::Role| {
                let state = ctx.service(role).auto_deploy;
                matches!(
                    state,
                    AutoDeployState::Off
                        | AutoDeployState::OffIntended
                        | AutoDeployState::OnIntended
                )
            };
            let role = ctx.planned.services.iter().rev().find(managed)?;
            let service = ctx.target(role);
            let intend = || {
                Next::Facts(vec![
                    ctx.service_fact(Kind::AutoDeployIntended, role)
                        .with("on", true),
                ])
            };
            Some(match (ctx.service(role).auto_deploy, &ctx.scratch.view) {
                (AutoDeployState::OnIntended, _) if ctx.scratch.fresh => {
                    let baseline = ctx.service(role).baseline;
                    Next::Command(CommandKind::SetAutoDeploy {
                        service,
                        on: true,
                        trigger: baseline.and_then(|before| before.auto_deploy_trigger),
                    })
                }
                (AutoDeployState::OnIntended, None) => {
                    Next::Command(CommandKind::Inspect { service })
                }
                (AutoDeployState::OnIntended, Some(view)) if view.auto_deploy => {
                    Next::Facts(vec![ctx.service_fact(Kind::AutoDeployRestored, role)])
                }
                (_, _) => intend(),
            })
        })
        .flatten()
    }

    /// Whether nothing is left of a rollout but to restore auto-deploy and to end.
    pub(crate) fn is_closing(&self, id: RolloutId) -> bool {
        let Some(run) = self.state.runs.get(&id) else {
            return false;
        };
        if !run.working().is_empty() {
            return false;
        }
        match run.row.state {
            RolloutState::Running => run.is_through(id, self.at),
            RolloutState::Draining { to, .. } => {
                let swept = run
                    .row
                    .sweep
                    .as_ref()
                    .is_none_or(|sweep| self.state.swept(id, sweep).is_empty());
                to != crate::model::state::DrainTo::Halted && swept
            }
            RolloutState::Queued | RolloutState::Halted { .. } | RolloutState::Ended { .. } => {
                false
            }
        }
    }

    /// A new process drives: changing commands that may be in flight become look-ups (R16), everything wanted is issued. Of
    /// `out` this process knows that they are in flight.
    pub(crate) fn engine_started(&mut self, out: Vec<Command>, unsure_since: Option<Timestamp>) {
        self.work.undriven = false;
        self.emit(unsure(Line::new(Kind::EngineStarted), unsure_since));
        self.take_up(out);
        let unfinished: Vec<RolloutId> = self
            .state
            .runs
            .iter()
            .filter(|(_, run)| !run.is_ended())
            .map(|(id, _)| *id)
            .collect();
        for id in unfinished {
            self.work.resumed.insert(id);
            let run = &self.state.runs[&id];
            let gates: Vec<_> = run.gates.keys().map(|gate| (id, gate.clone())).collect();
            self.work.dirty_gates.extend(gates);
            for place in self.state.runs[&id].in_hand() {
                let reason = "the engine was started anew while the request was out";
                if self.work.out(id, place, Slot::Main).is_none() {
                    self.about(id, place, |product| product.begin_anew(id, place, reason));
                }
                self.work.dirty_units.insert((id, place));
            }
            self.work.dirty_runs.insert(id);
            self.wake_run(id);
        }
        self.work.queued_dirty = true;
    }

    /// What this process knew of a customer is gone.
    pub(crate) fn begin_anew(&mut self, id: RolloutId, place: Position, reason: &str) {
        // When the deploy before a queued one ended is not known any more: at the latest now.
        let scratch = self.work.scratch.entry((id, place)).or_default();
        scratch.quiet_since = Some(self.at);
        self.doubt(id, place, reason);
    }

    /// The process drives no more: it only records.
    pub(crate) fn engine_stopping(&mut self, out: Vec<Command>) {
        self.work.undriven = true;
        self.take_up(out);
    }

    /// Changing commands that this very process has sent and whose answers it will bring.
    fn take_up(&mut self, out: Vec<Command>) {
        for command in out {
            let run = self.state.runs.get(&command.run);
            let Some(place) = run.and_then(|run| run.place(&command.customer)) else {
                continue;
            };
            let whose = (command.run, place);
            self.work.scratch.entry(whose).or_default().fresh = true;
            self.work.take_up(Issued {
                command,
                slot: Slot::Main,
                whose,
                asked_at: self.at,
            });
        }
    }

    /// A request that this process did not send may have been sent by the one before (R16).
    fn doubt(&mut self, id: RolloutId, place: Position, reason: &str) {
        let facts = self.ask(id, place, |ctx| {
            let mut facts = Vec::new();
            let recovery = ctx.unit.recovery.as_ref().map(|recovery| &recovery.state);
            if recovery == Some(&RecoveryState::Intended) {
                facts.push(recovery::in_doubt(ctx, reason.to_owned()));
            }
            for role in &ctx.planned.services {
                let service = ctx.service(role);
                if matches!(service.deploy, DeployState::Intended { .. }) {
                    facts.push(record::deploy::in_doubt(
                        ctx,
                        role,
                        DeployDirection::Forward,
                        service.attempt,
                        reason.to_owned(),
                    ));
                }
                if matches!(service.rollback, DeployState::Intended { .. }) {
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

/// The answer of a command that restores auto-deploy.
fn closing_answer(
    ctx: &Ctx<'_>,
    scratch: &mut Scratch,
    command: &CommandKind,
    outcome: &Outcome,
) -> Recorded {
    scratch.fresh = false;
    if let Outcome::Trouble { reason } = outcome {
        scratch.view = None;
        let alarm = trouble::met(ctx, scratch, command, reason);
        return alarm.into_iter().collect::<Vec<_>>().into();
    }
    scratch.answered(command);
    match (command, outcome) {
        (CommandKind::SetAutoDeploy { service, .. }, Outcome::AutoDeploySet) => {
            vec![ctx.service_fact(Kind::AutoDeployRestored, &service.role)].into()
        }
        (CommandKind::SetAutoDeploy { service, .. }, Outcome::Refused { .. }) => {
            // Nobody can be held any more: the journal says that it stays off, and why.
            let fact = ctx.service_fact(Kind::AutoDeployRestored, &service.role);
            let reason = Some(format!("not restored: {}", answer::say(outcome)));
            vec![Line { reason, ..fact }.with("refused", true)].into()
        }
        (CommandKind::Inspect { .. }, Outcome::Inspected { views }) => {
            scratch.view = views.first().cloned();
            Recorded::default()
        }
        (CommandKind::Inspect { service }, Outcome::Gone { .. } | Outcome::Failed { .. }) => {
            // The service is gone: there is nothing to restore.
            vec![ctx.service_fact(Kind::AutoDeployRestored, &service.role)].into()
        }
        (_, _) => {
            scratch.view = None;
            Recorded::default()
        }
    }
}
