//! Whether what a person narrowed a rollout to exists.

use super::{PlanError, PlanInput};
use crate::suggest::nearest;

/// Refuses names that do not exist, with the nearest that does, or the flag that was meant.
pub(super) fn check(input: &PlanInput) -> Result<(), PlanError> {
    let PlanInput {
        fleet,
        policies,
        scope,
        ..
    } = input;
    for customer in scope
        .customers
        .iter()
        .filter(|customer| !fleet.customers.contains_key(customer))
    {
        let name = customer.as_str();
        let group = policies.keys().any(|policy| policy.as_str() == name)
            || fleet
                .customers
                .values()
                .any(|customer| customer.tier == name);
        let suggestion = if group {
            Some(format!("--policy {name}"))
        } else {
            nearest(name, fleet.customers.keys().map(AsRef::as_ref)).map(str::to_owned)
        };
        return Err(PlanError::Unknown {
            kind: "customer",
            name: name.to_owned(),
            suggestion,
        });
    }
    for policy in scope
        .policies
        .iter()
        .filter(|policy| !policies.contains_key(policy))
    {
        return Err(unknown(
            "policy",
            policy.as_str(),
            policies.keys().map(AsRef::as_ref),
        ));
    }
    let roles = || {
        fleet
            .customers
            .values()
            .flat_map(|customer| customer.services.keys())
    };
    match &scope.service {
        Some(role) if !roles().any(|known| known == role) => Err(unknown(
            "service role",
            role.as_str(),
            roles().map(AsRef::as_ref),
        )),
        Some(_) | None => Ok(()),
    }
}

fn unknown<'n>(kind: &'static str, name: &str, known: impl Iterator<Item = &'n str>) -> PlanError {
    PlanError::Unknown {
        kind,
        name: name.to_owned(),
        suggestion: nearest(name, known).map(str::to_owned),
    }
}
