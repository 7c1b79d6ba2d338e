//! What wants to be looked at when?

use std::collections::{BTreeMap, BTreeSet};

use policy::Timestamp;

use crate::fold::index::Position;
use crate::model::ids::{GateId, RolloutId};

/// What wants to be looked at when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    CustomerState(RolloutId, Position),
    Position(RolloutId, Position),
    Phase(RolloutId, usize),
    Gate(RolloutId, GateId),
}

impl TimerKey {
    fn rollout(&self) -> RolloutId {
        match self {
            Self::CustomerState(rollout, _)
            | Self::Position(rollout, _)
            | Self::Phase(rollout, _)
            | Self::Gate(rollout, _) => *rollout,
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
    pub(crate) fn forget(&mut self, rollout: RolloutId) {
        let own: Vec<TimerKey> = self
            .by_key
            .keys()
            .filter(|key| key.rollout() == rollout)
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
