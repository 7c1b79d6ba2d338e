//! The one place that says whether something may start (R21). `advance` asks it to decide, `why` to explain, the
//! forecast to look ahead; they cannot disagree.

use std::borrow::Cow;

use chrono_tz::Tz;
use policy::calendar::{Boundary, Freeze, Held, Interval, Occurrence, Opening, Windows};
use policy::plan::matches_pin;
use policy::{CustomerId, PersonId, Role, Timestamp};

use crate::fold::index::{Position, Rollout};
use crate::model::freeze::{FreezeId, is_lifted};
use crate::model::hold::{Hold, HoldKind};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::{Offer, Offers};
use crate::model::recovery::{Moved, Recovery};
use crate::model::request::Directory;
use crate::model::state::{CustomerState, CustomerStatus, DrainTo, PhaseState, RolloutState};
use crate::product::{Product, State};
use crate::progress::gate;

/// Said of every gate while `tranche.yaml` cannot be parsed.
const SHUT: &str =
    "tranche.yaml cannot be parsed, so votes are recorded and no gate opens until it can";

/// So many windows and freezes that take turns are passed in a forecast: two months of days that all have both.
const PASSES: usize = 128;

/// A freeze as it meets one customer.
struct Frozen {
    name: String,
    interval: Interval,
    /// Of one that comes again: how the occurrence begins.
    occurrence: Option<Boundary>,
    /// Of a freeze that somebody made: who, and why.
    made: Option<String>,
    /// Of the two who must ask for it, the one who has asked to lift it.
    voice: Option<PersonId>,
}

impl Hold {
    pub(crate) fn new(kind: HoldKind, owner: &str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            until: None,
            since: None,
            owner: owner.to_owned(),
            way_out: None,
            offers: Offers::default(),
        }
    }

    pub(crate) fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    pub(crate) fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }

    pub(crate) fn way_out(mut self, offers: impl Into<Offers>) -> Self {
        self.offers = offers.into();
        self.way_out = self.offers.first();
        self
    }
}

