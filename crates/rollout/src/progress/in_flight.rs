//! What is going on right now: issued commands, timers, what was just read. None of it is stored; a restart derives it
//! from the state again.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, Timestamp};

use crate::customer::next::Scratch;
use crate::customer::trouble::Trouble;
use crate::fold::index::{Position, Rollout};
use crate::model::command::{Command, ServiceView};
use crate::model::event::{Kind, Line};
use crate::model::hold::{Hold, HoldKind};
use crate::model::ids::{CommandId, DeployId, GateId, RolloutId};
use crate::model::offer::Offers;

/// Which of a customer's commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Main,
    Preflight,
    Watch,
    Confirm,
}

/// A command that is out.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) command: Command,
    pub(crate) slot: Slot,
    pub(crate) whose: (RolloutId, Position),
    pub(crate) asked_at: Timestamp,
}

/// What wants to be looked at when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    CustomerState(RolloutId, Position),
    Position(RolloutId, Position),
    Phase(RolloutId, usize),
    Gate(RolloutId, GateId),
}

impl TimerKey {
    fn run(&self) -> RolloutId {
        match self {
            Self::CustomerState(run, _)
            | Self::Position(run, _)
            | Self::Phase(run, _)
            | Self::Gate(run, _) => *run,
        }
    }
}

/// One instant a key; the earliest first.
#[derive(Clone, Debug, Default)]
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

    /// Drops every timer of a rollout; what it is for sets it anew.
    pub(crate) fn forget(&mut self, run: RolloutId) {
        let own: Vec<TimerKey> = self
            .by_key
            .keys()
            .filter(|key| key.run() == run)
            .cloned()
            .collect();
        for key in own {
            self.set(key, None);
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
#[derive(Clone, Debug)]
pub(crate) enum Preparing {
    Asked,
    Ready(Vec<ServiceView>),
}

/// Everything that is not stored.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing to be done, or not to be done, independent of the others"
)]
pub(crate) struct Work {
    pub(crate) issued: BTreeMap<CommandId, Issued>,
    by_slot: BTreeMap<(RolloutId, Position, Slot), CommandId>,
    next_command: u64,
    pub(crate) timers: Timers,
    pub(crate) tick_wanted: bool,
    /// Nobody would send what is issued now: the state was loaded and no engine drives it, or its engine is ending. Facts
    /// are recorded; intents are left to the next engine (P7).
    pub(crate) undriven: bool,
    /// A customer was just held because of deploys that this journal did not ask for.
    pub(crate) met_another: bool,
    /// The last tick on a trusted clock: clock edges until then are judged (R24, P25).
    pub(crate) judged_until: Timestamp,
    pub(crate) dirty_units: BTreeSet<(RolloutId, Position)>,
    pub(crate) dirty_gates: BTreeSet<(RolloutId, GateId)>,
    pub(crate) dirty_phases: BTreeSet<(RolloutId, usize)>,
    pub(crate) dirty_runs: BTreeSet<RolloutId>,
    pub(crate) ending_runs: BTreeSet<RolloutId>,
    pub(crate) queued_dirty: bool,
    /// Rollouts whose customers have been asked to switch auto-deploy on again (P32).
    pub(crate) closing: BTreeSet<RolloutId>,
    pub(crate) scratch: BTreeMap<(RolloutId, Position), Scratch>,
    /// The waiting customers of a phase that a tick looks at. One that something keeps from starting is left out until its
    /// timer or an event brings it back; one that waits no more is dropped when it is met.
    ready: BTreeMap<(RolloutId, usize), BTreeSet<usize>>,
    /// Customers being read before they are started.
    pub(crate) preparing: BTreeMap<(RolloutId, Position), Preparing>,
    /// Started customers whose next service waits for a tick.
    pub(crate) waiting_go: BTreeSet<(RolloutId, Position)>,
    /// Customers with a deploy in hand, over all rollouts (P16).
    pub(crate) deploying: BTreeSet<(RolloutId, Position)>,
    /// Rollouts that were under way when this process began (R17).
    pub(crate) resumed: BTreeSet<RolloutId>,
    /// Customers seen healthy since then.
    pub(crate) confirmed: BTreeSet<(RolloutId, Position)>,
}

impl Work {
    pub(crate) fn new_id(&mut self) -> CommandId {
        self.next_command += 1;
        CommandId(self.next_command)
    }

    /// Takes up a command that this process issued before the state was read anew; no new one gets its id.
    pub(crate) fn take_up(&mut self, issued: Issued) {
        self.next_command = self.next_command.max(issued.command.id.0);
        self.insert(issued);
    }

    pub(crate) fn insert(&mut self, issued: Issued) {
        let (run, place) = issued.whose;
        self.by_slot
            .insert((run, place, issued.slot), issued.command.id);
        self.issued.insert(issued.command.id, issued);
    }

