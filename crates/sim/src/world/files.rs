//! What the project's files say, in the forms in which the core and the platform want to hear it.

use std::collections::{BTreeMap, BTreeSet};

use policy::calendar::shortened;
use policy::plan::DATABASE;
use policy::settings::Service;
use policy::{Config, CustomerId, PersonId, Project, Release, Role, Timestamp};
use rollout::canonical;
use rollout::request::{Directory, FilesRead};
use serde_json::Value;

/// The version that runs where nobody says which: older than any release.
const OLDEST: &str = "v0.0.0";

/// The version that runs in a fleet that gets [`OLDEST`] as its release.
const BEFORE_OLDEST: &str = "v0.0.0-before";

/// What a customer runs at the start, if nobody says so.
pub(super) fn older_than(version: &str) -> &'static str {
    if version == OLDEST {
        BEFORE_OLDEST
    } else {
        OLDEST
    }
}

/// The commit of a version in a world without a repository: always the same for the same version.
pub fn commit_of(version: &str) -> String {
    let mut digest = canonical::digest(&Value::String(format!("commit of {version}")));
    digest.truncate(40);
    digest
}

/// The release of that name.
pub(super) fn release(version: &str) -> Release {
    Release {
        version: version.to_owned(),
        commit: commit_of(version),
    }
}

/// Files that do not validate.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The mistakes.
    pub reason: String,
    /// What `tranche.yaml` says all the same.
    pub alone: Option<Box<Project>>,
}

/// All services that can be deployed, with whom they belong to.
pub(super) fn services(config: &Config) -> impl Iterator<Item = (&CustomerId, &Role, &Service)> {
    let services = config.fleet.services();
    services.filter(|(_, role, _)| role.as_str() != DATABASE)
}

/// Fills a project in which nobody is named with the starter and so many approvers, so that gates can open.
pub(super) fn people_for(config: &mut Config, starter: &PersonId) {
    if !config.project.people.is_empty() {
        return;
    }
    let quorums = config.policies.values();
    let quorum = quorums
        .filter_map(|policy| policy.approval.as_ref().map(|a| a.quorum))
        .max();
    let made_up = (1..=quorum.unwrap_or(0)).map(|n| PersonId::new(format!("approver-{n}")));
    for person in made_up.chain([starter.clone()]) {
        let roles = &mut config.project.roles;
        for role in [&mut roles.operator, &mut roles.approver, &mut roles.admin] {
            role.insert(person.clone());
        }
        config.project.people.entry(person).or_default();
    }
}

/// What the engine tells the core when it reads the files again (R6).
pub(super) fn read(now: &Config, applied: &Config, at: Timestamp) -> FilesRead {
    let customers = &now.fleet.customers;
    let pins = customers.iter();
    FilesRead {
        directory: Directory::of(&now.project),
        freezes: now.project.freezes.clone(),
        pins: pins
            .filter_map(|(id, customer)| Some((id.clone(), customer.pin.clone()?)))
            .collect(),
        customers: customers.keys().cloned().collect(),
        unapplied: unapplied(now, applied, at),
        ..FilesRead::default()
    }
}

/// What the engine tells the core of files that do not validate.
pub(super) fn unreadable(broken: &Broken) -> FilesRead {
    let alone = broken.alone.as_deref().map(Directory::of);
    FilesRead::unreadable(broken.reason.clone(), alone)
}

/// Names of the differences that wait for `replan`.
fn unapplied(now: &Config, applied: &Config, at: Timestamp) -> Vec<String> {
    let mut names = differing("policy", &now.policies, &applied.policies);
    names.extend(differing(
        "health profile",
        &now.project.health,
        &applied.project.health,
    ));
    names.extend(differing(
        "variables of",
        &now.project.variables,
        &applied.project.variables,
    ));
    names.extend(edited_customers(now, applied));
    let shortened = shortened(&applied.project.freezes, &now.project.freezes, at);
    names.extend(shortened.map(|freeze| format!("freeze {}", freeze.name)));
    names
}

fn differing<K, V>(what: &str, now: &BTreeMap<K, V>, applied: &BTreeMap<K, V>) -> Vec<String>
where
    K: Ord + std::fmt::Display,
    V: PartialEq,
{
    let keys: BTreeSet<&K> = now.keys().chain(applied.keys()).collect();
    let changed = keys
        .into_iter()
        .filter(|key| now.get(key) != applied.get(key));
    changed.map(|key| format!("{what} {key}")).collect()
}

/// Customers that stayed and changed; those who joined or left are told by `customers`.
fn edited_customers(now: &Config, applied: &Config) -> Vec<String> {
    let stayed = now.fleet.customers.iter();
    stayed
        .filter(|(id, customer)| {
            let before = applied.fleet.customers.get(id);
            before.is_some_and(|before| without_pin(before) != without_pin(customer))
        })
        .map(|(id, _)| format!("customer {id}"))
        .collect()
}

/// A pin takes effect at once, so it is no difference that waits.
fn without_pin(customer: &policy::settings::Customer) -> policy::settings::Customer {
    let mut customer = customer.clone();
    customer.pin = None;
    customer
}
