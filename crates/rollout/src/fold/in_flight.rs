//! What is going on right now: issued commands, timers, what was just read. None of it is stored; a restart derives it
//! from the state again.

use std::collections::{BTreeMap, BTreeSet};

use policy::Timestamp;

use crate::fold::index::{Position, Rollout};
use crate::fold::scratch::Scratch;
use crate::fold::timers::{TimerKey, Timers};
use crate::model::command::{Command, ServiceView};
use crate::model::ids::{CommandId, GateId, RolloutId};

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
pub(crate) struct InFlight {
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
    pub(crate) dirty_customers: BTreeSet<(RolloutId, Position)>,
    pub(crate) dirty_gates: BTreeSet<(RolloutId, GateId)>,
    pub(crate) dirty_phases: BTreeSet<(RolloutId, usize)>,
    pub(crate) dirty_rollouts: BTreeSet<RolloutId>,
    pub(crate) ending_rollouts: BTreeSet<RolloutId>,
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

impl InFlight {
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
        let (rollout, position) = issued.whose;
        self.by_slot
            .insert((rollout, position, issued.slot), issued.command.id);
        self.issued.insert(issued.command.id, issued);
    }

    /// Sets, or takes away, what wakes for this.
    pub(crate) fn set_timer(&mut self, key: TimerKey, at: Option<Timestamp>) {
        self.timers.set(key, at);
    }

    /// What was read for a customer.
    pub(crate) fn scratch_of(&mut self, id: RolloutId, position: Position) -> &mut Scratch {
        self.scratch.entry((id, position)).or_default()
    }

    /// The same, to be put back.
    pub(crate) fn take_scratch(&mut self, id: RolloutId, position: Position) -> Scratch {
        self.scratch.remove(&(id, position)).unwrap_or_default()
    }

    /// The command a customer has out in a slot.
    pub(crate) fn out(&self, id: RolloutId, position: Position, slot: Slot) -> Option<&Issued> {
        self.issued.get(self.by_slot.get(&(id, position, slot))?)
    }

    /// Takes an issued command whose answer has come or is no longer wanted.
    pub(crate) fn take(&mut self, id: CommandId) -> Option<Issued> {
        let issued = self.issued.remove(&id)?;
        self.by_slot
            .remove(&(issued.whose.0, issued.whose.1, issued.slot));
        Some(issued)
    }

    /// Lets the next tick look at a waiting customer again.
    pub(crate) fn unblock(&mut self, rollout: RolloutId, position: Position) {
        if let Some(ready) = self.ready.get_mut(&(rollout, position.phase)) {
            ready.insert(position.index);
        }
        self.tick_wanted = true;
    }

    /// Lets the next tick look at a whole phase again.
    pub(crate) fn unblock_phase(&mut self, rollout: RolloutId, phase: usize) {
        self.ready.remove(&(rollout, phase));
        self.tick_wanted = true;
    }

    /// The customers of a phase that a tick looks at: at first, all that wait.
    pub(crate) fn ready(
        &mut self,
        id: RolloutId,
        phase: usize,
        rollout: &Rollout,
    ) -> &mut BTreeSet<usize> {
        self.ready
            .entry((id, phase))
            .or_insert_with(|| rollout.waiting(phase).clone())
    }

    /// Customers of a rollout or operation being read before they are started.
    pub(crate) fn preparing_of(&self, id: RolloutId) -> impl Iterator<Item = Position> {
        let preparing = self.preparing.keys();
        preparing
            .filter(move |(rollout, _)| *rollout == id)
            .map(|(_, position)| *position)
    }

    /// Customers of one phase being read before they are started.
    pub(crate) fn preparing_in(
        &self,
        id: RolloutId,
        phase: usize,
    ) -> impl Iterator<Item = (Position, &Preparing)> {
        let first = Position { phase, index: 0 };
        let last = Position {
            phase,
            index: usize::MAX,
        };
        self.preparing
            .range((id, first)..=(id, last))
            .map(|((_, position), state)| (*position, state))
    }

    /// Gives customers of a rollout their places in a new plan (R6): what is out stays out.
    pub(crate) fn rekey(
        &mut self,
        rollout: RolloutId,
        moved: impl Fn(Position) -> Option<Position>,
    ) {
        let key = |(id, position): (RolloutId, Position)| match id == rollout {
            true => moved(position).map(|position| (id, position)),
            false => Some((id, position)),
        };
        let set = |keys: &mut BTreeSet<(RolloutId, Position)>| {
            *keys = std::mem::take(keys).into_iter().filter_map(key).collect();
        };
        set(&mut self.dirty_customers);
        set(&mut self.waiting_go);
        set(&mut self.deploying);
        set(&mut self.confirmed);
        self.scratch = rekeyed(&mut self.scratch, key);
        self.preparing = rekeyed(&mut self.preparing, key);
        self.ready.retain(|(id, _), _| *id != rollout);
        self.timers.forget(rollout);
        let issued = std::mem::take(&mut self.issued);
        self.by_slot.clear();
        for mut issued in issued.into_values() {
            if let Some(whose) = key(issued.whose) {
                issued.whose = whose;
                self.insert(issued);
            }
        }
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
