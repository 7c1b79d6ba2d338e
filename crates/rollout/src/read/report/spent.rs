//! Where the time of a rollout went: into work, into waiting for people, or into waiting for the clock.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, Span, Timestamp};
use serde::Serialize;

use crate::model::event::{Event, Kind};

/// Each instant between begin and end counts once: work, if somebody is being deployed, checked or rolled back; otherwise
/// people, if a gate is asked, a person paused it, or it rests until a person acts; otherwise the clock (delays, soaks,
/// windows, freezes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

    /// Books the time until this event, and takes in what it changes.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other kinds change neither who works nor who is awaited"
    )]
    pub(super) fn take(&mut self, event: &Event) {
        self.book(event.at);
        let fact = &event.line;
        match fact.kind {
            Kind::ApprovalRequested => self.asked(event),
            Kind::Approved if fact.until.is_some() => self.answered(event),
            Kind::Rejected | Kind::GatePassed => self.answered(event),
            Kind::Paused => self.paused = true,
            Kind::Resumed => self.paused = false,
            Kind::RolloutHalted => self.halted = true,
            Kind::RolloutResumed => self.halted = false,
            _ => self.take_customer(event),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other kinds say nothing of whether a customer is under way"
    )]
    fn take_customer(&mut self, event: &Event) {
        let Some(customer) = &event.line.customer else {
            return;
        };
        match event.line.kind {
            Kind::CustomerStarted
            | Kind::CustomerReleased
            | Kind::RecoveryIntended
            | Kind::RollbackIntended => {
                self.held.remove(customer);
                self.under_way.insert(customer.clone());
            }
            Kind::CustomerHeld => {
                self.under_way.remove(customer);
                self.held.insert(customer.clone());
            }
            Kind::CustomerHealthy
            | Kind::CustomerUnchanged
            | Kind::CustomerRolledBack
            | Kind::CustomerRollbackFailed
            | Kind::CustomerExcluded
            | Kind::CustomerSkipped => {
                self.under_way.remove(customer);
                self.held.remove(customer);
                self.no_longer_behind_gates(customer);
            }
            _ => {}
        }
    }

    /// The account up to this instant.
    pub(super) fn at(&self, at: Timestamp) -> Spent {
        let mut copy = self.clone();
        copy.book(at);
        copy.spent
    }

    fn asked(&mut self, event: &Event) {
        if let Some(gate) = event.line.read("gate") {
            let behind = event.line.read("covers").unwrap_or_default();
            self.gates.insert(gate, behind);
        }
    }

    fn answered(&mut self, event: &Event) {
        if let Some(gate) = event.line.read::<String>("gate") {
            self.gates.remove(&gate);
        }
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