impl State {
    /// Who may do what in a rollout now: the files as last read, or as frozen.
    pub(crate) fn directory(&self, run: &Rollout) -> Cow<'_, Directory> {
        let read = self.product.directory().map(Cow::Borrowed);
        let known = read.unwrap_or_else(|| Cow::Owned(Directory::of(&run.plan.project)));
        Directory::bound_by(known, &run.plan.project)
    }

    /// Who may do what by the newest unfinished rollout, as its plan has frozen it.
    pub(crate) fn frozen_directory(&self) -> Option<Directory> {
        let mut unfinished = self.runs.values().rev().filter(|run| !run.is_ended());
        unfinished
            .next()
            .map(|run| Directory::of(&run.plan.project))
    }

    /// Who may do what, as last known.
    pub(crate) fn last_directory(&self) -> Option<Directory> {
        let read = self.product.directory().cloned();
        read.or_else(|| self.frozen_directory())
    }

    /// What keeps the whole product or rollout from starting anybody.
    fn rollout_holds(&self, run: &Rollout) -> Vec<Hold> {
        let mut holds = Vec::new();
        match &run.row.state {
            RolloutState::Queued => holds.push(Hold::new(
                HoldKind::Queued,
                "another rollout",
                "it waits for another rollout to end",
            )),
            RolloutState::Draining {
                to: DrainTo::Halted,
                since,
            } => {
                holds.push(
                    Hold::new(HoldKind::Halted, "operators", "the rollout is halting")
                        .since(Some(*since)),
                );
            }
            RolloutState::Draining { since, .. } => {
                holds.push(
                    Hold::new(HoldKind::Halted, "nobody", "the rollout is ending")
                        .since(Some(*since)),
                );
            }
            RolloutState::Halted { since, reason } => holds.push(
                Hold::new(
                    HoldKind::Halted,
                    "operators",
                    format!("the rollout is halted: {reason}"),
                )
                .since(Some(*since))
                .way_out(run.lifts_halt()),
            ),
            RolloutState::Ended { .. } => holds.push(Hold::new(
                HoldKind::Halted,
                "nobody",
                "the rollout has ended",
            )),
            RolloutState::Running => {}
        }
        if let Some(mark) = &run.row.paused {
            let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
            let reason = mark.reason.as_ref();
            let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            let text = format!("{by} paused the rollout{why}");
            let hold = Hold::new(HoldKind::Paused, "operators", text);
            holds.push(hold.since(Some(mark.at)).way_out(Offer::Resume));
        }
        holds.extend(self.elsewhere_hold(run));
        if let Some(reason) = &self.product.clock_suspected {
            let text = format!("the clock is not trusted yet: {reason}");
            holds.push(Hold::new(HoldKind::Clock, "Render", text).way_out(Offer::ResumeClock));
        }
        if let Some(reason) = &self.product.workspace_held {
            let text = format!("the workspace is held: {reason}");
            let hold = Hold::new(HoldKind::Workspace, "Render", text);
            holds.push(hold.way_out(Offer::RenderCheck));
        }
        if let Some(block) = self.product.blocks.get(&run.plan.release.version) {
            let text = format!(
                "{} blocked {}: {}",
                block.by, run.plan.release.version, block.reason
            );
            let way_out = Offer::Unblock(run.plan.release.version.clone());
            holds.push(
                Hold::new(HoldKind::Blocked, "operators", text)
                    .since(Some(block.since))
                    .way_out(way_out),
            );
        }
        holds
    }

    /// What keeps a phase from starting anybody of the batch whose turn it is.
    pub(crate) fn phase_holds(&self, run: &Rollout, phase: usize, at: Timestamp) -> Vec<Hold> {
        let mut holds = self.rollout_holds(run);
        let row = &run.phases[phase];
        if row.state == PhaseState::Waiting {
            holds.extend(run.order_holds(phase, at));
        }
        if let Some(gate) = self.phase_gate_hold(run, phase) {
            holds.push(gate);
        }
        holds.extend(run.batch_holds(phase, at));
        holds
    }

    fn phase_gate_hold(&self, run: &Rollout, phase: usize) -> Option<Hold> {
        let gate = GateId::Phase(run.plan.phases[phase].policy.name.clone());
        run.has_gate(&gate)
            .then(|| self.gate_hold(run, phase, &gate))
            .flatten()
    }

    fn gate_hold(&self, run: &Rollout, phase: usize, gate: &GateId) -> Option<Hold> {
        let approval = run.plan.phases[phase].policy.approval.as_ref()?;
        let directory = self.directory(run);
        let row = run.gates.get(gate);
        let has_passed = row.is_some_and(|row| row.passed_at.is_some());
        if self.product.gates_shut() && !has_passed {
            let missing = gate::missing(run, approval, &directory, row);
            let text = format!("{gate} has {missing}; {SHUT}");
            let hold = Hold::new(HoldKind::Approval, "operators", text);
            return Some(hold.way_out(Offer::Validate));
        }
        if row.is_some_and(|row| gate::is_open(run, approval, &directory, row)) {
            return None;
        }
        if let Some(mark) = row.and_then(|row| row.rejected.as_ref()) {
            let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
            let text = format!(
                "{by} rejected {gate}: {}",
                mark.reason.as_deref().unwrap_or("no reason")
            );
            let hold = Hold::new(HoldKind::Approval, "operators", text);
            return Some(hold.since(Some(mark.at)).way_out(Offer::retry(gate)));
        }
        let missing = gate::missing(run, approval, &directory, row);
        let since = row
            .and_then(|row| row.request.as_ref())
            .map(|request| request.since);
        let hold = |owner, text| Hold::new(HoldKind::Approval, owner, text).since(since);
        if let Some(why) = gate::unfillable(run, approval, &directory, row) {
            let hold = hold("admins", format!("{gate} has {missing}; {why}"));
            return Some(hold.way_out("name more people in the groups and roles of tranche.yaml"));
        }
        let hold = hold("approvers", format!("{gate} has {missing}"));
        Some(hold.way_out(Offer::votes(gate)))
    }

    /// The unfinished rollout or operation that has the customer in hand (R15).
    pub(crate) fn owner(&self, customer: &CustomerId) -> Option<RolloutId> {
        let owner = self.fleet.get(customer)?.owner?;
        self.runs
            .get(&owner)
            .is_some_and(|run| !run.is_ended())
            .then_some(owner)
    }

    /// What keeps one customer from starting, its phase apart.
    pub(crate) fn unit_holds(
        &self,
        run: &Rollout,
        id: RolloutId,
        customer: &CustomerId,
        windows: &Windows,
        at: Timestamp,
    ) -> Vec<Hold> {
        let mut holds = Vec::new();
        let Some(phase) = run.phase_of(customer) else {
            return holds;
        };
        holds.extend(person_hold(customer, run.customer(customer)));
        let batch = run
            .batch_of(customer)
            .unwrap_or(run.phases[phase].batches_begun + 1);
        if let Some(owner) = self.owner(customer).filter(|owner| *owner != id) {
            let text = format!("{owner} is changing this customer");
            holds.push(Hold::new(HoldKind::Owned, "another rollout", text));
        }
        holds.extend(self.moved_hold(run, customer));
        if let Some(gate) = run
            .gate_for(phase, batch, customer)
            .filter(|gate| !matches!(gate, GateId::Phase(_)))
        {
            holds.extend(self.gate_hold(run, phase, &gate));
        }
        // A person's rollback is not held by the calendar (R9).
        if matches!(id, RolloutId::Rollout(_)) {
            holds.extend(self.pin_hold(run, customer, at));
            holds.extend(self.freeze_hold(run, customer, at));
        }
        match windows.opening(at) {
            Opening::Open { .. } => {}
            Opening::Opens { at } => {
                holds.push(
                    Hold::new(HoldKind::Window, "the calendar", "it is outside its window")
                        .until(at),
                );
            }
            Opening::Never => {
                let text = "no window opens in the years to come; edit it and replan";
                holds.push(Hold::new(HoldKind::Window, "operators", text).way_out(Offer::Replan));
            }
        }
        holds
    }

    /// The plan names a database that the customer does not read any more: variables made from it would bring the old data
    /// back (T15).
    fn moved_hold(&self, run: &Rollout, customer: &CustomerId) -> Option<Hold> {
        let planned = run.plan.customers.get(customer)?;
        let named = planned
            .customer
            .services
            .get(&Role::new(policy::plan::DATABASE))?;
        let moved = self.moved(customer)?;
        (moved.from.0 == named.id.as_str()).then(|| {
            let Moved { by, from, to, since } = moved;
            let text = format!(
                "{by} has restored its database to {to}, and the plan still names {from}: write {to} for it in customers.yaml, and in its secrets"
            );
            let hold = Hold::new(HoldKind::Person, "operators", text).since(Some(*since));
            // What has started keeps its plan (R6), and so does an operation.
            let keeps = run.customer(customer).batch.is_some() || run.row.operation.is_some();
            hold.way_out(match keeps {
                true => Offer::skip(customer).noted("and start anew"),
                false => Offer::Replan,
            })
        })
    }

    /// A pin that was added or lengthened after the start (R6).
    fn pin_hold(&self, run: &Rollout, customer: &CustomerId, at: Timestamp) -> Option<Hold> {
        let pin = self.product.read_files()?.pins.get(customer)?;
        let matches = matches_pin(&pin.version, &run.plan.release.version);
        if matches || pin.until.is_some_and(|until| until <= at) {
            return None;
        }
        let hold = Hold::new(
            HoldKind::Pin,
            "operators",
            format!("it is pinned to {}", pin.version),
        );
        Some(match pin.until {
            Some(until) => hold.until(until),
            None => hold,
        })
    }

    fn freeze_hold(&self, run: &Rollout, customer: &CustomerId, at: Timestamp) -> Option<Hold> {
        let active = self.frozen(run, customer, at).into_iter();
        let last = active.max_by_key(|freeze| freeze.interval.until)?;
        let name = &last.name;
        let asked = last.voice.as_ref().map_or_else(String::new, |voice| {
            format!("; {voice} asked to lift it, and a second person must say the same")
        });
        let (made, way_out) = match &last.made {
            Some(made) => (format!(" ({made})"), Offer::Unfreeze(name.clone())),
            None => (
                String::new(),
                Offer::Override(name.clone(), last.occurrence),
            ),
        };
        let of = last
            .occurrence
            .map_or_else(String::new, |begins| format!(" of {begins}"));
        let text = format!("the freeze {name}{of} is on{made}{asked}");
        let hold = Hold::new(HoldKind::Freeze, "the calendar", text);
        Some(
            hold.since(Some(last.interval.from))
                .until(last.interval.until)
                .way_out(way_out),
        )
    }

    /// Every freeze that holds a customer at an instant and was not lifted here: as frozen into the plan, as now written, and
    /// made by people (R9).
    fn frozen(&self, run: &Rollout, customer: &CustomerId, at: Timestamp) -> Vec<Frozen> {
        let Some(planned_customer) = run.plan.customers.get(customer) else {
            return Vec::new();
        };
        let zone = run.zone_of(customer);
        let written = self
            .product
            .read_files()
            .into_iter()
            .flat_map(|files| &files.freezes);
        let planned = run.plan.freezes.iter().chain(written);
        let covering = planned.filter(|freeze| freeze.covers(customer, &planned_customer.customer));
        let mut freezes: Vec<Frozen> = covering
            .filter_map(|freeze| Frozen::of(run, freeze, zone, at))
            .collect();
        let made = self.product.freezes.iter().filter(|(_, freeze)| {
            freeze.customers.is_empty() || freeze.customers.contains(customer)
        });
        freezes.extend(made.filter_map(|(name, freeze)| {
            let voices = run.voices(|| FreezeId::made(name, freeze));
            let interval = Interval {
                from: freeze.from,
                until: freeze.until,
            };
            (interval.contains(at) && !is_lifted(&voices)).then(|| Frozen {
                name: name.clone(),
                interval,
                occurrence: None,
                made: Some(format!("{}: {}", freeze.by, freeze.reason)),
                voice: voices.first().map(|voice| (*voice).clone()),
            })
        }));
        freezes
    }
}

