//! What is going on right now: issued commands, timers, what was just read. None of it is stored; a restart derives it
//! from the state again.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, Timestamp};

use crate::command::{Command, ServiceView};
use crate::event::{Fact, Kind};
use crate::hold::{Hold, HoldKind};
use crate::ids::{CommandId, DeployId, GateId, RunId};
use crate::index::{Place, Run};
use crate::unit::Scratch;

/// Which of a customer's commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Main,
    Preflight,
    Watch,
    Confirm,
}

/// A command that is out.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) command: Command,
    pub(crate) slot: Slot,
    pub(crate) whose: (RunId, Place),
    pub(crate) asked_at: Timestamp,
}

/// What wants to be looked at when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    Unit(RunId, Place),
    Place(RunId, Place),
    Phase(RunId, usize),
    Gate(RunId, GateId),
}

/// One instant a key; the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Timestamp, TimerKey)>,
    by_key: BTreeMap<TimerKey, Timestamp>,
}

impl Timers {
    pub(crate) fn set(&mut self, key: TimerKey, at: Option<Timestamp>) {
        if let Some(old) = self.by_key.remove(&key) {
            self.order.remove(&(old, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.clone(), at);
            self.order.insert((at, key));
        }
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<TimerKey> {
        let (at, key) = self.order.first().filter(|(at, _)| *at <= now).cloned()?;
        self.order.remove(&(at, key.clone()));
        self.by_key.remove(&key);
        Some(key)
    }
}

/// A customer whose turn it is, being read before it is started.
#[derive(Debug)]
pub(crate) enum Preparing {
    Asked,
    Ready(Vec<ServiceView>),
}

/// Waiting customers of a phase that something keeps from starting, so that a tick passes over them.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) blocked: BTreeSet<usize>,
    pub(crate) preparing: BTreeMap<usize, Preparing>,
}

/// Everything that is not stored.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) issued: BTreeMap<CommandId, Issued>,
    by_slot: BTreeMap<(RunId, Place, Slot), CommandId>,
    next_command: u64,
    pub(crate) timers: Timers,
    pub(crate) tick_wanted: bool,
    pub(crate) dirty_units: BTreeSet<(RunId, Place)>,
    pub(crate) dirty_gates: BTreeSet<(RunId, GateId)>,
    pub(crate) dirty_phases: BTreeSet<(RunId, usize)>,
    pub(crate) dirty_runs: BTreeSet<RunId>,
    pub(crate) ending_runs: BTreeSet<RunId>,
    pub(crate) queued_dirty: bool,
    pub(crate) scratch: BTreeMap<(RunId, Place), Scratch>,
    pub(crate) queues: BTreeMap<(RunId, usize), Queue>,
    /// Started customers whose next service waits for a tick.
    pub(crate) waiting_go: BTreeSet<(RunId, Place)>,
    /// Customers with a deploy in hand, over all rollouts (P16).
    pub(crate) deploying: BTreeSet<(RunId, Place)>,
    /// Rollouts that were under way when this process began (R17).
    pub(crate) resumed: BTreeSet<RunId>,
    /// Customers seen healthy since then.
    pub(crate) confirmed: BTreeSet<(RunId, Place)>,
}

impl Work {
    pub(crate) fn new_id(&mut self) -> CommandId {
        self.next_command += 1;
        CommandId(self.next_command)
    }

    pub(crate) fn insert(&mut self, issued: Issued) {
        let (run, place) = issued.whose;
        self.by_slot
            .insert((run, place, issued.slot), issued.command.id);
        self.issued.insert(issued.command.id, issued);
    }

    /// The command a customer has out in a slot.
    pub(crate) fn out(&self, run: RunId, place: Place, slot: Slot) -> Option<&Issued> {
        self.issued.get(self.by_slot.get(&(run, place, slot))?)
    }

    /// Takes an issued command whose answer has come or is no longer wanted.
    pub(crate) fn take(&mut self, id: CommandId) -> Option<Issued> {
        let issued = self.issued.remove(&id)?;
        self.by_slot
            .remove(&(issued.whose.0, issued.whose.1, issued.slot));
        Some(issued)
    }

    /// Lets the next tick look at a waiting customer again.
    pub(crate) fn unblock(&mut self, run: RunId, place: Place) {
        if let Some(queue) = self.queues.get_mut(&(run, place.phase)) {
            queue.blocked.remove(&place.place);
        }
        self.tick_wanted = true;
    }

    /// Lets the next tick look at a whole phase again.
    pub(crate) fn unblock_phase(&mut self, run: RunId, phase: usize) {
        if let Some(queue) = self.queues.get_mut(&(run, phase)) {
            queue.blocked.clear();
        }
        self.tick_wanted = true;
    }

    /// Customers being read before they are started.
    pub(crate) fn preparing(&self) -> usize {
        self.queues
            .values()
            .map(|queue| queue.preparing.len())
            .sum()
    }

    /// Holds that only this process knows: it has read them just now.
    pub(crate) fn reading_holds(&self, id: RunId, run: &Run, customer: &CustomerId) -> Vec<Hold> {
        let Some(place) = run.place(customer) else {
            return Vec::new();
        };
        let Some(scratch) = self.scratch.get(&(id, place)) else {
            return Vec::new();
        };
        let hold = |kind, owner: &str, text: String| Hold {
            kind,
            text,
            until: None,
            since: None,
            owner: owner.to_owned(),
            way_out: None,
        };
        let secret = scratch.secret.as_ref().map(|name| {
            hold(
                HoldKind::Secret,
                "operators",
                format!("the secret {name} does not resolve"),
            )
        });
        let foreign = scratch
            .foreign
            .as_ref()
            .filter(|_| self.out(id, place, Slot::Main).is_some());
        let foreign = foreign.map(|(since, deploy)| Hold {
            since: Some(*since),
            ..hold(
                HoldKind::Foreign,
                "whoever deployed",
                format!("a deploy of somebody else is under way: {deploy}"),
            )
        });
        secret.into_iter().chain(foreign).collect()
    }
}

impl Scratch {
    /// What was read before a fact may not count after it.
    pub(crate) fn forget(&mut self, fact: &Fact) {
        match fact.kind {
            Kind::DeployIntended | Kind::RollbackIntended => {
                self.listing = None;
                self.foreign = None;
                self.foreign_stuck = false;
                self.quiet_since = None;
                self.fresh = true;
            }
            Kind::DeployUnknown | Kind::RollbackUnknown => self.listing = None,
            Kind::AutoDeployIntended | Kind::CancelIntended | Kind::HookStarted => {
                self.cancel_sent = false;
                self.fresh = true;
            }
            Kind::DeployAbsent
            | Kind::RollbackAbsent
            | Kind::DeployCancelled
            | Kind::DeployLive => self.clear(),
            Kind::HealthPassed
            | Kind::CustomerReleased
            | Kind::CustomerStarted
            | Kind::CustomerHealthy
            | Kind::CustomerHeld
            | Kind::Retried
            | Kind::RollbackRequested => *self = Self::default(),
            _ if fact.data.contains_key("failure") => *self = Self::default(),
            _ => {}
        }
    }

    /// Waits for a deploy of somebody else from now on.
    pub(crate) fn awaits(&mut self, deploy: &DeployId, at: Timestamp) {
        self.foreign.get_or_insert((at, deploy.clone()));
    }
}
