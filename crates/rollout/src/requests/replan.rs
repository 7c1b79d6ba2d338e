//! Applies edited files to what has not started (R6): what has started stays, the rest is cut anew by R1 over the whole
//! phase.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::plan::{Phase, batch_sizes, resize};
use policy::{Customer, CustomerId, Plan, PlanInput, PlannedCustomer, PolicyId, Timestamp};

use crate::fold::index::Rollout;
use crate::model::command::views::Observed;
use crate::model::fact::{DelayStarted, Replanned};
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::request::{Rejected, Request};
use crate::product::Product;
use crate::requests::operate::digest;

impl Product {
    pub(crate) fn replan(&mut self, request: &Request, input: &PlanInput) -> Result<(), Rejected> {
        let id = self.meant_to_replan(request.rollout)?;
        let plan = self.replanned(id, input)?;
        if is_same(&plan, &self.state.rollouts[&id].plan) {
            return Err(Rejected::state(
                "the files ask for nothing that the plan does not have",
                Offer::Status(Some(id)),
            ));
        }
        let before = Arc::clone(&self.state.rollouts[&id].plan);
        let through = self.state.rollouts[&id].through();
        let fact = Replanned {
            actor: request.by.name.clone(),
            digest: plan.digest.clone(),
            plan: Box::new(plan),
        };
        self.emit_in(id, fact);
        self.move_in_flight(id, &before);
        self.renew_delays(id, &through);
        let gates: Vec<_> = self.state.rollouts[&id]
            .gates
            .keys()
            .map(|gate| (id, gate.clone()))
            .collect();
        self.in_flight.dirty_gates.extend(gates);
        let running = 0..self.state.rollouts[&id].phases.len();
        for phase in running
            .filter(|phase| self.state.rollouts[&id].phases[*phase].started_at.is_some())
            .collect::<Vec<_>>()
        {
            let gates = self.state.rollouts[&id].gates_of(phase);
            self.in_flight
                .dirty_gates
                .extend(gates.into_iter().map(|gate| (id, gate)));
        }
        Ok(())
    }

    /// The rollout that a replan means, if edited files can change anything there.
    pub(crate) fn meant_to_replan(&self, named: Option<RolloutId>) -> Result<RolloutId, Rejected> {
        let unfinished = self.state.rollouts.iter().filter(|(id, rollout)| {
            matches!(id, RolloutId::Rollout(_))
                && !rollout.is_ended()
                && rollout.row.started_at.is_some()
        });
        let mut meant: Vec<RolloutId> = unfinished.map(|(id, _)| *id).collect();
        if named.is_none() {
            meant.retain(|id| !self.state.rollouts[id].is_ending());
        }
        let id = match (named, meant.as_slice()) {
            (Some(id), list) if list.contains(&id) => id,
            (None, [id]) => *id,
            (Some(_), _) | (None, []) => {
                return Err(Rejected::state(
                    "no such rollout is under way",
                    Offer::start(),
                ));
            }
            (None, _) => {
                return Err(Rejected::usage(
                    "more than one rollout is under way",
                    "add --rollout",
                ));
            }
        };
        self.goes_on(id)?;
        Ok(id)
    }

    /// What is out and what was read moves with the customers to their new places.
    fn move_in_flight(&mut self, id: RolloutId, before: &Plan) {
        let rollout = &self.state.rollouts[&id];
        self.in_flight.rekey(id, |position| {
            let customer = before
                .phases
                .get(position.phase)?
                .customers
                .get(position.index)?;
            rollout.position(customer)
        });
        let customers: Vec<_> = rollout
            .customers()
            .filter_map(|(customer, _)| rollout.position(customer))
            .collect();
        self.in_flight
            .dirty_customers
            .extend(customers.into_iter().map(|position| (id, position)));
        self.wake_rollout(id);
    }

    /// The plan as it would be after a `replan`: for `replan --diff`.
    ///
    /// # Errors
    /// Files from which no plan can be made, or that lose a phase which has started.
    pub fn replanned(&self, id: RolloutId, input: &PlanInput) -> Result<Plan, Rejected> {
        let rollout = &self
            .state
            .find(id)
            .ok_or_else(|| Rejected::usage(format!("there is no rollout {id}"), Offer::List))?;
        let mut input = input.clone();
        input.release = rollout.plan.release.clone();
        input.scope = rollout.row.scope.clone();
        input.history = rollout.row.history.clone();
        let known = self.running(&Observed::new());
        if input.scope.hotfix.is_some() {
            let exposed = self.exposed_to(&input, &rollout.row.replaces, &known);
            input.scope.hotfix = Some(exposed.customers);
        }
        // What has started must not look as if it had the release already.
        let started: BTreeSet<&CustomerId> = rollout.started().collect();
        let running = known
            .into_iter()
            .filter(|(customer, _)| !started.contains(customer));
        let at = rollout.row.started_at.unwrap_or(self.at);
        let fresh = policy::plan::compile(&input, &running.collect(), at)
            .map_err(|error| Rejected::usage(error.to_string(), Offer::Validate))?;
        merge(rollout, fresh, &started)
    }

