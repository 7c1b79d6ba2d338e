//! The whole state of a product, and the one function that changes it.
//!
//! [`Product::step`] is `record` (the input becomes the facts it names) and then `advance` (what follows from the facts
//! at this instant). Start reading at [`Product::step`].
//!
//! An `impl Product` block stands where its question is answered:
//!
//! | file | what it answers there |
//! |---|---|
//! | `product/notices.rs` | Where is each report and notice answered? |
//! | `customer/advance_customer.rs` | How does one customer go on, and what does an answer for it lead to? |
//! | `customer/closing.rs` | What is put back when its rollout ends? |
//! | `customer/confirm.rs` | Is it seen healthy again after a restart? |
//! | `customer/elsewhere.rs` | Is another engine, or a moved copy, at work? |
//! | `customer/quarantine.rs` | What becomes of a customer at which the code panicked? |
//! | `customer/restart.rs` | What does an engine take up that starts? |
//! | `customer/targets.rs` | Does a rollback lead back to what was unhealthy? |
//! | `customer/trouble.rs` | What if Render gives no usable answer? |
//! | `progress/running.rs` | What runs where? |
//! | `progress/files_read.rs` | What follows from the files as read again? |
//! | `progress/holds.rs`, `progress/windows.rs` | Why does a customer wait, and until when? |
//! | `progress/start_customers.rs`, `progress/preflight.rs` | Who starts at this tick? |
//! | `progress/phases.rs` | When does a phase start, soak, settle, and a gate open or lapse? |
//! | `progress/end_state.rs` | When does a rollout halt or end, and how? |
//! | `progress/idle.rs` | Could anything still change without a person? |
//! | `requests/verbs.rs` | Who may, and which rollout is meant? Each verb stands in a file beside it. |
//! | `requests/trial.rs` | Would it be taken? |
//! | `read/view.rs`, `read/view/` | What does all this look like? |

pub(crate) mod notices;

use std::collections::BTreeSet;

use policy::{PersonId, Timestamp};

use crate::fold::in_flight::InFlight;
use crate::fold::index::{Position, Rollout};
use crate::fold::note::Notes;
use crate::fold::rows::LoadError;
use crate::fold::state::{Damage, RowKey, State};
use crate::fold::timers::TimerKey;
use crate::model::actor::Proof;
use crate::model::command::{Command, Sealed};
use crate::model::event::Event;
use crate::model::fact::{Denied, Fact};
use crate::model::ids::{AttachmentId, RolloutId};
use crate::model::request::{Input, Rejected, Request};

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

/// Everything that spans rollouts, and all rollouts. A copy is for trying things on.
#[derive(Clone, Debug, Default)]
pub struct Product {
    pub(crate) state: State,
    pub(crate) in_flight: InFlight,
    pub(crate) at: Timestamp,
    /// Whose request is being answered, if it is proved who that is.
    asking: Option<(PersonId, Proof)>,
    /// Who is being worked on; see [`Product::busy_with`].
    pub(crate) busy: Option<(RolloutId, Position)>,
    /// While it is only asked whether a request would be taken: which rollouts its facts are about. None of them counts.
    pub(crate) trial: Option<Vec<Option<RolloutId>>>,
    out: Step,
    /// What the events of this step say.
    told: Vec<(Option<RolloutId>, Fact)>,
}

impl Product {
    /// A product in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the state back from its rows, in any order.
    ///
    /// # Errors
    /// A row of an unknown shape, an unknown one, one that belongs to no rollout, or a plan that does not hold together.
    pub fn load(rows: impl IntoIterator<Item = (RowKey, String)>) -> Result<Self, LoadError> {
        let mut product = Self {
            state: State::load(rows)?,
            ..Self::new()
        };
        product.at = product.state.product.at;
        product.in_flight.tick_wanted = true;
        product.in_flight.undriven = true;
        Ok(product)
    }

    /// The stored form of a row; `None`: it does not exist.
    pub fn row(&self, key: &RowKey) -> Option<String> {
        self.state.row(key)
    }

