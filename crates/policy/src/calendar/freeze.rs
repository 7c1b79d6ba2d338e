//! Freezes: times at which nobody may start, or a part of the fleet may not (R9).

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::zone::resolve_local;
use super::{Interval, ZoneSpec};
use crate::ids::CustomerId;
use crate::settings::{Customer, Timestamp};

/// A time at which nobody of its scope may start; it beats every window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// What `override` and `unfreeze` call it.
    pub name: String,
    /// Inclusive.
    pub from: Boundary,
    /// Exclusive.
    pub until: Boundary,
    /// Where local boundaries are local.
    pub zone: ZoneSpec,
    /// Whom it concerns.
    pub customers: FreezeScope,
    /// Why.
    pub reason: Option<String>,
}

/// An end of a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// A local date-time; a date is its 00:00.
    Local(NaiveDateTime),
    /// The same instant everywhere.
    Instant(Timestamp),
}

impl Boundary {
    /// The instant it is in a zone.
    pub fn resolve(self, zone: Tz) -> Timestamp {
        match self {
            Self::Local(local) => resolve_local(zone, local),
            Self::Instant(at) => at,
        }
    }

    /// The instant at which it has come for everybody, wherever they live.
    pub fn everywhere(self, zone: ZoneSpec) -> Timestamp {
        // Where a local time comes last in the world.
        self.resolve(zone.resolve(Tz::Etc__GMTPlus12))
    }
}

/// Whom a freeze concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeScope {
    /// Everybody.
    All,
    /// Those who fulfil every part that is not empty, as in a policy's `customers`.
    Only {
        /// These customers.
        customers: BTreeSet<CustomerId>,
        /// Those who carry all of these tags.
        tags: BTreeSet<String>,
        /// Those of any of these tiers.
        tiers: BTreeSet<String>,
    },
}

impl Freeze {
    /// When it holds for a customer of that zone. The interval is empty when `until` is not after `from` there.
    pub fn interval(&self, customer_zone: Tz) -> Interval {
        let zone = self.zone.resolve(customer_zone);
        Interval {
            from: self.from.resolve(zone),
            until: self.until.resolve(zone),
        }
    }

    /// What of it reaches into some time, for a customer of that zone; in order, and without empty intervals.
    pub fn intervals(&self, customer_zone: Tz, within: Interval) -> Vec<Interval> {
        let once = self.interval(customer_zone);
        let reaches = once.from < within.until && within.from < once.until;
        let once = (reaches && !once.is_empty()).then_some(once);
        once.into_iter().collect()
    }

    /// Whether it concerns that customer.
    pub fn covers(&self, id: &CustomerId, customer: &Customer) -> bool {
        match &self.customers {
            FreezeScope::All => true,
            FreezeScope::Only {
                customers,
                tags,
                tiers,
            } => {
                (customers.is_empty() || customers.contains(id))
                    && tags.is_subset(&customer.tags)
                    && (tiers.is_empty() || tiers.contains(&customer.tier))
            }
        }
    }
}
