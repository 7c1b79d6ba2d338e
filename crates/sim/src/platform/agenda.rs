//! What will happen by itself, and when: the only source of changes nobody asks for at that instant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::fault::ForeignDeploy;
use crate::ids::{DeployId, ServiceId, Timestamp};

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

/// Entries in order of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Agenda {
    made: u64,
    entries: BTreeMap<Slot, Due>,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: Timestamp, due: Due) -> Slot {
        self.made += 1;
        let slot = (at, self.made);
        self.entries.insert(slot, due);
        slot
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        self.entries.remove(&slot);
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first entry if its instant has come.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let entry = self.entries.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let ((at, _), due) = entry.remove_entry();
        Some((at, due))
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
        Self {
            made: stored.made,
            entries: stored.entries.into_iter().collect(),
        }
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
