//! What of the files takes effect at once, and what waits for `replan` (R6)?

use std::collections::BTreeSet;

use policy::calendar::shortened;
use policy::plan::Phase;
use policy::{Config, Customer, CustomerId, Plan, Policy, Project, Span, zones};
use rollout::request::{Directory, FilesRead};
use rollout::{Product, RolloutId};

use crate::{allowed_paths, now};

/// Everything counts as unchanged, but for whom `tranche.yaml` by itself takes rights from (R6).
pub(crate) fn unreadable(reason: String, alone: Option<&Project>) -> FilesRead {
    FilesRead::unreadable(reason, alone.map(Directory::of))
}

/// What takes effect at once, and the names of what waits for `replan`.
pub(crate) fn told(config: &Config, product: &Product) -> FilesRead {
    let customers = &config.fleet.customers;
    let pins = customers
        .iter()
        .filter_map(|(id, one)| Some((id.clone(), one.pin.clone()?)));
    let runs = product.overview().into_iter();
    // An operation is what a person asked for by its words: no later edit of a file concerns it.
    let unfinished = runs
        .filter(|run| !run.has_ended() && matches!(run.id, RolloutId::Rollout(_)))
        .map(|run| run.id);
    let plans = unfinished.filter_map(|run| product.plan(run));
    let unapplied: BTreeSet<String> = plans.flat_map(|plan| unapplied(config, plan)).collect();
    FilesRead {
        directory: Directory::of(&config.project),
        freezes: config.project.freezes.clone(),
        pins: pins.collect(),
        customers: customers.keys().cloned().collect(),
        unapplied: unapplied.into_iter().collect(),
        outside: allowed_paths::alarms(config),
        ..FilesRead::default()
    }
}

/// The names of a frozen plan's parts that read otherwise now.
pub fn unapplied(config: &Config, plan: &Plan) -> Vec<String> {
    let mut names = Vec::new();
    for phase in &plan.phases {
        let name = &phase.policy.name;
        match config.policies.get(name) {
            Some(policy)
                if is_same_policy(policy, phase) && is_same_health(&config.project, phase) => {}
            Some(_) => names.push(format!("policy {name}")),
            None => names.push(format!("policy {name} (its file is gone)")),
        }
    }
    for (role, variables) in &config.project.variables {
        if plan.project.variables.get(role) != Some(variables) {
            names.push(format!("variables of {role}"));
        }
    }
    let edited = plan.customers.iter().filter(|(id, planned)| {
        let now = config.fleet.customers.get(*id);
        now.is_some_and(|now| !is_same_customer(config, id, now, &planned.customer, plan))
    });
    names.extend(edited.map(|(id, _): (&CustomerId, _)| format!("customer {id}")));
    let shortened = shortened(&plan.freezes, &config.project.freezes, now());
    names.extend(shortened.map(|freeze| format!("freeze {}", freeze.name)));
    names
}

/// A narrowed plan has set `not_before` and `soak` aside; that is no edit.
fn is_same_policy(now: &Policy, phase: &Phase) -> bool {
    let frozen = &phase.policy;
    let mut now = now.clone();
    if frozen.not_before == Span::ZERO && frozen.soak == Span::ZERO {
        (now.not_before, now.soak) = (Span::ZERO, Span::ZERO);
    }
    now.after.clone_from(&frozen.after);
    now == *frozen
}

fn is_same_health(now: &Project, phase: &Phase) -> bool {
    now.health.get(&phase.policy.health) == Some(&phase.health)
}

/// A pin takes effect at once, so it is no difference that waits; a window without a zone is compared as it is written.
fn is_same_customer(
    config: &Config,
    id: &CustomerId,
    now: &Customer,
    frozen: &Customer,
    plan: &Plan,
) -> bool {
    Customer {
        pin: frozen.pin.clone(),
        window: zones::as_frozen(config, id, now, frozen, plan),
        ..now.clone()
    } == *frozen
}