    /// Running delays get the new length from the same origin. A phase that was through and goes on has its delay too.
    fn renew_delays(&mut self, id: RolloutId, through: &BTreeSet<PolicyId>) {
        for phase in 0..self.state.rollouts[&id].phases.len() {
            let rollout = &self.state.rollouts[&id];
            let row = &rollout.phases[phase];
            let policy = &rollout.plan.phases[phase].policy;
            let since = match &row.delay {
                Some(delay) => Some(delay.since),
                None if through.contains(&policy.name) && !row.promoted => {
                    rollout.last_settled(phase)
                }
                None => None,
            };
            let Some(since) = since else { continue };
            let until = since + policy.delay.to_delta();
            let is_running = row.delay.as_ref().map(|delay| delay.until);
            if is_running.map_or(until <= self.at, |running| until == running) {
                continue;
            }
            let fact = DelayStarted {
                place: rollout.batch_place(phase, row.batches_begun),
                until,
                since: Some(since),
            };
            self.emit_in(id, fact);
        }
    }
}

impl Rollout {
    /// Phases in which everybody was through.
    fn through(&self) -> BTreeSet<PolicyId> {
        let rows = self.phases.iter().zip(&self.plan.phases);
        let through = rows.filter(|(row, _)| row.state.is_through());
        through
            .map(|(_, phase)| phase.policy.name.clone())
            .collect()
    }

    /// When the last batch of a phase that still has customers settled.
    fn last_settled(&self, phase: usize) -> Option<Timestamp> {
        let last = (phase, self.phases[phase].batches_begun);
        let settled = self.batches.get(&last)?.settled_at;
        settled.filter(|_| !self.waiting(phase).is_empty())
    }

    /// Customers that have started in a batch, retried ones included.
    fn started(&self) -> impl Iterator<Item = &CustomerId> {
        self.customers()
            .filter(|(customer, state)| state.batch.is_some() && self.position(customer).is_some())
            .map(|(customer, _)| customer)
    }
}

/// Whether two plans say the same; a digest also depends on who has put the plan together.
fn is_same(one: &Plan, other: &Plan) -> bool {
    let digest = other.digest.clone();
    let one = Plan {
        digest,
        ..one.clone()
    };
    one == *other
}

fn merge(
    rollout: &Rollout,
    mut fresh: Plan,
    started: &BTreeSet<&CustomerId>,
) -> Result<Plan, Rejected> {
    for (old, planned) in rollout.plan.phases.iter().enumerate() {
        let kept: Vec<CustomerId> = planned
            .customers
            .iter()
            .filter(|customer| started.contains(customer))
            .cloned()
            .collect();
        let name = &planned.policy.name;
        let Some(phase) = fresh
            .phases
            .iter()
            .position(|phase| &phase.policy.name == name)
        else {
            if kept.is_empty() {
                continue;
            }
            let text = format!("the policy {name} is gone, and customers of it have started");
            return Err(Rejected::state(text, "put the policy file back, or abort"));
        };
        for customer in &kept {
            let mut same = rollout.plan.customers[customer].clone();
            same.phase = phase;
            fresh.customers.insert(customer.clone(), same);
            fresh.left_out.remove(customer);
        }
        recut(
            rollout,
            old,
            &mut fresh.phases[phase],
            &fresh.customers,
            kept,
            started,
        );
    }
    for (index, phase) in fresh.phases.iter_mut().enumerate() {
        // A started customer stays in the phase in which it started.
        phase.customers.retain(|customer| {
            fresh
                .customers
                .get(customer)
                .is_some_and(|planned| planned.phase == index)
        });
        let sizes: usize = phase.sizes.iter().sum();
        if sizes != phase.customers.len() {
            let weights = weights(&phase.customers, &fresh.customers);
            phase.sizes = batch_sizes(&weights, &phase.policy.batch);
            phase.resolve_tolerance(&weights);
        }
    }
    fresh.digest = digest(&fresh);
    Ok(fresh)
}

/// The started customers first, batch by batch, then the rest by R1 over the whole phase.
fn recut(
    rollout: &Rollout,
    old: usize,
    phase: &mut Phase,
    customers: &BTreeMap<CustomerId, PlannedCustomer>,
    mut kept: Vec<CustomerId>,
    started: &BTreeSet<&CustomerId>,
) {
    kept.sort_by_key(|customer| rollout.customer(customer).batch);
    let mut sizes: Vec<usize> = Vec::new();
    for batch in 1..=rollout.phases[old].batches_begun {
        sizes.push(
            kept.iter()
                .filter(|customer| rollout.customer(customer).batch == Some(batch))
                .count(),
        );
    }
    let rest: Vec<CustomerId> = phase
        .customers
        .iter()
        .filter(|customer| !started.contains(customer))
        .cloned()
        .collect();
    let begun = kept.len();
    phase.customers = kept.into_iter().chain(rest).collect();
    let weights = weights(&phase.customers, customers);
    sizes.extend(resize(&weights, begun, &phase.policy.batch));
    phase.sizes = sizes;
    phase.resolve_tolerance(&weights);
}

/// The weights of customers in their order; those who have started keep the one with which they did.
fn weights(order: &[CustomerId], customers: &BTreeMap<CustomerId, PlannedCustomer>) -> Vec<u64> {
    let weight = |customer| {
        let planned = customers.get(customer);
        planned.map_or(Customer::WEIGHT, |planned| planned.customer.weight)
    };
    order.iter().map(weight).collect()
}
