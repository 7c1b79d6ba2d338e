//! Which rollouts stand in the way of a start, and which of them a hotfix or `--supersede` ends (R14)?

use std::collections::BTreeSet;

use policy::plan::RunningVersions;
use policy::{CustomerId, PlanInput};

use crate::fold::index::Rollout;
use crate::model::fact::RolloutDraining;
use crate::model::ids::RolloutId;
use crate::model::request::{Rejected, Request};
use crate::model::state::{DrainTo, RolloutState};
use crate::model::verb::Conflict;
use crate::product::Product;

impl Product {
    /// Whether no unfinished work has these customers in hand, so that a rollout of its own can have them.
    pub(crate) fn is_free(&self, customers: &BTreeSet<CustomerId>) -> bool {
        self.in_common(customers, None).is_empty()
    }

    /// Customers that such a start would reach.
    pub(crate) fn reached(
        &self,
        input: &PlanInput,
        conflict: Conflict,
        running: &RunningVersions,
    ) -> BTreeSet<CustomerId> {
        let plan = Self::compile(input, conflict, &[], running, self.at);
        plan.map_or_else(
            |_| BTreeSet::new(),
            |plan| plan.customers.into_keys().collect(),
        )
    }

    /// What a start with these customers has to do with: unfinished work in common, and, where it takes the place of others,
    /// also rollouts that have halted with nobody left to start, since nothing else would end them.
    pub(crate) fn in_the_way(
        &self,
        customers: &BTreeSet<CustomerId>,
        conflict: Conflict,
    ) -> Vec<(RolloutId, CustomerId)> {
        let mut others = self.in_common(customers, None);
        if matches!(conflict, Conflict::Refuse | Conflict::Queue) {
            return others;
        }
        let resting = self.state.rollouts.iter().filter_map(|(id, rollout)| {
            let planned = |customer: &&CustomerId| rollout.plan.customers.contains_key(*customer);
            let customer = customers.iter().find(planned)?;
            rollout.is_halted().then(|| (*id, customer.clone()))
        });
        let resting: Vec<_> = resting
            .filter(|(id, _)| others.iter().all(|(other, _)| other != id))
            .collect();
        others.extend(resting);
        others.sort_unstable();
        others
    }

    /// Rollouts that a queued one waits for: unfinished ones before it with a customer in common.
    pub(crate) fn blockers(&self, id: RolloutId) -> Vec<RolloutId> {
        let rollout = &self.state.rollouts[&id];
        let Some(queued) = rollout.row.state.asked() else {
            return Vec::new();
        };
        let customers = self.wanted(queued);
        let draining = |other: &RolloutId| {
            let other = &self.state.rollouts[other];
            other.is_ending() && !other.is_ended()
        };
        let common = self
            .in_common(&customers, Some(id))
            .into_iter()
            .map(|(other, _)| other);
        let ending = self.state.rollouts.keys().copied().filter(draining);
        let before: BTreeSet<RolloutId> =
            common.chain(ending).filter(|other| *other < id).collect();
        before.into_iter().collect()
    }

    /// Whether a rollout is one that another start can take the place of. An operation is over before its customer's turn
    /// comes (R15), and an abort is final (P19).
    pub(crate) fn is_superseded(&self, id: RolloutId) -> bool {
        let aborting = self.state.find(id).is_some_and(|rollout| {
            matches!(
                rollout.row.state,
                RolloutState::Draining {
                    to: DrainTo::Aborted,
                    ..
                }
            )
        });
        matches!(id, RolloutId::Rollout(_)) && !aborting
    }

    pub(crate) fn supersede(
        &mut self,
        others: &[(RolloutId, CustomerId)],
        request: &Request,
        version: &str,
    ) {
        let others = others.iter().map(|(other, _)| *other);
        let rollouts: Vec<RolloutId> = others.filter(|other| self.is_superseded(*other)).collect();
        for other in rollouts {
            let fact = RolloutDraining {
                actor: Some(request.by.name.clone()),
                reason: Some(format!("superseded by {version}")),
                to: DrainTo::Superseded,
                sweep: None,
            };
            self.emit_in(other, fact);
        }
    }
}

impl Rollout {
    /// Whether nobody starts in it any more, whatever people do: it has ended, or drains to its end.
    pub(crate) fn is_ending(&self) -> bool {
        match &self.row.state {
            RolloutState::Ended { .. }
            | RolloutState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => true,
            RolloutState::Queued(_)
            | RolloutState::Running
            | RolloutState::Halted { .. }
            | RolloutState::Draining {
                to: DrainTo::Halted,
                ..
            } => false,
        }
    }

    /// Whether it rests after failures, or is about to.
    fn is_halted(&self) -> bool {
        match &self.row.state {
            RolloutState::Halted { .. }
            | RolloutState::Draining {
                to: DrainTo::Halted,
                ..
            } => true,
            RolloutState::Queued(_)
            | RolloutState::Running
            | RolloutState::Ended { .. }
            | RolloutState::Draining {
                to: DrainTo::Aborted | DrainTo::Superseded,
                ..
            } => false,
        }
    }

    /// Whether the customer has not settled here, or is still watched (R14).
    pub(crate) fn has_open(&self, customer: &CustomerId) -> bool {
        let state = &self.customer(customer).status;
        let settled = state.is_healthy() && !self.is_watched(customer);
        self.plan.customers.contains_key(customer) && !state.is_over() && !settled
    }
}

/// `has_hotfix`: the files have a policy for one; `is_bound`: to a plan that was reviewed, which cannot wait.
pub(crate) fn unfinished(
    others: &[(RolloutId, CustomerId)],
    has_hotfix: bool,
    is_bound: bool,
) -> Rejected {
    let list: Vec<String> = others
        .iter()
        .map(|(id, customer)| format!("{id} still has {customer}"))
        .collect();
    let text = format!("another rollout is unfinished: {}", list.join(", "));
    let way_out = match has_hotfix {
        _ if is_bound => {
            "the same command once it has ended; a start that waits cannot be bound to a plan"
        }
        true => "add --queue to wait for it, --supersede to end it, or --hotfix",
        false => "add --queue to wait for it, or --supersede to end it",
    };
    Rejected::state(text, way_out)
}

impl Product {
    /// Unfinished rollouts that have one of these customers unsettled or still watched (R14).
    pub(crate) fn in_common(
        &self,
        customers: &BTreeSet<CustomerId>,
        except: Option<RolloutId>,
    ) -> Vec<(RolloutId, CustomerId)> {
        let mut others = Vec::new();
        for (id, rollout) in &self.state.rollouts {
            if Some(*id) == except || rollout.is_ended() {
                continue;
            }
            let common = match rollout.row.state.asked() {
                Some(queued) => self.wanted(queued).intersection(customers).next().cloned(),
                None => customers.iter().find(|one| rollout.has_open(one)).cloned(),
            };
            others.extend(common.map(|customer| (*id, customer)));
        }
        others
    }
}
