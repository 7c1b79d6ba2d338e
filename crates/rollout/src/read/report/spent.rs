//! Where the time of a rollout went: into work, into waiting for people, or into waiting for the clock.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::fact::place::Whose;
use crate::model::fact::{
    Approved, CustomerFact, Fact, GateFact, PersonFact, RecoveryFact, RollbackFact, RolloutFact,
};

/// Each instant between begin and end counts once: work, if somebody is being deployed, checked or rolled back; otherwise
/// people, if a gate is asked, a person paused it, or it rests until a person acts; otherwise the clock (delays, soaks,
/// windows, freezes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// At least one customer was under way.
    pub working: Span,
    /// Nobody was under way, and a person was awaited.
    pub people: Span,
    /// Neither: delays, soaks, windows, freezes.
    pub clock: Span,
}

impl Spent {
    /// All of it.
    pub fn total(self) -> Span {
        sum(sum(self.working, self.people), self.clock)
    }
}

/// Keeps the account while events pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    spent: Spent,
    last: Option<Timestamp>,
    ended: bool,
    under_way: BTreeSet<CustomerId>,
    held: BTreeSet<CustomerId>,
    /// Gates that people are asked for, with those who wait behind them.
    gates: BTreeMap<String, BTreeSet<CustomerId>>,
    paused: bool,
    halted: bool,
}

impl Ledger {
    /// Opens the account.
    pub(super) fn open(&mut self, at: Timestamp) {
        self.last.get_or_insert(at);
    }

    /// Closes it: what comes later is no part of it.
    pub(super) fn close(&mut self, at: Timestamp) {
        self.book(at);
        self.ended = true;
    }

    /// Books the time until this fact, and takes in what it changes.
    pub(super) fn take(&mut self, at: Timestamp, fact: &Fact) {
        self.book(at);
        match fact {
            Fact::Gate(fact) => self.take_gate(fact),
            Fact::Customer(fact) => self.take_customer(fact),
            Fact::Rollback(RollbackFact::RollbackIntended(intended)) => {
                self.begins(&intended.place.customer);
            }
            Fact::Recovery(RecoveryFact::RecoveryIntended(intended)) => {
                self.begins(&intended.place.customer);
            }
            Fact::Person(PersonFact::Paused(_)) => self.paused = true,
            Fact::Person(PersonFact::Resumed(_)) => self.paused = false,
            Fact::Rollout(RolloutFact::RolloutHalted(_)) => self.halted = true,
            Fact::Rollout(RolloutFact::RolloutResumed(_)) => self.halted = false,
            Fact::Rollout(_)
            | Fact::Phase(_)
            | Fact::Hook(_)
            | Fact::Variables(_)
            | Fact::Deploy(_)
            | Fact::Health(_)
            | Fact::Rollback(_)
            | Fact::Recovery(_)
            | Fact::Person(_)
            | Fact::Engine(_) => {}
        }
    }

    fn take_gate(&mut self, fact: &GateFact) {
        let gate = &fact.place().gate;
        match fact {
            GateFact::ApprovalRequested(requested) => {
                let behind = requested.covers.iter().cloned().collect();
                self.gates.insert(gate.clone(), behind);
            }
            GateFact::Approved(Approved { until: Some(_), .. })
            | GateFact::Rejected(_)
            | GateFact::GatePassed(_) => {
                self.gates.remove(gate);
            }
            GateFact::Approved(_)
            | GateFact::Withdrawn(_)
            | GateFact::ApprovalLapsed(_)
            | GateFact::ApprovalEscalated(_) => {}
        }
    }

    fn take_customer(&mut self, fact: &CustomerFact) {
        let Some(Whose { customer, .. }) = fact.whose() else {
            return;
        };
        match fact {
            CustomerFact::CustomerStarted(_) | CustomerFact::CustomerReleased(_) => {
                self.begins(customer);
            }
            CustomerFact::CustomerHeld(_) => {
                self.under_way.remove(customer);
                self.held.insert(customer.clone());
            }
            CustomerFact::CustomerHealthy(_)
            | CustomerFact::CustomerUnchanged(_)
            | CustomerFact::CustomerRolledBack(_)
            | CustomerFact::CustomerRollbackFailed(_)
            | CustomerFact::CustomerExcluded(_)
            | CustomerFact::CustomerSkipped(_) => {
                self.under_way.remove(customer);
                self.held.remove(customer);
                self.no_longer_behind_gates(customer);
            }
            CustomerFact::CustomerWaits(_)
            | CustomerFact::CustomerStalled(_)
            | CustomerFact::CustomerDeferred(_)
            | CustomerFact::CustomerWithdrawn(_)
            | CustomerFact::RollbackRequested(_)
            | CustomerFact::VariablesApplied(_)
            | CustomerFact::Retried(_) => {}
        }
    }

    fn begins(&mut self, customer: &CustomerId) {
        self.held.remove(customer);
        self.under_way.insert(customer.clone());
    }

    /// The account up to this instant.
    pub(super) fn at(&self, at: Timestamp) -> Spent {
        let mut copy = self.clone();
        copy.book(at);
        copy.spent
    }

    /// A gate behind which nobody is left waits for nobody.
    fn no_longer_behind_gates(&mut self, customer: &CustomerId) {
        self.gates.retain(|_, behind| {
            behind.remove(customer);
            !behind.is_empty()
        });
    }

    fn is_person_awaited(&self) -> bool {
        self.paused || self.halted || !self.held.is_empty() || !self.gates.is_empty()
    }

    fn book(&mut self, at: Timestamp) {
        let Some(last) = self.last.filter(|last| *last < at && !self.ended) else {
            return;
        };
        let passed = Span::from_millis((at - last).num_milliseconds());
        let is_person_awaited = self.is_person_awaited();
        let account = match self.under_way.is_empty() {
            false => &mut self.spent.working,
            true if is_person_awaited => &mut self.spent.people,
            true => &mut self.spent.clock,
        };
        *account = sum(*account, passed);
        self.last = Some(at);
    }
}

fn sum(one: Span, other: Span) -> Span {
    Span::from_millis(one.as_millis() + other.as_millis())
}