impl Frozen {
    /// A freeze of the files, if it holds a customer of that zone and was not lifted here.
    fn of(run: &Rollout, freeze: &Freeze, zone: Tz, at: Timestamp) -> Option<Self> {
        let voices = |occurrence: &Occurrence<'_>| run.voices(|| FreezeId::from(occurrence));
        let Held {
            occurrence,
            interval,
        } = freeze.held(at, zone, |occurrence| is_lifted(&voices(occurrence)))?;
        Some(Self {
            name: freeze.name.clone(),
            interval,
            occurrence: match freeze.once() {
                Some(_) => None,
                None => Some(occurrence.period.from),
            },
            made: None,
            voice: voices(&occurrence).first().map(|voice| (*voice).clone()),
        })
    }
}

/// A held customer, or one whose rollback failed, waits for a person's word (R11, R18).
fn person_hold(customer: &CustomerId, unit: &CustomerState) -> Option<Hold> {
    if !matches!(
        unit.state,
        CustomerStatus::Held { .. } | CustomerStatus::RollbackFailed
    ) {
        return None;
    }
    let reason = unit.reason.clone().unwrap_or_default();
    let hold = Hold::new(HoldKind::Person, "operators", reason).since(unit.since);
    Some(hold.way_out(Offer::retry(customer).or(Offer::skip(customer))))
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
                "earlier phases",
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
                    "the calendar",
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
            holds.push(Hold::new(HoldKind::Batch, "the batch before", text));
        }
        let begins = turn.is_none_or(|turn| turn > self.phases[phase].batches_begun);
        if let (Some(delay), true) = (&self.phases[phase].delay, begins)
            && delay.until > at
        {
            let text = "the delay between batches is running";
            let hold = Hold::new(HoldKind::Delay, "the clock", text).since(Some(delay.since));
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

impl Product {
    /// Why this customer waits now, and until when; empty: nothing is in its way, or it is not waiting.
    pub fn holds(&self, id: RolloutId, customer: &CustomerId, at: Timestamp) -> Vec<Hold> {
        let Some(run) = self.state.runs.get(&id) else {
            return Vec::new();
        };
        let Some(phase) = run.phase_of(customer) else {
            return Vec::new();
        };
        let unit = run.customer(customer);
        match &unit.state {
            CustomerStatus::Waiting => {}
            CustomerStatus::Held { .. } | CustomerStatus::RollbackFailed => {
                return person_hold(customer, unit).into_iter().collect();
            }
            CustomerStatus::Forward | CustomerStatus::Backward | CustomerStatus::Withdrawing => {
                if let Some(trouble) = self.trouble_hold(id, run, customer, at) {
                    return vec![trouble];
                }
                let recovery = unit.recovery.as_ref();
                let recovery = recovery.filter(|_| unit.state == CustomerStatus::Backward);
                let recovering = recovery.and_then(Recovery::doing);
                let text = recovering.unwrap_or_else(|| "it is being worked on".to_owned());
                return vec![Hold::new(HoldKind::Working, "Render", text).since(unit.since)];
            }
            CustomerStatus::Healthy
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => return Vec::new(),
        }
        if run.is_ending() {
            // Nothing else matters to it any more.
            return self.state.rollout_holds(run).into_iter().take(1).collect();
        }
        let mut holds = self.state.phase_holds(run, phase, at);
        holds.extend(Self::earlier_batch_hold(run, phase, customer));
        holds.extend(self.state.unit_holds(
            run,
            id,
            customer,
            &Self::windows_of(run, customer),
            at,
        ));
        holds.extend(self.work.reading_holds(id, run, customer, at));
        if !holds.iter().any(|hold| hold.kind == HoldKind::Trouble) {
            holds.extend(self.trouble_hold(id, run, customer, at));
        }
        if holds.is_empty() {
            holds.extend(self.queue_hold(id, run, phase, customer));
        }
        holds
    }

    /// Nothing of its own is in its way: what it waits for in the queue.
    fn queue_hold(
        &self,
        id: RolloutId,
        run: &Rollout,
        phase: usize,
        customer: &CustomerId,
    ) -> Option<Hold> {
        let place = run.place(customer)?;
        let name = |place: &Position| run.at_place(place.phase, place.place).to_string();
        if self.work.preparing.contains_key(&(id, place)) {
            let text = "its services are read before it starts";
            return Some(Hold::new(HoldKind::Working, "Render", text));
        }
        if let Some(hold) = self.confirm_hold(id, run, phase) {
            return Some(hold);
        }
        if let Some(before) = self.goes_before(id, place) {
            let text = format!("{} goes first, and nobody overtakes", name(&before));
            return Some(Hold::new(HoldKind::Order, "the customer before", text));
        }
        (!self.has_slot(id, phase)).then(|| self.slot_hold())
    }

    /// All places are taken; one that a held customer keeps is given back by a person (P16).
    fn slot_hold(&self) -> Hold {
        let held = self.work.deploying.iter().find_map(|(id, place)| {
            let run = self.state.runs.get(id)?;
            let customer = run.at_place(place.phase, place.place);
            matches!(run.customer(customer).state, CustomerStatus::Held { .. }).then_some(customer)
        });
        let Some(held) = held else {
            let text = "as many customers as may go at once are on their way";
            return Hold::new(HoldKind::Slot, "the customers before", text);
        };
        let text = format!(
            "as many customers as may go at once are on their way; {held} is held, and the end of its deploy is not known"
        );
        Hold::new(HoldKind::Slot, "operators", text).way_out(Offer::why(held))
    }

    /// A customer of a later batch waits for the batches before it.
    fn earlier_batch_hold(run: &Rollout, phase: usize, customer: &CustomerId) -> Option<Hold> {
        let own = run.batch_of(customer)?;
        let turn = run.turn(phase)?;
        (own > turn).then(|| {
            let text = format!("batch {turn} goes first, and this customer is in batch {own}");
            Hold::new(HoldKind::Batch, "the batch before", text)
        })
    }

    /// The calendar of a customer in a rollout.
    pub(crate) fn windows_of(run: &Rollout, customer: &CustomerId) -> Windows {
        let planned = &run.plan.customers[customer];
        let policy = &run.plan.phases[planned.phase].policy;
        let zone = run.zone_of(customer);
        Windows::new(&policy.window, &planned.customer.window, zone)
            .expect("the parser has checked every window")
    }

    /// When a customer will begin as far as is known, and the holds whose end is not known. `gate` counts as open.
    pub(crate) fn forecast(
        &self,
        id: RolloutId,
        customer: &CustomerId,
        gate: &GateId,
        at: Timestamp,
    ) -> (Timestamp, Vec<Hold>) {
        let mut begins = at;
        let mut holds = self.holds(id, customer, begins);
        let ends = |holds: &[Hold], at| {
            let last = holds.iter().filter_map(|hold| hold.until).max();
            last.filter(|until| *until > at)
        };
        // Each pass moves to the end of a hold; calendars can alternate, so the passes are bounded.
        for _ in 0..PASSES {
            let Some(later) = ends(&holds, begins) else {
                break;
            };
            begins = later;
            holds = self.holds(id, customer, begins);
        }
        // What still holds then comes to no end that is known.
        let is_endless = ends(&holds, begins).is_some();
        let is_gate = |hold: &Hold| {
            hold.kind == HoldKind::Approval && hold.text.starts_with(&format!("{gate} "))
        };
        let open = holds.into_iter();
        (
            begins,
            open.filter(|hold| (is_endless || hold.until.is_none()) && !is_gate(hold))
                .collect(),
        )
    }
}
