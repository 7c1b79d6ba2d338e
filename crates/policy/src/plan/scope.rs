//! Whether what a person narrowed a rollout to exists.

use super::{Named, PlanError, PlanInput};
use crate::ids::CustomerId;
use crate::suggest::nearest;

/// Refuses names that do not exist, with the nearest that does, or the flag that was meant.
pub(super) fn check(input: &PlanInput) -> Result<(), PlanError> {
    let PlanInput {
        fleet,
        policies,
        scope,
        ..
    } = input;
    let stranger = |customer: &&CustomerId| !fleet.customers.contains_key(*customer);
    if let Some(customer) = scope.customers.iter().find(stranger) {
        return Err(unknown_customer(input, customer.as_str()));
    }
    if let Some(policy) = scope
        .policies
        .iter()
        .find(|policy| !policies.contains_key(*policy))
    {
        let known = policies.keys().map(AsRef::as_ref);
        return Err(unknown(Named::Policy, policy.as_str(), known));
    }
    let roles = || {
        fleet
            .customers
            .values()
            .flat_map(|customer| customer.services.keys())
    };
    match &scope.service {
        Some(role) if !roles().any(|known| known == role) => Err(unknown(
            Named::ServiceRole,
            role.as_str(),
            roles().map(AsRef::as_ref),
        )),
        Some(_) | None => Ok(()),
    }
}

/// A tier or a policy named as a customer means all of its customers.
fn unknown_customer(input: &PlanInput, name: &str) -> PlanError {
    let PlanInput {
        fleet, policies, ..
    } = input;
    let is_policy = policies.keys().any(|policy| policy.as_str() == name);
    if is_policy
        || fleet
            .customers
            .values()
            .any(|customer| customer.tier == name)
    {
        let suggestion = Some(format!("--policy {name}"));
        return PlanError::Unknown {
            kind: Named::Customer,
            name: name.to_owned(),
            suggestion,
        };
    }
    unknown(
        Named::Customer,
        name,
        fleet.customers.keys().map(AsRef::as_ref),
    )
}

fn unknown<'n>(kind: Named, name: &str, known: impl Iterator<Item = &'n str>) -> PlanError {
    let suggestion = nearest(name, known).map(str::to_owned);
    PlanError::Unknown {
        kind,
        name: name.to_owned(),
        suggestion,
    }
}
