//! What a decision about one customer may look at ([`Ctx`]), and what it can say ([`Next`]).

use std::collections::{BTreeMap, BTreeSet};

use policy::health::Profile;
use policy::{CustomerId, Plan, PlannedCustomer, Release, Role, Timestamp};

use crate::fold::scratch::Scratch;
use crate::fold::state::State;
use crate::model::command::{CommandKind, Target};
use crate::model::fact::{CustomerHeld, CustomerPlace, Fact, ServicePlace};
use crate::model::ids::{DatabaseId, RolloutId};
use crate::model::state::{
    CustomerState, CustomerStatus, DeployState, HeldFrom, Operation, ServiceState,
};

/// What follows for a customer.
#[derive(Debug)]
pub(crate) enum Next {
    /// Carry this out and wait for its answer.
    Command(CommandKind),
    /// These facts follow at once.
    Facts(Vec<Fact>),
    /// The next service may go, or go back, when a tick finds a place for it.
    Tick,
    /// Nothing before this instant.
    Wait(Timestamp),
    /// Nothing by itself.
    Rest,
}

impl Next {
    /// This fact follows at once.
    pub(crate) fn fact(fact: impl Into<Fact>) -> Self {
        Self::Facts(vec![fact.into()])
    }
}

/// Everything the decision may look at.
pub(crate) struct Ctx<'a> {
    pub(crate) rollout: RolloutId,
    /// The database that the customer has left for a recovered one (T15).
    pub(crate) left: Option<&'a DatabaseId>,
    pub(crate) plan: &'a Plan,
    pub(crate) customer: &'a CustomerId,
    pub(crate) planned: &'a PlannedCustomer,
    pub(crate) state: &'a CustomerState,
    pub(crate) scratch: &'a Scratch,
    /// What is known beside this rollout.
    pub(crate) known: &'a State,
    /// Whatever runs the release is taken over: a person has said so.
    pub(crate) takes_over: bool,
    pub(crate) at: Timestamp,
    /// The last event: what is stored now gets a name of its own by it.
    pub(crate) seq: u64,
    pub(crate) deploy_timeout_ms: Option<i64>,
    pub(crate) clear_cache: bool,
    /// Which operation it is; `None`: a rollout.
    pub(crate) operation: Option<Operation>,
}

impl<'a> Ctx<'a> {
    pub(crate) fn policy(&self) -> &'a policy::Policy {
        &self.plan.phases[self.planned.phase].policy
    }

    pub(crate) fn profile(&self) -> &'a Profile {
        &self.plan.phases[self.planned.phase].health
    }

    /// One of its planned services.
    pub(crate) fn target(&self, role: &Role) -> Target {
        let target = self.find_target(role);
        target.expect("a sound plan names only services that the customer has")
    }

    pub(crate) fn find_target(&self, role: &Role) -> Option<Target> {
        let service = self.planned.customer.services.get(role)?;
        Some(Target {
            role: role.clone(),
            id: service.id.clone(),
            url: service.url.clone(),
        })
    }

    /// What this customer is to run.
    pub(crate) fn release(&self) -> &'a Release {
        self.planned
            .own
            .as_ref()
            .map_or(&self.plan.release, |own| &own.release)
    }

    /// The version that must answer; `None`: it is not asked.
    pub(crate) fn expected(&self) -> Option<&'a String> {
        match &self.planned.own {
            Some(own) => own.version.as_ref(),
            None => Some(&self.plan.release.version),
        }
    }

    /// The templates of a role's variables.
    pub(crate) fn variables(&self, role: &Role) -> BTreeMap<String, String> {
        let variables = match &self.planned.own {
            Some(own) => &own.variables,
            None => &self.plan.project.variables,
        };
        variables.get(role).cloned().unwrap_or_default()
    }

    /// The addresses of the customer's services, as frozen (P38).
    pub(crate) fn urls(&self) -> BTreeMap<Role, String> {
        let services = self.planned.customer.services.iter();
        services
            .filter_map(|(role, service)| Some((role.clone(), service.url.clone()?)))
            .collect()
    }

    /// A service as it stands. What Render kept of a customer that has left its database would bring that one's address
    /// back: there is no such target any more (R19).
    pub(crate) fn service(&self, role: &Role) -> ServiceState {
        let mut service = self.state.services.get(role).cloned().unwrap_or_default();
        service.target_gone |= self.left.is_some();
        service
    }

    pub(crate) fn timeout(&self) -> chrono::TimeDelta {
        match self.deploy_timeout_ms {
            Some(ms) => chrono::TimeDelta::milliseconds(ms),
            None => self.policy().deploy_timeout.to_delta(),
        }
    }

    pub(crate) fn settle(&self) -> chrono::TimeDelta {
        self.plan.project.render.settle.to_delta()
    }

    /// Where a fact about this customer happens.
    pub(crate) fn place(&self) -> CustomerPlace {
        CustomerPlace {
            phase: self.policy().name.clone(),
            batch: self.state.batch,
            customer: self.customer.clone(),
        }
    }

    /// Where a fact about one service happens.
    pub(crate) fn service_place(&self, role: &Role) -> ServicePlace {
        ServicePlace {
            phase: self.policy().name.clone(),
            batch: self.state.batch,
            customer: self.customer.clone(),
            service: role.clone(),
        }
    }

    /// A fact that a person must decide.
    pub(crate) fn held(&self, role: Option<&Role>, reason: impl Into<String>) -> CustomerHeld {
        let withdrawing = self.state.status == CustomerStatus::Withdrawing;
        CustomerHeld {
            place: self.place(),
            service: role.cloned(),
            reason: reason.into(),
            from: withdrawing.then_some(HeldFrom::Withdrawing),
            other: None,
            replaced: false,
            unknown: BTreeSet::new(),
            variables_written: None,
        }
    }

    /// Whether what fails now is a failure of the release: not if a person has given the customer up already (R11).
    pub(crate) fn fails(&self) -> bool {
        self.state.status == CustomerStatus::Forward
    }
}

/// The service that is being worked on: the first that has not passed.
pub(crate) fn current(state: &CustomerState, planned: &PlannedCustomer) -> Option<Role> {
    let passed = |role: &Role| {
        let service = state.services.get(role);
        service.is_some_and(|service| matches!(service.deploy, DeployState::Passed { .. }))
    };
    planned.services.iter().find(|role| !passed(role)).cloned()
}
