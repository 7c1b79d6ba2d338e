//! The one place that says whether something may start (R21). `advance` asks it to decide, `why` to explain, the
//! forecast to look ahead; they cannot disagree.

use policy::calendar::{Opening, Windows};
use policy::{CustomerId, Role, Timestamp};

use crate::fold::index::{Position, Rollout};
use crate::fold::state::State;
use crate::model::hold::{Hold, HoldKind, HoldOwner};
use crate::model::ids::{GateId, RolloutId};
use crate::model::offer::Offer;
use crate::model::recovery::{Moved, Recovery};
use crate::model::state::{CustomerState, CustomerStatus, DrainTo, RolloutState};
use crate::product::Product;

/// Said of every gate while `tranche.yaml` cannot be parsed.
pub(crate) const SHUT: &str =
    "tranche.yaml cannot be parsed, so votes are recorded and no gate opens until it can";

impl Rollout {
    /// What its own state keeps from starting.
    fn state_hold(&self) -> Option<Hold> {
        Some(match &self.row.state {
            RolloutState::Queued(_) => Hold::new(
                HoldKind::Queued,
                HoldOwner::AnotherRollout,
                "it waits for another rollout to end",
            ),
            RolloutState::Draining {
                to: DrainTo::Halted,
                since,
                ..
            } => Hold::new(
                HoldKind::Halted,
                HoldOwner::Operators,
                "the rollout is halting",
            )
            .since(Some(*since)),
            RolloutState::Draining { since, .. } => {
                Hold::new(HoldKind::Halted, HoldOwner::Nobody, "the rollout is ending")
                    .since(Some(*since))
            }
            RolloutState::Halted { since, reason } => Hold::new(
                HoldKind::Halted,
                HoldOwner::Operators,
                format!("the rollout is halted: {reason}"),
            )
            .since(Some(*since))
            .way_out(self.lifts_halt()),
            RolloutState::Ended { .. } => {
                Hold::new(HoldKind::Halted, HoldOwner::Nobody, "the rollout has ended")
            }
            RolloutState::Running => return None,
        })
    }
}

impl State {
    /// What keeps the whole product or rollout from starting anybody.
    pub(crate) fn rollout_holds(&self, rollout: &Rollout) -> Vec<Hold> {
        let mut holds = Vec::from_iter(rollout.state_hold());
        if let Some(mark) = &rollout.row.paused {
            let by = mark.by.as_ref().map_or("somebody", |by| by.as_str());
            let reason = mark.reason.as_ref();
            let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            let text = format!("{by} paused the rollout{why}");
            let hold = Hold::new(HoldKind::Paused, HoldOwner::Operators, text);
            holds.push(hold.since(Some(mark.at)).way_out(Offer::Resume));
        }
        holds.extend(self.elsewhere_hold(rollout));
        if let Some(reason) = &self.product.clock_suspected {
            let text = format!("the clock is not trusted yet: {reason}");
            holds.push(
                Hold::new(HoldKind::Clock, HoldOwner::Render, text).way_out(Offer::ResumeClock),
            );
        }
        if let Some(reason) = &self.product.workspace_held {
            let text = format!("the workspace is held: {reason}");
            let hold = Hold::new(HoldKind::Workspace, HoldOwner::Render, text);
            holds.push(hold.way_out(Offer::RenderCheck));
        }
        if let Some(block) = self.product.blocks.get(&rollout.plan.release.version) {
            let text = format!(
                "{} blocked {}: {}",
                block.by, rollout.plan.release.version, block.reason
            );
            let way_out = Offer::Unblock(rollout.plan.release.version.clone());
            holds.push(
                Hold::new(HoldKind::Blocked, HoldOwner::Operators, text)
                    .since(Some(block.since))
                    .way_out(way_out),
            );
        }
        holds
    }

    /// The unfinished rollout or operation that has the customer in hand (R15).
    pub(crate) fn owner(&self, customer: &CustomerId) -> Option<RolloutId> {
        let owner = self.fleet.get(customer)?.owner?;
        self.find(owner)
            .is_some_and(|rollout| !rollout.is_ended())
            .then_some(owner)
    }

