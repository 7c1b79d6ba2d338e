//! The whole state of a product, and the one function that changes it.
//!
//! [`Product::step`] is `record` (the input becomes the facts it names) and then `advance` (what follows from the facts
//! at this instant). Start reading at [`Product::step`]; what a customer needs next is in `unit`, phases and batches in
//! `phases`, who may start in `holds` and `starts`, people's requests in `verbs` and `begin`.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, PersonId, Timestamp};

use crate::fold::apply::Damage;
use crate::fold::index::{Position, Rollout};
use crate::model::command::{Command, Report, Sealed};
use crate::model::event::{Event, Kind, Line};
use crate::model::ids::{AttachmentId, RolloutId};
use crate::model::request::{Input, Notice, Proof, Rejected, Request};
use crate::model::state::{CustomerStatus, FleetRow, ProductRow};
use crate::progress::in_flight::{Issued, Slot, TimerKey, Work};

pub use crate::fold::rows::{LoadError, RowKey};

/// What follows from one input: all of it is committed in one transaction, then the commands leave.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Facts, in order.
    pub events: Vec<Event>,
    /// To be carried out after the commit.
    pub commands: Vec<Command>,
    /// Rows whose value may have changed; see [`Product::row`].
    pub touched: BTreeSet<RowKey>,
    /// Sealed bytes to store in the same transaction.
    pub attachments: Vec<(AttachmentId, Sealed)>,
}

/// Everything that is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) product: ProductRow,
    pub(crate) runs: BTreeMap<RolloutId, Rollout>,
    pub(crate) fleet: BTreeMap<CustomerId, FleetRow>,
    pub(crate) touched: BTreeSet<RowKey>,
    /// The first event that did not fold as it was meant.
    pub(crate) damage: Option<Damage>,
}

impl State {
    pub(crate) fn touch(&mut self, key: RowKey) {
        self.touched.insert(key);
    }
}

/// Everything that spans rollouts, and all rollouts. A copy is for trying things on.
#[derive(Clone, Debug, Default)]
pub struct Product {
    pub(crate) state: State,
    pub(crate) work: Work,
    pub(crate) at: Timestamp,
    /// Whose request is being answered, if it is proved who that is.
    asking: Option<(PersonId, Proof)>,
    /// Who is being worked on; see [`Product::busy_with`].
    pub(crate) busy: Option<(RolloutId, Position)>,
    /// While it is only asked whether a request would be taken: which rollouts its facts are about. None of them counts.
    pub(crate) trial: Option<Vec<Option<RolloutId>>>,
    out: Step,
}

impl Product {
    /// A product in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input at one instant (cut to milliseconds; never earlier than the last).
    ///
    /// # Errors
    /// A request that is not allowed now; nothing has changed.
    pub fn step(&mut self, at: Timestamp, input: Input) -> Result<Step, Rejected> {
        self.at = cut(at).max(self.state.product.at).max(self.at);
        match input {
            Input::Report(report) => self.record_report(report),
            Input::Notice(notice) => self.record_notice(notice),
            Input::Request(request) => {
                self.ask_for(&request);
                let recorded = self.record_request(&request);
                self.asking = None;
                recorded.map_err(|rejected| self.settle_refusal(at, request.run, rejected))?;
            }
            Input::Tick => {
                if self.state.product.clock_suspected.is_none() {
                    self.work.judged_until = self.at;
                }
                self.fire_timers();
                self.advance();
                self.start_what_can();
            }
        }
        self.advance();
        Ok(self.take_step())
    }

    /// The audit event of a rejected request (P49); it folds to nothing.
    pub fn denied(&mut self, at: Timestamp, request: &Request, rejected: &Rejected) -> Step {
        self.at = cut(at).max(self.state.product.at).max(self.at);
        let known = request.run.filter(|run| self.state.runs.contains_key(run));
        let fact = Line {
            rollout: known,
            actor: Some(request.by.name.clone()),
            reason: Some(rejected.message.clone()),
            ..Line::new(Kind::Denied)
        };
        let fact = fact
            .with("request", request.verb.name())
            .with_value("code", &rejected.code);
        self.ask_for(request);
        self.emit(fact);
        self.asking = None;
        self.take_step()
    }

