//! Variables of a version without a deploy, and back (B12). What was set is a hidden change: the next deploy by anybody
//! ships it (T9), so it is tracked until something of ours goes live or it is taken back.

use std::collections::BTreeMap;

use policy::plan::{Phase, Plan};
use policy::{CustomerId, PlannedCustomer, PolicyId, Release};

use crate::model::fact::OperationStarted;
use crate::model::ids::RolloutId;
use crate::model::offer::Offer;
use crate::model::operation::ApplyVariables;
use crate::model::request::{Rejected, Request};
use crate::model::state::{CustomerState, Operation};
use crate::product::Product;
use crate::requests::deploys::{bare_plan, bare_policy};
use crate::requests::operate::{digest, operation_started, taken_back};

impl Product {
    /// Takes an `env apply`.
    pub(crate) fn request_variables(
        &mut self,
        request: &Request,
        apply: &ApplyVariables,
    ) -> Result<(), Rejected> {
        let customer = &apply.customer;
        self.is_nobodys(customer)?;
        if apply.roles.is_empty() {
            let text = format!("no variables are planned for any service of {customer}");
            return Err(Rejected::usage(text, "write `variables:` in tranche.yaml"));
        }
        if self.hidden(customer).is_some() {
            let text = format!("{customer} has variables that nothing was deployed with yet");
            return Err(Rejected::state(
                text,
                Offer::UndoVariables(customer.clone()),
            ));
        }
        self.begin_variables(request, customer, plan(apply), None, &apply.reason);
        Ok(())
    }

    /// Takes an `env apply --undo`: the old values go back where ours still stand (P29).
    pub(crate) fn undo(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        reason: &str,
    ) -> Result<(), Rejected> {
        self.is_nobodys(customer)?;
        let Some(applied) = self.hidden(customer) else {
            let text = format!("no variables of {customer} stand without a deploy");
            return Err(Rejected::state(text, Offer::EnvDiff(customer.clone())));
        };
        let rollout = &self.state.rollouts[&applied];
        let state = taken_back(rollout, customer, reason);
        let plan = Plan::clone(&rollout.plan);
        self.begin_variables(request, customer, plan, Some(state), reason);
        Ok(())
    }

    fn begin_variables(
        &mut self,
        request: &Request,
        customer: &CustomerId,
        plan: Plan,
        state: Option<CustomerState>,
        reason: &str,
    ) {
        self.begin_operation(OperationStarted {
            customer: Some(customer.clone()),
            unit: state.map(Box::new),
            ..operation_started(request, Operation::Variables, plan, reason)
        });
    }

    /// The operation whose variables stand at a customer without having been deployed (T9).
    pub(crate) fn hidden(&self, customer: &CustomerId) -> Option<RolloutId> {
        let hidden = &self.state.fleet.get(customer)?.hidden;
        hidden.values().map(|hidden| hidden.by).max()
    }
}

fn plan(apply: &ApplyVariables) -> Plan {
    let release: &Release = &apply.release;
    let mut plan = bare_plan(&apply.project, release.clone());
    plan.phases.push(Phase {
        policy: bare_policy(PolicyId::new(ApplyVariables::PHASE)),
        health: policy::health::Profile::basic(),
        after: Vec::new(),
        customers: vec![apply.customer.clone()],
        sizes: vec![1],
        tolerated: 0,
        tolerated_weight: None,
    });
    let planned = PlannedCustomer {
        customer: policy::Customer {
            window: Vec::new(),
            ..apply.services.clone()
        },
        phase: 0,
        services: apply.roles.clone(),
        running: None,
        own: None,
    };
    plan.customers = BTreeMap::from([(apply.customer.clone(), planned)]);
    plan.digest = digest(&plan);
    plan
}
