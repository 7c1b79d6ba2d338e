//! Does a stored plan hold together? Whatever drives a rollout takes that for granted.

use policy::Plan;

/// What does not fit, as a sentence fragment about the plan.
pub(crate) fn flaw(plan: &Plan) -> Option<String> {
    for (index, phase) in plan.phases.iter().enumerate() {
        let name = &phase.policy.name;
        if phase.after.iter().any(|before| *before >= index) {
            return Some(format!("phase `{name}` comes after itself or a later one"));
        }
        let unknown = phase.customers.iter();
        let mut unknown = unknown.filter(|customer| !plan.customers.contains_key(*customer));
        if let Some(customer) = unknown.next() {
            return Some(format!(
                "phase `{name}` names `{customer}`, which is not planned"
            ));
        }
    }
    for (customer, planned) in &plan.customers {
        if planned.phase >= plan.phases.len() {
            return Some(format!(
                "`{customer}` stands in a phase that does not exist"
            ));
        }
        let services = planned.services.iter();
        let mut unknown = services.filter(|role| !planned.customer.services.contains_key(*role));
        if let Some(role) = unknown.next() {
            return Some(format!("`{customer}` has no service `{role}`"));
        }
    }
    None
}
