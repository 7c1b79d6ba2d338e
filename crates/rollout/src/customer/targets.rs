//! Does a rollback lead back to something that was judged unhealthy itself? It goes there all the same, since that is what ran
//! (R19); but it is said beforehand.

use std::collections::BTreeMap;

use policy::{CustomerId, Plan, Role};

use crate::fold::state::State;
use crate::model::command::ServiceView;
use crate::model::command::views::Observed;
use crate::model::ids::RolloutId;
use crate::model::state::ServiceState;
use crate::model::unhealthy::UnhealthyTarget;
use crate::product::Product;

impl State {
    /// What is known against a commit at a service.
    pub(crate) fn unhealthy_target(
        &self,
        customer: &CustomerId,
        service: &Role,
        commit: Option<&str>,
    ) -> Option<UnhealthyTarget> {
        let known = self.fleet.get(customer)?.unhealthy.get(service)?;
        let one = known
            .iter()
            .find(|one| Some(one.commit.as_str()) == commit)?;
        Some(UnhealthyTarget {
            customer: customer.clone(),
            service: service.clone(),
            version: one.version.clone(),
            commit: one.commit.clone(),
            by: one.by,
            since: one.since,
        })
    }
}

impl Product {
    /// Of a plan that would begin now: the services whose rollback would lead to what was judged unhealthy there.
    pub fn unhealthy_targets(&self, plan: &Plan, observed: &Observed) -> Vec<UnhealthyTarget> {
        if self
            .state
            .fleet
            .values()
            .all(|row| row.unhealthy.is_empty())
        {
            return Vec::new();
        }
        let running = self.running(observed);
        let targets = plan.customers.iter().flat_map(|(customer, planned)| {
            let services = running.get(customer);
            let target = move |role: &Role| {
                let commit = services?.get(role)?.commit.as_deref();
                // What runs the release already is no target.
                let before = commit.filter(|commit| *commit != plan.release.commit);
                self.state.unhealthy_target(customer, role, before)
            };
            planned.services.iter().filter_map(target)
        });
        targets.collect()
    }

    /// Of a customer that is sent back, with its services as they stand.
    pub(crate) fn targets_back(
        &self,
        customer: &CustomerId,
        services: &BTreeMap<Role, ServiceState>,
    ) -> Vec<UnhealthyTarget> {
        let live = services.iter().filter(|(_, one)| one.deploy.went_live());
        let targets = live.filter_map(|(role, one)| {
            let before = one.baseline.as_ref()?.commit.as_deref();
            self.state.unhealthy_target(customer, role, before)
        });
        targets.collect()
    }

    /// Of an operation that brings a release again which ran before.
    pub(crate) fn targets_brought_again(
        &self,
        customer: &CustomerId,
        plan: &Plan,
    ) -> Vec<UnhealthyTarget> {
        let planned = plan.customers.get(customer);
        let roles = planned.into_iter().flat_map(|planned| &planned.services);
        let commit = Some(plan.release.commit.as_str());
        let targets = roles.filter_map(|role| self.state.unhealthy_target(customer, role, commit));
        targets.collect()
    }

    /// Of a customer that begins, with what is live at its services.
    pub(crate) fn targets_at_start(
        &self,
        id: RolloutId,
        customer: &CustomerId,
        views: &[ServiceView],
    ) -> Vec<UnhealthyTarget> {
        let release = self.state.rollouts[&id].release_of(customer);
        let targets = views.iter().filter_map(|view| {
            // What is live of the release itself, from an attempt before, is no target.
            let before = view.live()?.exact().filter(|live| *live != release.commit);
            let state = &self.state;
            state.unhealthy_target(customer, &view.role, before.as_deref())
        });
        targets.collect()
    }

    /// The same of one customer of a rollout: where it would go back to, or, while it waits, what it runs.
    pub fn unhealthy_targets_of(
        &self,
        id: RolloutId,
        customer: &CustomerId,
    ) -> Vec<UnhealthyTarget> {
        let planned = self.state.find(id).and_then(|rollout| {
            let planned = rollout.plan.customers.get(customer)?;
            Some((rollout, planned))
        });
        let Some((rollout, planned)) = planned else {
            return Vec::new();
        };
        let state = rollout.customer(customer);
        if state.status.is_over() {
            return Vec::new();
        }
        let fleet = self.state.fleet.get(customer);
        let target = |role: &Role| {
            let baseline = state
                .services
                .get(role)
                .and_then(|one| one.baseline.as_ref());
            let commit = match (state.batch, baseline) {
                (Some(_), Some(baseline)) => baseline.commit.as_deref(),
                (_, _) => fleet?.running.get(role)?.commit.as_deref(),
            };
            let release = &rollout.release_of(customer).commit;
            let before = commit.filter(|commit| commit != release);
            self.state.unhealthy_target(customer, role, before)
        };
        planned.services.iter().filter_map(target).collect()
    }
}
