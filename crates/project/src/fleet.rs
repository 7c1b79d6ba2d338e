//! Which phase and which health profile does each customer of the files belong to, whatever it runs?

use std::collections::BTreeMap;

use policy::health::Profile;
use policy::plan::{DATABASE, LeftOut, compile};
use policy::suggest::nearest;
use policy::{
    Config, Customer, CustomerId, Plan, PlanError, PlanInput, PlanScope, Policy, Release,
};

use crate::exit::{Exit, Failure};
use crate::show::time;

/// The plan of the whole fleet for a release that nobody runs.
pub(crate) fn plan(config: &Config) -> Result<Plan, Failure> {
    let release = Release {
        version: String::new(),
        commit: String::new(),
    };
    let input = PlanInput::of(config, release, PlanScope::default());
    compile(&input, &BTreeMap::new(), time::now()).map_err(|error| refusal(&error))
}

/// Why a plan cannot be made, with the command to type.
pub(crate) fn refusal(error: &PlanError) -> Failure {
    let way_out = match error {
        PlanError::Unknown {
            kind: "customer", ..
        } => "tranche customers",
        PlanError::Downgrade { .. } => "the same command with --allow-downgrade",
        PlanError::NoHotfixPolicy => "tranche schema policy, for a policies/hotfix.yaml",
        PlanError::Unknown { .. } | PlanError::Cycle(_) | PlanError::TwoPhases { .. } => {
            "tranche validate"
        }
    };
    let exit = match error {
        PlanError::Downgrade { .. } => Exit::Refused,
        PlanError::Unknown { .. }
        | PlanError::NoHotfixPolicy
        | PlanError::Cycle(_)
        | PlanError::TwoPhases { .. } => Exit::Usage,
    };
    Failure::new(exit, error.to_string()).or_type(way_out)
}

/// The customer of that key.
pub(crate) fn customer<'c>(config: &'c Config, id: &CustomerId) -> Result<&'c Customer, Failure> {
    let customers = &config.fleet.customers;
    customers.get(id).ok_or_else(|| {
        let near = nearest(id.as_str(), customers.keys().map(AsRef::as_ref));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        Failure::usage(format!("no customer is called `{id}`{hint}")).or_type("tranche customers")
    })
}

/// The policy that covers a customer; `None`: none does.
pub(crate) fn policy<'p>(
    config: &'p Config,
    plan: &Plan,
    customer: &CustomerId,
) -> Option<&'p Policy> {
    let planned = plan
        .customers
        .get(customer)
        .map(|planned| &plan.phases[planned.phase].policy.name);
    let left_out = plan
        .left_out
        .get(customer)
        .map(|LeftOut { phase, .. }| phase);
    config.policies.get(planned.or(left_out)?)
}

/// The health profile of a customer: its policy's, or `basic`.
pub(crate) fn profile<'p>(
    config: &'p Config,
    plan: &Plan,
    customer: &CustomerId,
) -> Option<&'p Profile> {
    let name = policy(config, plan, customer).map_or("basic", |policy| policy.health.as_str());
    config.project.health.get(name)
}

/// The deployed services of a customer as people type them, if the name is a customer's: `acme/backend or acme/frontend`.
pub(crate) fn services_of(config: &Config, name: &str) -> Option<String> {
    let customer = config.fleet.customers.get(&CustomerId::new(name))?;
    let roles = customer.services.keys();
    let deployed = roles.filter(|role| role.as_str() != DATABASE);
    let typed: Vec<String> = deployed.map(|role| format!("{name}/{role}")).collect();
    (!typed.is_empty()).then(|| typed.join(" or "))
}
