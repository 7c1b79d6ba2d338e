//! Phases that are late by their own rules: what the phases before them take, and their own delays, goes beyond `due` (R4).
//!
//! It is the least that a rollout over the whole fleet takes: no deploy needs any time, and nobody waits for a window, a
//! freeze or a person.

use std::collections::BTreeMap;

use super::CheckedFiles;
use crate::ids::{CustomerId, PolicyId};
use crate::parse::report::Report;
use crate::phases::{HOTFIX, batch_sizes, order};
use crate::rules::Policy;
use crate::settings::Customer;
use crate::span::Span;

/// The least time of a phase, since the start of the rollout.
#[derive(Clone, Debug, Default)]
struct Least {
    starts: Span,
    settles: Span,
    /// The phase before it that settles last, if that is what it begins with.
    behind: Option<PolicyId>,
    /// The phase that takes so long: itself, or where it has no customers one before it.
    taken_by: Option<PolicyId>,
}

impl CheckedFiles<'_, '_> {
    pub(super) fn check_dues(&self, report: &mut Report<'_>) {
        if self.policies.iter().all(|(policy, _)| policy.due.is_none()) {
            return;
        }
        let least = self.least();
        for (policy, node) in self.policies {
            let (Some(due), Some(least)) = (policy.due, least.get(&policy.name)) else {
                continue;
            };
            // That it is due before it may start was said where it is written.
            if due <= policy.not_before || least.settles <= due {
                continue;
            }
            let Least {
                starts,
                settles,
                behind,
                ..
            } = least;
            let behind = behind.as_ref().map_or_else(String::new, |behind| {
                format!(", when `{behind}` has settled")
            });
            let message = format!(
                "`{}` can never settle by its `due` of {due}: at the earliest it begins {starts} after the start{behind}, \
                 and settles {settles} after it",
                policy.name
            );
            let help = "raise `due`, or lower what it adds up from: `not_before`, `delay`, `watch` and `soak` of it and of those before it";
            report.warn(node.pos_of(&["due"]), "range", message, help);
        }
    }

    /// The least times of all phases; none where they cannot be put in order.
    fn least(&self) -> BTreeMap<PolicyId, Least> {
        let by_name = self.by_name();
        let Ok(ordered) = order(by_name.values().copied()) else {
            return BTreeMap::new();
        };
        let weights = self.weights();
        let mut least: BTreeMap<PolicyId, Least> = BTreeMap::new();
        for (policy, after) in ordered {
            let before = after.iter().filter_map(|name| least.get(name));
            let behind = before.max_by_key(|least| least.settles).cloned();
            // Nobody knows how many there are where the fleet cannot be read.
            let unknown = match self.fleet_node {
                Some(_) => &[][..],
                None => &[Customer::WEIGHT],
            };
            let weights = weights.get(&policy.name).map_or(unknown, Vec::as_slice);
            least.insert(policy.name.clone(), of_phase(policy, weights, behind));
        }
        least
    }

    /// What the customers of each phase weigh, in their order (R2), without those that a pin may leave out.
    fn weights(&self) -> BTreeMap<PolicyId, Vec<u64>> {
        let mut weights: BTreeMap<PolicyId, Vec<u64>> = BTreeMap::new();
        let covering = |id: &CustomerId, customer: &Customer| {
            let mut regular = self.policies.iter().map(|(policy, _)| policy);
            regular.find(|policy| {
                policy.name.as_str() != HOTFIX && policy.customers.covers(id, customer)
            })
        };
        let mut customers: Vec<_> = self.fleet.customers.iter().collect();
        customers.sort_by_key(|(id, customer)| (customer.order, *id));
        for (id, customer) in customers {
            if customer.pin.is_none()
                && let Some(policy) = covering(id, customer)
            {
                let phase = weights.entry(policy.name.clone()).or_default();
                phase.push(customer.weight);
            }
        }
        weights
    }
}

/// A phase without customers settles as soon as those before it have.
fn of_phase(policy: &Policy, weights: &[u64], last: Option<Least>) -> Least {
    let last = last.unwrap_or_default();
    let ready = last.settles;
    if weights.is_empty() {
        return Least {
            starts: ready,
            ..last
        };
    }
    let batches = i64::try_from(batch_sizes(weights, &policy.batch).len()).unwrap_or(i64::MAX);
    let starts = ready.max(policy.not_before);
    let delays = policy.delay.as_millis().saturating_mul(batches - 1);
    let watches = policy.watch.as_millis().saturating_mul(batches);
    let takes = delays
        .saturating_add(watches)
        .saturating_add(policy.soak.as_millis());
    Least {
        starts,
        settles: Span::from_millis(starts.as_millis().saturating_add(takes)),
        behind: last.taken_by.filter(|_| ready > policy.not_before),
        taken_by: Some(policy.name.clone()),
    }
}
