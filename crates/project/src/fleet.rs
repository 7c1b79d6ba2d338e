//! Which phase and which health profile does each customer of the files belong to, whatever it runs?

use std::collections::BTreeMap;

use policy::health::Profile;
use policy::plan::{DATABASE, LeftOut, compile};
use policy::suggest::nearest;
use policy::{Config, Customer, CustomerId, Plan, PlanInput, PlanScope, Policy, Release};

use crate::error::Error;
use crate::now;

/// The plan of the whole fleet for a release that nobody runs.
pub fn plan(config: &Config) -> Result<Plan, Error> {
    let release = Release {
        version: String::new(),
        commit: String::new(),
    };
    let input = PlanInput::of(config, release, PlanScope::default());
    Ok(compile(&input, &BTreeMap::new(), now())?)
}

/// The customer of that key.
pub fn customer<'c>(config: &'c Config, id: &CustomerId) -> Result<&'c Customer, Error> {
    let customers = &config.fleet.customers;
    customers.get(id).ok_or_else(|| Error::UnknownCustomer {
        id: id.clone(),
        near: nearest(id.as_str(), customers.keys().map(AsRef::as_ref)).map(str::to_owned),
    })
}

/// The policy that covers a customer; `None`: none does.
pub fn policy<'p>(config: &'p Config, plan: &Plan, customer: &CustomerId) -> Option<&'p Policy> {
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
pub fn profile<'p>(config: &'p Config, plan: &Plan, customer: &CustomerId) -> Option<&'p Profile> {
    let name = policy(config, plan, customer).map_or("basic", |policy| policy.health.as_str());
    config.project.health.get(name)
}

/// The deployed services of a customer as people type them, if the name is a customer's: `acme/backend or acme/frontend`.
pub fn services_of(config: &Config, name: &str) -> Option<String> {
    let customer = config.fleet.customers.get(&CustomerId::new(name))?;
    let roles = customer.services.keys();
    let deployed = roles.filter(|role| role.as_str() != DATABASE);
    let typed: Vec<String> = deployed.map(|role| format!("{name}/{role}")).collect();
    (!typed.is_empty()).then(|| typed.join(" or "))
}
