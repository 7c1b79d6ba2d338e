//! Who waits for which of Render's limits, and until when? A table that lives as long as the waits do.

use std::collections::BTreeMap;

use chrono::{SubsecRound as _, TimeDelta, Utc};
use policy::{CustomerId, Timestamp};
use rollout::limit::LimitOf;
use rollout::{LimitWait, RolloutId};
use tokio::sync::watch;
use tokio::time::Instant;

use super::UsedUp;

/// For whom a request is made.
pub type OnBehalfOf = (RolloutId, CustomerId);

/// A request that waits for one of Render's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For which.
    pub limit: LimitOf,
    /// Since when, by the wall clock.
    pub since: Timestamp,
    /// When it may go as far as is known. It may go earlier, once a reply has told of more.
    pub until: Timestamp,
    /// For whom it is made, if it is part of a rollout.
    pub whose: Option<OnBehalfOf>,
}

/// All requests of a client and its clones that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    next: u64,
    table: BTreeMap<u64, Wait>,
}

impl Waits {
    /// Those that wait, in the order in which they began.
    pub fn all(&self) -> impl Iterator<Item = &Wait> {
        self.table.values()
    }

    /// Those that belong to rollouts: of each customer and limit the one that waits the longest.
    pub fn of_rollouts(&self) -> impl Iterator<Item = LimitWait> {
        let mut last: BTreeMap<(OnBehalfOf, LimitOf), LimitWait> = BTreeMap::new();
        for wait in self.all() {
            let Some((run, customer)) = wait.whose.clone() else {
                continue;
            };
            let key = ((run, customer.clone()), wait.limit);
            let told = LimitWait {
                run,
                customer,
                limit: wait.limit,
                since: wait.since,
                until: wait.until,
            };
            let known = last.entry(key).or_insert_with(|| told.clone());
            known.since = known.since.min(told.since);
            known.until = known.until.max(told.until);
        }
        last.into_values()
    }
}

/// One request, which stands in the table from the first wait on until this is dropped.
pub(super) struct Waiting<'a> {
    waits: &'a watch::Sender<Waits>,
    whose: Option<&'a OnBehalfOf>,
    stands: Option<u64>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(waits: &'a watch::Sender<Waits>, whose: Option<&'a OnBehalfOf>) -> Self {
        Self {
            waits,
            whose,
            stands: None,
        }
    }

    /// It waits until then, for this.
    pub(super) fn tell(&mut self, used_up: &UsedUp) {
        let now = Utc::now().trunc_subsecs(3);
        let left = used_up.until.saturating_duration_since(Instant::now());
        let until = (now + TimeDelta::from_std(left).unwrap_or_default()).trunc_subsecs(3);
        let limit = used_up.limit;
        self.waits.send_modify(|waits| {
            if let Some(wait) = self.stands.and_then(|place| waits.table.get_mut(&place)) {
                (wait.limit, wait.until) = (limit, until);
                return;
            }
            let place = waits.next;
            waits.next += 1;
            let wait = Wait {
                limit,
                since: now,
                until,
                whose: self.whose.cloned(),
            };
            waits.table.insert(place, wait);
            self.stands = Some(place);
        });
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.stands {
            self.waits.send_modify(|waits| {
                waits.table.remove(&place);
            });
        }
    }
}