    /// What follows from a request at once carries what proved who asked (P49).
    fn ask_for(&mut self, request: &Request) {
        let by = &request.by;
        self.asking = by.proof.clone().map(|proof| (by.name.clone(), proof));
    }

    /// Folds one fact. Contains no rule, so that a journal of an older release folds the same.
    pub fn apply(&mut self, event: &Event) {
        self.state.apply(event);
    }

    /// The first event that did not fold as it was meant: nothing may be driven by this state (P41).
    pub fn damage(&self) -> Option<&Damage> {
        self.state.damage.as_ref()
    }

    /// When it wants the next tick; an early one changes nothing. The instant of the last step, or an earlier one, means now.
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.work.tick_wanted {
            return Some(self.at);
        }
        self.work.timers.next()
    }

    /// What runs now. Empty after `load`, until the shell has reported `EngineStarted`.
    pub fn in_flight(&self) -> impl Iterator<Item = &Command> {
        self.work.issued.values().map(|issued| &issued.command)
    }

    /// Sequence number and hash of the last event.
    pub fn head(&self) -> (u64, &str) {
        (self.state.product.seq, &self.state.product.hash)
    }

    /// Whether every rollout and operation has ended.
    pub fn is_finished(&self) -> bool {
        self.state.runs.values().all(Rollout::is_ended)
    }

    /// Whether every rollout has ended or rests, or only a person could change anything.
    pub fn is_idle(&self) -> bool {
        self.is_finished() || !self.moves_by_itself()
    }

    /// Whether an instant has passed as far as clock edges go: a tick on a trusted clock has come since (R24, P25). After a
    /// report or a request nothing ends, lapses or expires.
    pub(crate) fn has_passed(&self, instant: Timestamp) -> bool {
        instant <= self.work.judged_until
    }

    /// Whether a tick at this instant has still something to judge. What is over on a clock that is not trusted is judged
    /// when it is trusted again.
    pub(crate) fn is_ahead(&self, instant: Timestamp) -> bool {
        match self.state.product.clock_suspected {
            None => !self.has_passed(instant),
            Some(_) => instant > self.at,
        }
    }

    /// Adds a fact to the journal and notes what it may set in motion.
    pub(crate) fn emit(&mut self, fact: impl Into<Line>) {
        let fact = fact.into();
        if let Some(trial) = &mut self.trial {
            trial.push(fact.rollout);
            return;
        }
        let fact = match &self.asking {
            Some((person, proof)) if fact.actor.as_ref() == Some(person) => {
                fact.with_value("proof", proof)
            }
            Some(_) | None => fact,
        };
        let product = &self.state.product;
        let event = Event::link(product.seq + 1, self.at, fact, product.hash.clone());
        self.state.apply(&event);
        // What would not be read back is never written.
        assert!(self.state.damage.is_none(), "{:?}", self.state.damage);
        self.note(&event.line);
        self.out.events.push(event);
    }

    /// Adds a fact about a rollout.
    pub(crate) fn emit_in(&mut self, run: RolloutId, fact: impl Into<Line>) {
        self.emit(Line {
            rollout: Some(run),
            ..fact.into()
        });
    }

    /// The latest fact of this step and rollout that answers a question.
    pub(crate) fn emitted(&self, run: RolloutId, is_it: impl Fn(&Line) -> bool) -> Option<&Line> {
        let facts = self.out.events.iter().rev().map(|event| &event.line);
        facts
            .filter(|fact| fact.rollout == Some(run))
            .find(|fact| is_it(fact))
    }

    /// Whether a fact of this step, of whatever rollout, answers a question.
    pub(crate) fn any_emitted(&self, is_it: impl Fn(&Line) -> bool) -> bool {
        self.out.events.iter().any(|event| is_it(&event.line))
    }

    pub(crate) fn send(&mut self, command: Command) {
        self.out.commands.push(command);
    }

    pub(crate) fn attach(&mut self, id: AttachmentId, sealed: Sealed) {
        self.out.attachments.push((id, sealed));
    }

    fn take_step(&mut self) -> Step {
        let mut step = std::mem::take(&mut self.out);
        step.touched = std::mem::take(&mut self.state.touched);
        step
    }

    /// What a fact may set in motion.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most facts concern only the customer or phase they name"
    )]
    fn note(&mut self, fact: &Line) {
        if matches!(
            fact.kind,
            Kind::Observed | Kind::VariablesRevealed | Kind::TokenCreated | Kind::TokenRevoked
        ) {
            return;
        }
        self.work.tick_wanted = true;
        self.work.met_another |=
            fact.kind == Kind::CustomerHeld && fact.data.contains_key("unknown");
        let Some(id) = fact.rollout else {
            self.wake_everybody();
            if fact.kind == Kind::ClockTrusted {
                self.wake_gates();
            }
            return;
        };
        self.work.dirty_runs.insert(id);
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        if let Some(phase) = fact.phase.as_ref().and_then(|name| run.phase_index(name)) {
            self.work.dirty_phases.insert((id, phase));
        }
        if let Some(customer) = &fact.customer
            && let Some(place) = run.place(customer)
        {
            self.work.dirty_units.insert((id, place));
            self.work.dirty_phases.insert((id, place.phase));
            self.work.unblock(id, place);
            self.work
                .scratch
                .entry((id, place))
                .or_default()
                .forget(fact);
        }
        if let (Kind::CustomerHealthy, Some(place)) = (
            fact.kind,
            fact.customer
                .as_ref()
                .and_then(|customer| run.place(customer)),
        ) {
            // Found healthy by this very process, it need not be seen healthy again (R17).
            self.work.confirmed.insert((id, place));
        }
        if let Some(customer) = fact.customer.as_ref().filter(|_| fact.kind.lets_go()) {
            let others = self.state.runs.iter().filter(|(_, run)| !run.is_ended());
            for (other, place) in
                others.filter_map(|(other, run)| Some((*other, run.place(customer)?)))
            {
                self.work.unblock(other, place);
            }
        }
        match fact.kind {
            Kind::RolloutStarted
            | Kind::OperationStarted
            | Kind::Replanned
            | Kind::FreezeOverridden => self.wake_run(id),
            // What it still watched is free for others.
            Kind::RolloutAborted if matches!(id, RolloutId::Operation(_)) => {
                self.work.queued_dirty = true;
                self.wake_everybody();
            }
            Kind::PhaseSettled
            | Kind::RolloutSucceeded
            | Kind::RolloutAborted
            | Kind::RolloutSuperseded => {
                self.wake_run(id);
                self.work.queued_dirty = true;
            }
            Kind::OperationEnded => {
                self.work.queued_dirty = true;
                self.wake_everybody();
            }
            kind if fact.data.contains_key("gate") || kind == Kind::Promoted => {
                if let Some(phase) = fact.phase.as_ref().and_then(|name| run.phase_index(name)) {
                    self.work.unblock_phase(id, phase);
                }
                self.note_gate(id, fact);
            }
            _ => {}
        }
    }

    fn note_gate(&mut self, id: RolloutId, fact: &Line) {
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        let Some((gate, _)) = fact
            .read::<String>("gate")
            .and_then(|gate| run.find_gate(&gate))
        else {
            return;
        };
        self.work.dirty_gates.insert((id, gate));
    }

    /// Looks at every phase and every waiting customer of a rollout again: rare, by a person or at an end.
    pub(crate) fn wake_run(&mut self, id: RolloutId) {
        if self.trial.is_some() {
            return;
        }
        let Some(run) = self.state.runs.get(&id) else {
            return;
        };
        for phase in 0..run.phases.len() {
            self.work.dirty_phases.insert((id, phase));
            self.work.unblock_phase(id, phase);
            if run.is_settled(phase) || run.is_ended() {
                let watched = run
                    .healthy()
                    .range((phase, 0, 0)..=(phase, u32::MAX, usize::MAX));
                self.work
                    .dirty_units
                    .extend(watched.map(|(phase, _, place)| {
                        (
                            id,
                            Position {
                                phase: *phase,
                                place: *place,
                            },
                        )
                    }));
            }
        }
    }

    /// What would have lapsed while the clock was not trusted is judged now.
    fn wake_gates(&mut self) {
        for (id, run) in self.state.runs.iter().filter(|(_, run)| !run.is_ended()) {
            let gates = run.gates.keys().map(|gate| (*id, gate.clone()));
            self.work.dirty_gates.extend(gates);
        }
    }

    fn wake_everybody(&mut self) {
        let unfinished: Vec<RolloutId> = self
            .state
            .runs
            .iter()
            .filter(|(_, run)| !run.is_ended())
            .map(|(id, _)| *id)
            .collect();
        for id in unfinished {
            self.work.dirty_runs.insert(id);
            self.wake_run(id);
        }
    }

    fn record_report(&mut self, report: Report) {
        let Some(issued) = self.work.take(report.command) else {
            return;
        };
        self.work.tick_wanted = true;
        let (id, place) = issued.whose;
        self.about(id, place, |product| match issued.slot {
            Slot::Main => {
                product.record_main(id, place, issued.asked_at, &issued.command, report.outcome);
            }
            Slot::Preflight => {
                product.record_preflight(id, place, &issued.command.kind, report.outcome);
            }
            Slot::Watch => product.record_watch(id, place, &report.outcome),
            Slot::Confirm => product.record_confirm(id, place, &report.outcome),
        });
        self.work.dirty_units.insert((id, place));
    }

    fn record_notice(&mut self, notice: Notice) {
        let product = &self.state.product;
        let reasoned = |kind, reason: String| Line {
            reason: Some(reason),
            ..Line::new(kind)
        };
        match notice {
            Notice::EngineStarted { out, unsure_since } => self.engine_started(out, unsure_since),
            Notice::EngineStopping { out } => self.engine_stopping(out),
            Notice::Restored { reason } => self.found_elsewhere(reason),
            Notice::ClockSuspected { reason, since }
                if product.clock_suspected.as_ref() != Some(&reason) =>
            {
                self.emit(unsure(reasoned(Kind::ClockSuspected, reason), since));
            }
            Notice::ClockFollowed { from } => self.clock_followed(from),
            Notice::ClockTrusted if product.clock_suspected.is_some() => {
                self.emit(Line::new(Kind::ClockTrusted));
            }
            Notice::WorkspaceHeld { reason } if product.workspace_held.is_none() => {
                self.emit(reasoned(Kind::WorkspaceHeld, reason));
            }
            Notice::WorkspaceReleased if product.workspace_held.is_some() => {
                self.emit(Line::new(Kind::WorkspaceReleased));
            }
            Notice::FilesRead(files) => self.files_read(&files),
            Notice::Quarantined {
                run,
                customer,
                what,
            } => self.quarantine_named(run, &customer, &what),
            Notice::ClockSuspected { .. }
            | Notice::ClockTrusted
            | Notice::WorkspaceHeld { .. }
            | Notice::WorkspaceReleased => {}
        }
    }

    /// Engine time follows the wall clock: what was stamped meanwhile moves along, here and in the state.
    fn clock_followed(&mut self, from: Timestamp) {
        let product = &self.state.product;
        let trusted = Line::new(Kind::ClockTrusted);
        if product.unsure_since.is_some() {
            let by = self.at - from;
            for scratch in self.work.scratch.values_mut() {
                scratch.move_along(by);
            }
            self.emit(trusted.with_value("from", &from));
            let open = self.state.runs.iter().filter(|(_, run)| !run.is_ended());
            let hands = open.flat_map(|(id, run)| run.in_hand().into_iter().map(|one| (*id, one)));
            self.work.dirty_units.extend(hands);
        } else if product.clock_suspected.is_some() {
            self.emit(trusted);
        }
    }

    /// What follows from the facts at this instant, until nothing more does (R24: clock edges and starts are the tick's).
    pub(crate) fn advance(&mut self) {
        loop {
            if std::mem::take(&mut self.work.met_another) {
                self.judge_met();
            } else if let Some((id, place)) = self.work.dirty_units.pop_first() {
                self.drive_unit(id, place);
            } else if let Some(id) = self.work.dirty_runs.pop_first() {
                self.judge_run(id);
                self.work.ending_runs.insert(id);
            } else if let Some((id, gate)) = self.work.dirty_gates.pop_first() {
                self.drive_gate(id, &gate);
            } else if let Some((id, phase)) = self.work.dirty_phases.pop_first() {
                self.drive_phase(id, phase);
                self.work.ending_runs.insert(id);
            } else if let Some(id) = self.work.ending_runs.pop_first() {
                self.end_run(id);
            } else if std::mem::take(&mut self.work.queued_dirty) {
                self.begin_queued();
            } else {
                break;
            }
        }
    }

    fn fire_timers(&mut self) {
        self.work.tick_wanted = false;
        while let Some(key) = self.work.timers.pop_due(self.at) {
            match key {
                TimerKey::CustomerState(id, place) => {
                    self.work.dirty_units.insert((id, place));
                    self.work.dirty_phases.insert((id, place.phase));
                }
                TimerKey::Position(id, place) => self.work.unblock(id, place),
                TimerKey::Phase(id, phase) => {
                    self.work.dirty_phases.insert((id, phase));
                    self.work.unblock_phase(id, phase);
                }
                TimerKey::Gate(id, gate) => {
                    self.work.dirty_gates.insert((id, gate));
                }
            }
        }
    }

    /// Whether a timer, a command or Render could still change something.
    fn moves_by_itself(&self) -> bool {
        let working =
            |run: &Rollout| !run.is_ended() && !run.row.restored && !run.working().is_empty();
        // Watching goes on for as long as somebody is healthy, and changes nothing by itself.
        let mut issued = self.work.issued.values();
        if self.work.tick_wanted
            || self.state.runs.values().any(working)
            || issued.any(|issued| !self.only_looks_on(issued))
            || !self.work.preparing.is_empty()
        {
            return true;
        }
        self.state
            .runs
            .iter()
            .any(|(id, run)| self.has_known_turn(*id, run))
    }

    /// Whether a command may go on for ever: a watch, or the question whether somebody who was unhealthy has recovered.
    fn only_looks_on(&self, issued: &Issued) -> bool {
        let (id, place) = issued.whose;
        match issued.slot {
            Slot::Watch => true,
            Slot::Confirm => self.unfit(id, place).is_some(),
            Slot::Main | Slot::Preflight => false,
        }
    }

    /// Whether some waiting customer's turn comes by itself: every hold in its way has a known end.
    fn has_known_turn(&self, id: RolloutId, run: &Rollout) -> bool {
        let running = matches!(run.row.state, crate::model::state::RolloutState::Running);
        if run.is_ended() || run.row.restored || !running {
            return false;
        }
        (0..run.phases.len()).any(|phase| {
            let held = || {
                run.held()
                    .any(|customer| run.phase_of(customer) == Some(phase))
            };
            let watched = |batch| run.batch_settles_at(phase, batch).is_some();
            let settling = !run.is_settled(phase)
                && run.order_holds(phase, self.at).is_empty()
                && (run.unsettled(phase).any(watched)
                    || (run.waiting(phase).is_empty() && !held()));
            settling
                || run.waiting(phase).iter().any(|place| {
                    let customer = run.at_place(phase, *place);
                    run.customer(customer).state == CustomerStatus::Waiting
                        && self
                            .holds(id, customer, self.at)
                            .iter()
                            .all(|hold| hold.until.is_some())
                })
        })
    }
}

/// A fact that says since when instants may be wrong.
pub(crate) fn unsure(fact: Line, since: Option<Timestamp>) -> Line {
    match since {
        Some(since) => fact.with_value("unsure_since", &since),
        None => fact,
    }
}

/// Instants are stored in milliseconds.
pub(crate) fn cut(at: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}
