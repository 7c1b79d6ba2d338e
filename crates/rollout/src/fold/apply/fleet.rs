//! Folds what runs where, and whose work it is (R15).

use policy::{CustomerId, Timestamp};

use crate::fold::state::{RowKey, State};
use crate::model::fact::place::ServicePlace;
use crate::model::fact::{CustomerFact, Newest, Seen};
use crate::model::ids::RolloutId;
use crate::model::recovery::Moved;
use crate::model::state::{CustomerState, Hidden, Operation, RunningService};
use crate::model::unhealthy::{Judged, Unhealthy, fold_unhealthy};

impl State {
    /// What Render said of the services when the rollout was asked for. Older releases did not say which deploys were there
    /// besides the live ones.
    pub(super) fn apply_running(
        &mut self,
        id: RolloutId,
        seen: &Seen,
        newest: Option<&Newest>,
        at: Timestamp,
    ) {
        for (customer, services) in seen {
            let row = self.fleet.entry(customer.clone()).or_default();
            if let Some(newest) = newest {
                row.observed = Some(id);
                row.newest = newest.get(customer).cloned().unwrap_or_default();
            }
            for (role, service) in services {
                let known = row.running.get(role);
                if known.is_none_or(|known| known.deploy != service.deploy) {
                    let service = RunningService {
                        since: at,
                        ..service.clone()
                    };
                    row.running.insert(role.clone(), service);
                }
            }
            self.touch(RowKey::fleet(customer));
        }
    }

    /// A customer is this rollout's work from now on.
    pub(super) fn own(&mut self, id: RolloutId, customer: &CustomerId) {
        self.fleet.entry(customer.clone()).or_default().owner = Some(id);
        self.touch(RowKey::fleet(customer));
    }

    /// A customer is nobody's any more.
    pub(super) fn let_go(&mut self, id: RolloutId, customer: &CustomerId, fact: &CustomerFact) {
        let state = self.find(id).map(|rollout| rollout.customer(customer));
        let back = state.is_some_and(CustomerState::is_pointed_back);
        let Some(row) = self.fleet.get_mut(customer) else {
            return;
        };
        // An operation keeps what it watches; its end lets go (R15).
        let is_operation = matches!(id, RolloutId::Operation(_));
        let watched = is_operation && matches!(fact, CustomerFact::CustomerHealthy(_));
        if row.owner == Some(id) && !watched {
            row.owner = None;
        }
        // Left out half-way, its services read the old database again.
        let skipped = back && matches!(fact, CustomerFact::CustomerSkipped(_));
        row.moved = row.moved.take().filter(|moved| !skipped || moved.by != id);
        self.touch(RowKey::fleet(customer));
    }

    /// A deploy is live: with it, the variables that were set before.
    pub(super) fn deployed(&mut self, place: &ServicePlace, live: RunningService) {
        let row = self.fleet.entry(place.customer.clone()).or_default();
        row.hidden.remove(&place.service);
        self.runs_again(place, live);
    }

    /// What was live before serves again.
    pub(super) fn runs_again(&mut self, place: &ServicePlace, live: RunningService) {
        let row = self.fleet.entry(place.customer.clone()).or_default();
        row.running.insert(place.service.clone(), live);
        self.touch(RowKey::fleet(&place.customer));
    }

    /// A customer reads another database from now on.
    pub(super) fn moves(&mut self, customer: &CustomerId, moved: Moved) {
        self.fleet.entry(customer.clone()).or_default().moved = Some(moved);
        self.touch(RowKey::fleet(customer));
    }

    /// Variables that an operation set, or took back, without a deploy (T9).
    pub(super) fn hide(
        &mut self,
        id: RolloutId,
        place: &ServicePlace,
        keys: &[String],
        at: Timestamp,
    ) {
        let operation = self.find(id).and_then(|rollout| rollout.row.operation);
        if operation != Some(Operation::Variables) {
            return;
        }
        let row = self.fleet.entry(place.customer.clone()).or_default();
        if keys.is_empty() {
            row.hidden.remove(&place.service);
        } else {
            let hidden = Hidden {
                by: id,
                keys: keys.to_vec(),
                since: at,
            };
            row.hidden.insert(place.service.clone(), hidden);
        }
        self.touch(RowKey::fleet(&place.customer));
    }

    /// A version failed its checks at a service: that is remembered until it passes them there.
    pub(super) fn judged_unhealthy(
        &mut self,
        id: RolloutId,
        place: &ServicePlace,
        judged: &Judged,
        at: Timestamp,
    ) {
        let judged = Unhealthy {
            version: judged.version.clone(),
            commit: judged.commit.clone(),
            by: id,
            since: at,
        };
        let row = self.fleet.entry(place.customer.clone()).or_default();
        let known = row.unhealthy.entry(place.service.clone()).or_default();
        fold_unhealthy(known, judged);
        self.touch(RowKey::fleet(&place.customer));
    }

    /// What runs at a service has passed its checks. Most verdicts change nothing, and a row that is touched is written.
    pub(super) fn judged_healthy(&mut self, place: &ServicePlace) {
        let Some(row) = self.fleet.get_mut(&place.customer) else {
            return;
        };
        let live = row.running.get(&place.service);
        let live = live.and_then(|live| live.commit.as_ref());
        let Some(known) = row.unhealthy.get_mut(&place.service) else {
            return;
        };
        known.retain(|one| Some(&one.commit) != live);
        row.unhealthy.retain(|_, known| !known.is_empty());
        self.touch(RowKey::fleet(&place.customer));
    }
}
