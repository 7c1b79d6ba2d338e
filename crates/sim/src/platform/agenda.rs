//! What will happen by itself, and when: the only source of changes nobody asks for at that instant.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fault::ForeignDeploy;
use crate::ids::{DeployId, ServiceId, Timestamp};
use crate::requests::Call;

/// The place of one entry: its instant, and a number that keeps entries of one instant in order.
pub(crate) type Slot = (Timestamp, u64);

/// Something that will happen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Due {
    /// A deploy reaches its next status.
    Stage {
        service: ServiceId,
        deploy: DeployId,
    },
    /// Somebody else deploys.
    Foreign {
        service: ServiceId,
        deploy: ForeignDeploy,
    },
    /// Somebody suspends a service.
    Suspend { service: ServiceId },
    /// Somebody resumes a service.
    Resume { service: ServiceId },
    /// A request that its client gave up arrives after all.
    Arrival(Box<Call>),
}

impl Due {
    /// The service that it happens to.
    fn service(&self) -> Option<&ServiceId> {
        match self {
            Self::Stage { service, .. }
            | Self::Foreign { service, .. }
            | Self::Suspend { service }
            | Self::Resume { service } => Some(service),
            Self::Arrival(call) => call.service.as_ref(),
        }
    }
}

/// Entries in order of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Agenda {
    made: u64,
    entries: BTreeMap<Slot, Due>,
    /// The same by service, so that one service's next entry is found without a look at the others'.
    by_service: BTreeMap<ServiceId, BTreeSet<Slot>>,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: Timestamp, due: Due) -> Slot {
        self.made += 1;
        let slot = (at, self.made);
        self.insert(slot, due);
        slot
    }

    fn insert(&mut self, slot: Slot, due: Due) {
        if let Some(service) = due.service() {
            let slots = self.by_service.entry(service.clone()).or_default();
            slots.insert(slot);
        }
        self.entries.insert(slot, due);
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Due> {
        let due = self.entries.remove(&slot)?;
        if let Some(service) = due.service()
            && let Some(slots) = self.by_service.get_mut(service)
        {
            slots.remove(&slot);
            if slots.is_empty() {
                self.by_service.remove(service);
            }
        }
        Some(due)
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn next_of(&self, service: &ServiceId) -> Option<Timestamp> {
        let slots = self.by_service.get(service)?;
        slots.first().map(|(at, _)| *at)
    }

    /// Takes the first entry if its instant has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let slot = *self.entries.keys().next().filter(|(at, _)| *at <= now)?;
        self.remove(slot).map(|due| (slot.0, due))
    }
}

/// The form in which an agenda is saved; JSON has no keys of two parts.
#[derive(Serialize, Deserialize)]
struct Stored {
    made: u64,
    entries: Vec<(Slot, Due)>,
}

impl From<Stored> for Agenda {
    fn from(stored: Stored) -> Self {
        let mut agenda = Self {
            made: stored.made,
            ..Self::default()
        };
        for (slot, due) in stored.entries {
            agenda.insert(slot, due);
        }
        agenda
    }
}

impl From<Agenda> for Stored {
    fn from(agenda: Agenda) -> Self {
        Self {
            made: agenda.made,
            entries: agenda.entries.into_iter().collect(),
        }
    }
}