    /// The keys of all rows.
    pub fn row_keys(&self) -> Vec<RowKey> {
        self.state.row_keys()
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
                recorded.map_err(|rejected| self.settle_refusal(at, request.rollout, rejected))?;
            }
            Input::Tick => {
                if self.state.product.clock_suspected.is_none() {
                    self.in_flight.judged_until = self.at;
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
        let known = request
            .rollout
            .filter(|rollout| self.state.rollouts.contains_key(rollout));
        let fact = Denied {
            actor: request.by.name.clone(),
            reason: rejected.message.clone(),
            request: request.verb.name().to_owned(),
            code: rejected.code,
        };
        self.ask_for(request);
        self.emit_about(known, fact.into());
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
        if self.in_flight.tick_wanted {
            return Some(self.at);
        }
        self.in_flight.timers.next()
    }

    /// What runs now. Empty after `load`, until the shell has reported `EngineStarted`.
    pub fn in_flight(&self) -> impl Iterator<Item = &Command> {
        self.in_flight.issued.values().map(|issued| &issued.command)
    }

    /// Sequence number and hash of the last event.
    pub fn head(&self) -> (u64, &str) {
        (self.state.product.seq, &self.state.product.hash)
    }

    /// Whether every rollout and operation has ended.
    pub fn is_finished(&self) -> bool {
        self.state.rollouts.values().all(Rollout::is_ended)
    }

    /// Whether an instant has passed as far as clock edges go: a tick on a trusted clock has come since (R24, P25). After a
    /// report or a request nothing ends, lapses or expires.
    pub(crate) fn has_passed(&self, instant: Timestamp) -> bool {
        instant <= self.in_flight.judged_until
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
    pub(crate) fn emit(&mut self, fact: impl Into<Fact>) {
        self.emit_about(None, fact.into());
    }

    fn notes(&mut self) -> Notes<'_> {
        Notes {
            state: &self.state,
            in_flight: &mut self.in_flight,
        }
    }

    /// Looks at every phase and every waiting customer of a rollout again: rare, by a person or at an end.
    pub(crate) fn wake_rollout(&mut self, id: RolloutId) {
        if self.trial.is_none() {
            self.notes().wake_rollout(id);
        }
    }

    /// Adds a fact about a rollout.
    pub(crate) fn emit_in(&mut self, run: RolloutId, fact: impl Into<Fact>) {
        self.emit_about(Some(run), fact.into());
    }

    fn emit_about(&mut self, rollout: Option<RolloutId>, fact: Fact) {
        if let Some(trial) = &mut self.trial {
            trial.push(rollout);
            return;
        }
        let mut line = fact.line();
        line.rollout = rollout;
        if let Some((person, proof)) = &self.asking
            && line.actor.as_ref() == Some(person)
        {
            line.prove(proof);
        }
        // The journal must fold to this very state.
        debug_assert_eq!(Fact::read(&line).as_ref(), Ok(&fact));
        let product = &self.state.product;
        let event = Event::link(product.seq + 1, self.at, line, product.hash.clone());
        self.state.apply_told(&event, &fact);
        // What would not fold is never written.
        assert!(self.state.damage.is_none(), "{:?}", self.state.damage);
        self.notes().note(rollout, &fact);
        self.told.push((rollout, fact));
        self.out.events.push(event);
    }

    /// The facts of this step, the latest first, and in which rollout each is.
    pub(crate) fn told(&self) -> impl Iterator<Item = &(Option<RolloutId>, Fact)> {
        self.told.iter().rev()
    }

    pub(crate) fn send(&mut self, command: Command) {
        self.out.commands.push(command);
    }

    pub(crate) fn attach(&mut self, id: AttachmentId, sealed: Sealed) {
        self.out.attachments.push((id, sealed));
    }

    fn take_step(&mut self) -> Step {
        self.told.clear();
        let mut step = std::mem::take(&mut self.out);
        step.touched = std::mem::take(&mut self.state.touched);
        step
    }

    /// What follows from the facts at this instant, until nothing more does (R24: clock edges and starts are the tick's).
    pub(crate) fn advance(&mut self) {
        loop {
            if std::mem::take(&mut self.in_flight.met_another) {
                self.judge_met();
            } else if let Some((id, position)) = self.in_flight.dirty_customers.pop_first() {
                self.advance_customer(id, position);
            } else if let Some(id) = self.in_flight.dirty_rollouts.pop_first() {
                self.judge_rollout(id);
                self.in_flight.ending_rollouts.insert(id);
            } else if let Some((id, gate)) = self.in_flight.dirty_gates.pop_first() {
                self.drive_gate(id, &gate);
            } else if let Some((id, phase)) = self.in_flight.dirty_phases.pop_first() {
                self.drive_phase(id, phase);
                self.in_flight.ending_rollouts.insert(id);
            } else if let Some(id) = self.in_flight.ending_rollouts.pop_first() {
                self.end_rollout(id);
            } else if std::mem::take(&mut self.in_flight.queued_dirty) {
                self.begin_queued();
            } else {
                break;
            }
        }
    }

    fn fire_timers(&mut self) {
        self.in_flight.tick_wanted = false;
        while let Some(key) = self.in_flight.timers.pop_due(self.at) {
            match key {
                TimerKey::CustomerState(id, position) => {
                    self.in_flight.dirty_customers.insert((id, position));
                    self.in_flight.dirty_phases.insert((id, position.phase));
                }
                TimerKey::Position(id, position) => self.in_flight.unblock(id, position),
                TimerKey::Phase(id, phase) => {
                    self.in_flight.dirty_phases.insert((id, phase));
                    self.in_flight.unblock_phase(id, phase);
                }
                TimerKey::Gate(id, gate) => {
                    self.in_flight.dirty_gates.insert((id, gate));
                }
            }
        }
    }
}

/// Instants are stored in milliseconds.
pub(crate) fn cut(at: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}