    /// What keeps one customer from starting, its phase apart.
    pub(crate) fn customer_holds(
        &self,
        rollout: &Rollout,
        id: RolloutId,
        customer: &CustomerId,
        windows: &Windows,
        at: Timestamp,
    ) -> Vec<Hold> {
        let mut holds = Vec::new();
        let Some(phase) = rollout.phase_of(customer) else {
            return holds;
        };
        holds.extend(person_hold(customer, rollout.customer(customer)));
        let batch = rollout
            .batch_of(customer)
            .unwrap_or(rollout.phases[phase].batches_begun + 1);
        if let Some(owner) = self.owner(customer).filter(|owner| *owner != id) {
            let text = format!("{owner} is changing this customer");
            holds.push(Hold::new(HoldKind::Owned, HoldOwner::AnotherRollout, text));
        }
        holds.extend(self.moved_hold(rollout, customer));
        if let Some(gate) = rollout
            .gate_for(phase, batch, customer)
            .filter(|gate| !matches!(gate, GateId::Phase(_)))
        {
            holds.extend(self.gate_hold(rollout, phase, &gate, at));
        }
        holds.extend(deferral_hold(customer, rollout.customer(customer), at));
        // A person's rollback is not held by the calendar (R9).
        if matches!(id, RolloutId::Rollout(_)) {
            holds.extend(self.pin_hold(rollout, customer, at));
            holds.extend(self.freeze_hold(rollout, customer, at));
        }
        match windows.opening(at) {
            Opening::Open { .. } => {}
            Opening::Opens { at } => {
                holds.push(
                    Hold::new(
                        HoldKind::Window,
                        HoldOwner::Calendar,
                        "it is outside its window",
                    )
                    .until(at),
                );
            }
            Opening::Never => {
                let text = "no window opens in the years to come; edit it and replan";
                holds.push(
                    Hold::new(HoldKind::Window, HoldOwner::Operators, text).way_out(Offer::Replan),
                );
            }
        }
        holds
    }

    /// The plan names a database that the customer does not read any more: variables made from it would bring the old data
    /// back (T15).
    fn moved_hold(&self, rollout: &Rollout, customer: &CustomerId) -> Option<Hold> {
        let planned = rollout.plan.customers.get(customer)?;
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
            let hold = Hold::new(HoldKind::Person, HoldOwner::Operators, text).since(Some(*since));
            // What has started keeps its plan (R6), and so does an operation.
            let keeps = rollout.customer(customer).batch.is_some() || rollout.row.operation.is_some();
            hold.way_out(match keeps {
                true => Offer::skip(customer).noted("and start anew"),
                false => Offer::Replan,
            })
        })
    }
}

/// A held customer, or one whose rollback failed, waits for a person's word (R11, R18).
fn person_hold(customer: &CustomerId, state: &CustomerState) -> Option<Hold> {
    if !matches!(
        state.status,
        CustomerStatus::Held { .. } | CustomerStatus::RollbackFailed
    ) {
        return None;
    }
    let reason = state.reason.clone().unwrap_or_default();
    let hold = Hold::new(HoldKind::Person, HoldOwner::Operators, reason).since(state.since);
    Some(hold.way_out(Offer::retry(customer).or(Offer::skip(customer))))
}

/// Its date is put off (R13).
fn deferral_hold(customer: &CustomerId, state: &CustomerState, at: Timestamp) -> Option<Hold> {
    let deferral = state.deferral.as_ref()?;
    let until = deferral.holds_at(at)?;
    let reason = deferral.reason.as_ref();
    let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let text = format!("{} has put its date off{why}", deferral.by);
    let hold = Hold::new(HoldKind::Deferred, HoldOwner::Customer, text).until(until);
    let ends = Offer::retry(customer).noted("lets it go at once");
    Some(hold.since(Some(deferral.since)).way_out(ends))
}

