//! Which freeze is meant, and what people have said about it (R9).

use std::collections::BTreeSet;

use policy::calendar::{Boundary, FreezeScope, Occurrence, ZoneSpec};
use policy::{CustomerId, PersonId, Timestamp};
use serde::{Deserialize, Serialize};

/// A freeze that a person made (R9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ManualFreeze {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) by: PersonId,
    pub(crate) reason: String,
    pub(crate) customers: BTreeSet<CustomerId>,
}

/// So many people lift a freeze together.
pub(crate) const VOICES: usize = 2;

/// Which freeze is meant: not whatever bears its name later. Of one that repeats, an occurrence has its own local `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeId {
    name: String,
    /// As written: a local date-time is one freeze for customers of all zones.
    pub(crate) from: Boundary,
    pub(crate) until: Boundary,
    pub(crate) zone: ZoneSpec,
    /// Who is added to a freeze later was not in what people lifted.
    customers: FreezeScope,
}

/// What people have said about one freeze in a rollout: lifted with two voices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lift {
    pub(crate) freeze: FreezeId,
    pub(crate) voices: BTreeSet<PersonId>,
}

impl From<&Occurrence<'_>> for FreezeId {
    fn from(occurrence: &Occurrence<'_>) -> Self {
        let Occurrence { freeze, period } = occurrence;
        Self {
            name: freeze.name.clone(),
            from: period.from,
            until: period.until,
            zone: freeze.zone,
            customers: freeze.customers.clone(),
        }
    }
}

/// Whether so many have asked that the freeze holds nobody any more.
pub(crate) fn is_lifted(voices: &BTreeSet<&PersonId>) -> bool {
    voices.len() >= VOICES
}

/// Folds a voice for some freezes.
pub(crate) fn fold_voice(lifts: &mut Vec<Lift>, freezes: Vec<FreezeId>, by: &PersonId) {
    for freeze in freezes {
        match lifts.iter_mut().find(|lift| lift.freeze == freeze) {
            Some(lift) => {
                lift.voices.insert(by.clone());
            }
            None => lifts.push(Lift {
                freeze,
                voices: BTreeSet::from([by.clone()]),
            }),
        }
    }
}

pub(crate) fn distinct(freezes: impl Iterator<Item = FreezeId>) -> Vec<FreezeId> {
    let mut distinct: Vec<FreezeId> = Vec::new();
    for freeze in freezes {
        if !distinct.contains(&freeze) {
            distinct.push(freeze);
        }
    }
    distinct
}

impl FreezeId {
    /// A freeze that a person made.
    pub(crate) fn made(name: &str, freeze: &ManualFreeze) -> Self {
        let customers = match freeze.customers.is_empty() {
            true => FreezeScope::All,
            false => FreezeScope::Only {
                customers: freeze.customers.clone(),
                tags: BTreeSet::new(),
                tiers: BTreeSet::new(),
            },
        };
        Self {
            name: name.to_owned(),
            from: Boundary::Instant(freeze.from),
            until: Boundary::Instant(freeze.until),
            zone: ZoneSpec::UTC,
            customers,
        }
    }

    /// Whether it is over for everybody, wherever they live.
    pub(crate) fn is_over(&self, at: Timestamp) -> bool {
        self.until.everywhere(self.zone) <= at
    }

    /// Whether it begins so, or holds somebody somewhere then.
    pub(crate) fn is_at(&self, wanted: Boundary) -> bool {
        let holds = |then: Timestamp| {
            self.from.anywhere(self.zone) <= then && then < self.until.everywhere(self.zone)
        };
        match wanted {
            Boundary::Local(_) => self.from == wanted,
            Boundary::Instant(then) => holds(then),
        }
    }
}