    /// The command a customer has out in a slot.
    pub(crate) fn out(&self, run: RolloutId, place: Position, slot: Slot) -> Option<&Issued> {
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
    pub(crate) fn unblock(&mut self, run: RolloutId, place: Position) {
        if let Some(ready) = self.ready.get_mut(&(run, place.phase)) {
            ready.insert(place.place);
        }
        self.tick_wanted = true;
    }

    /// Lets the next tick look at a whole phase again.
    pub(crate) fn unblock_phase(&mut self, run: RolloutId, phase: usize) {
        self.ready.remove(&(run, phase));
        self.tick_wanted = true;
    }

    /// The customers of a phase that a tick looks at: at first, all that wait.
    pub(crate) fn ready(
        &mut self,
        id: RolloutId,
        phase: usize,
        run: &Rollout,
    ) -> &mut BTreeSet<usize> {
        self.ready
            .entry((id, phase))
            .or_insert_with(|| run.waiting(phase).clone())
    }

    /// Customers of a rollout or operation being read before they are started.
    pub(crate) fn preparing_of(&self, id: RolloutId) -> impl Iterator<Item = Position> {
        let preparing = self.preparing.keys();
        preparing
            .filter(move |(run, _)| *run == id)
            .map(|(_, place)| *place)
    }

    /// Customers of one phase being read before they are started.
    pub(crate) fn preparing_in(
        &self,
        id: RolloutId,
        phase: usize,
    ) -> impl Iterator<Item = (Position, &Preparing)> {
        let first = Position { phase, place: 0 };
        let last = Position {
            phase,
            place: usize::MAX,
        };
        self.preparing
            .range((id, first)..=(id, last))
            .map(|((_, place), state)| (*place, state))
    }

    /// Gives customers of a rollout their places in a new plan (R6): what is out stays out.
    pub(crate) fn rekey(&mut self, run: RolloutId, moved: impl Fn(Position) -> Option<Position>) {
        let key = |(id, place): (RolloutId, Position)| match id == run {
            true => moved(place).map(|place| (id, place)),
            false => Some((id, place)),
        };
        let set = |keys: &mut BTreeSet<(RolloutId, Position)>| {
            *keys = std::mem::take(keys).into_iter().filter_map(key).collect();
        };
        set(&mut self.dirty_units);
        set(&mut self.waiting_go);
        set(&mut self.deploying);
        set(&mut self.confirmed);
        self.scratch = rekeyed(&mut self.scratch, key);
        self.preparing = rekeyed(&mut self.preparing, key);
        self.ready.retain(|(id, _), _| *id != run);
        self.timers.forget(run);
        let issued = std::mem::take(&mut self.issued);
        self.by_slot.clear();
        for mut issued in issued.into_values() {
            if let Some(whose) = key(issued.whose) {
                issued.whose = whose;
                self.insert(issued);
            }
        }
    }

    /// Holds that only this process knows: it has read them just now.
    pub(crate) fn reading_holds(
        &self,
        id: RolloutId,
        run: &Rollout,
        customer: &CustomerId,
        at: Timestamp,
    ) -> Vec<Hold> {
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
            offers: Offers::default(),
        };
        let missing = scratch.secret.as_ref().filter(|(_, until)| *until > at);
        let secret = missing.map(|(name, until)| Hold {
            until: Some(*until),
            ..hold(
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
        let trouble = scratch.trouble.as_ref();
        let trouble = trouble.filter(|trouble| trouble.again_at > at);
        let trouble = trouble.map(Trouble::hold);
        secret.into_iter().chain(foreign).chain(trouble).collect()
    }
}

fn rekeyed<T>(
    map: &mut BTreeMap<(RolloutId, Position), T>,
    key: impl Fn((RolloutId, Position)) -> Option<(RolloutId, Position)>,
) -> BTreeMap<(RolloutId, Position), T> {
    std::mem::take(map)
        .into_iter()
        .filter_map(|(old, value)| Some((key(old)?, value)))
        .collect()
}

impl Scratch {
    /// What was read before a fact may not count after it.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most facts leave what was read as it is"
    )]
    pub(crate) fn forget(&mut self, fact: &Line) {
        match fact.kind {
            Kind::DeployIntended | Kind::RollbackIntended => {
                self.listing = None;
                self.foreign = None;
                self.foreign_stuck = false;
                self.quiet_since = None;
                self.fresh = true;
            }
            Kind::DeployUnknown | Kind::RollbackUnknown => self.listing = None,
            // While Render makes a database, others may deploy (P16).
            Kind::RecoveryIntended => self.go = false,
            Kind::RecoveryUnknown => self.databases = None,
            Kind::AutoDeployIntended | Kind::CancelIntended | Kind::HookStarted => {
                self.cancel_sent = false;
                self.fresh = true;
            }
            Kind::DeployAbsent
            | Kind::RollbackAbsent
            | Kind::DeployCancelled
            | Kind::DeployLive => self.clear(),
            Kind::RollbackLive
            | Kind::RollbackFailed
            | Kind::HealthPassed
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