impl Product {
    /// Why this customer waits now, and until when; empty: nothing is in its way, or it is not waiting.
    pub fn holds(&self, id: RolloutId, customer: &CustomerId, at: Timestamp) -> Vec<Hold> {
        let Some(rollout) = self.state.find(id) else {
            return Vec::new();
        };
        let Some(phase) = rollout.phase_of(customer) else {
            return Vec::new();
        };
        let state = rollout.customer(customer);
        match &state.status {
            CustomerStatus::Waiting => {}
            CustomerStatus::Held { .. } | CustomerStatus::RollbackFailed => {
                return person_hold(customer, state).into_iter().collect();
            }
            CustomerStatus::Forward | CustomerStatus::Backward | CustomerStatus::Withdrawing => {
                if let Some(trouble) = self.trouble_hold(id, rollout, customer, at) {
                    return vec![trouble];
                }
                let position = rollout.position(customer);
                if position.is_some_and(|position| self.waits_for_kept_place(id, position)) {
                    return vec![self.slot_hold()];
                }
                let recovery = state.recovery.as_ref();
                let recovery = recovery.filter(|_| state.status == CustomerStatus::Backward);
                let recovering = recovery.and_then(Recovery::doing);
                let text = recovering.unwrap_or_else(|| "it is being worked on".to_owned());
                return vec![
                    Hold::new(HoldKind::Working, HoldOwner::Render, text).since(state.since),
                ];
            }
            CustomerStatus::Healthy(_)
            | CustomerStatus::Unchanged
            | CustomerStatus::RolledBack
            | CustomerStatus::Applied
            | CustomerStatus::Excluded
            | CustomerStatus::Skipped => return Vec::new(),
        }
        if rollout.is_ending() {
            // Nothing else matters to it any more.
            return self
                .state
                .rollout_holds(rollout)
                .into_iter()
                .take(1)
                .collect();
        }
        let mut holds = self.state.phase_holds(rollout, phase, at);
        holds.extend(Self::earlier_batch_hold(rollout, phase, customer));
        holds.extend(self.state.customer_holds(
            rollout,
            id,
            customer,
            &Self::windows_of(rollout, customer),
            at,
        ));
        holds.extend(self.in_flight.reading_holds(id, rollout, customer, at));
        if !holds.iter().any(|hold| hold.kind == HoldKind::Trouble) {
            holds.extend(self.trouble_hold(id, rollout, customer, at));
        }
        if holds.is_empty() {
            holds.extend(self.queue_hold(id, rollout, phase, customer));
        }
        holds
    }

    /// Nothing of its own is in its way: what it waits for in the queue.
    fn queue_hold(
        &self,
        id: RolloutId,
        rollout: &Rollout,
        phase: usize,
        customer: &CustomerId,
    ) -> Option<Hold> {
        let position = rollout.position(customer)?;
        let name = |position: &Position| rollout.at(*position).to_string();
        if self.is_about_to_begin(id, position) {
            let text = "its services are read before it starts";
            return Some(Hold::new(HoldKind::Working, HoldOwner::Render, text));
        }
        if let Some(hold) = self.confirm_hold(id, rollout, phase) {
            return Some(hold);
        }
        if let Some(before) = self.goes_before(id, position) {
            let text = format!("{} goes first, and nobody overtakes", name(&before));
            return Some(Hold::new(HoldKind::Order, HoldOwner::CustomerBefore, text));
        }
        (!self.has_slot(id, phase)).then(|| self.slot_hold())
    }

    /// All places are taken; one that a held customer keeps is given back by a person (P16).
    fn slot_hold(&self) -> Hold {
        let held = self.in_flight.deploying.iter().find_map(|(id, position)| {
            let rollout = self.state.find(*id)?;
            let customer = rollout.at(*position);
            matches!(
                rollout.customer(customer).status,
                CustomerStatus::Held { .. }
            )
            .then_some(customer)
        });
        let Some(held) = held else {
            let text = "as many customers as may go at once are on their way";
            return Hold::new(HoldKind::Slot, HoldOwner::CustomersBefore, text);
        };
        let text = format!(
            "as many customers as may go at once are on their way; {held} is held, and the end of its deploy is not known"
        );
        Hold::new(HoldKind::Slot, HoldOwner::Operators, text).way_out(Offer::why(held))
    }

    /// A customer of a later batch waits for the batches before it.
    fn earlier_batch_hold(rollout: &Rollout, phase: usize, customer: &CustomerId) -> Option<Hold> {
        let own = rollout.batch_of(customer)?;
        let turn = rollout.turn(phase)?;
        (own > turn).then(|| {
            let text = format!("batch {turn} goes first, and this customer is in batch {own}");
            Hold::new(HoldKind::Batch, HoldOwner::BatchBefore, text)
        })
    }
}
