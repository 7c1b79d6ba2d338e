//! What differs between two plans: a frozen one and the files, or one that was reviewed and the world now.

use std::collections::{BTreeMap, BTreeSet};

use policy::calendar::{Freeze, FreezeScope, FreezeTimes, Period};
use policy::plan::{Phase, RunningVersions, describe};
use policy::{CustomerId, Plan, PlannedCustomer, Release, Role, Running};
use project::artifact::{artifact, short};
use serde::Serialize;
use serde_json::{Map, Value};

use super::windows::WindowChange;
use crate::show::count::counted;
use crate::show::escape;
use crate::show::plan::reason;

/// What differs in one phase.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PhaseDifference {
    phase: String,
    was: Option<String>,
    now: Option<String>,
    joins: Vec<CustomerId>,
    leaves: Vec<CustomerId>,
    /// Customers of both that weigh something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weighs: Vec<Weighed>,
    /// Customers whose own windows change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<WindowChange>,
}

/// A customer whose weight was edited.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Weighed {
    customer: CustomerId,
    was: u64,
    now: u64,
}

/// A freeze that another plan has otherwise, or not at all.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FreezeDifference {
    freeze: String,
    was: Option<String>,
    now: Option<String>,
}

/// What an edit of the files changes in a rollout.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Edited {
    /// A phase.
    Phase(PhaseDifference),
    /// A freeze.
    Freeze(FreezeDifference),
}

/// What differs between two plans of one version, and in the world that they were made from.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    digest: Change<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<Change<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phases: Vec<PhaseDifference>,
    /// Customers that go with another batch, or not any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Of<CustomerId>>,
    /// What services run, as `CUSTOMER/ROLE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Of<String>>,
    /// What the files say, by place and key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
}

/// One thing that is another now; absent: there is none.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Change<T> {
    was: Option<T>,
    now: Option<T>,
}

/// What has changed of something.
#[derive(Debug, Serialize)]
struct Of<T> {
    of: T,
    #[serde(flatten)]
    change: Change<String>,
}

/// A plan, and what ran when it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made<'p> {
    /// The plan.
    pub(crate) plan: &'p Plan,
    /// What ran at its customers.
    pub(crate) running: &'p RunningVersions,
}

impl Difference {
    /// Between two plans; `None`: there is none.
    pub(crate) fn between(was: Made<'_>, now: Made<'_>) -> Option<Self> {
        let runs = runs(was, now);
        let digest = changed(&was.plan.digest, &now.plan.digest);
        if digest.is_none() && runs.is_empty() {
            return None;
        }
        let commit = |release: &Release| release.commit.clone();
        Some(Self {
            digest: digest.unwrap_or_else(|| Change {
                was: Some(was.plan.digest.clone()),
                now: Some(now.plan.digest.clone()),
            }),
            commit: changed(&commit(&was.plan.release), &commit(&now.plan.release)),
            // What else the files say of a customer is among `files`.
            phases: phases(was.plan, now.plan, |_| Vec::new()),
            places: each(&places(was.plan), &places(now.plan)),
            runs,
            files: files(was.plan, now.plan),
        })
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        let arrow = |change: &Change<String>, show: fn(&str) -> String| {
            let shown = |one: &Option<String>| one.as_deref().map_or_else(|| "-".to_owned(), show);
            format!("{} -> {}", shown(&change.was), shown(&change.now))
        };
        let mut lines = vec![format!("plan {}", arrow(&self.digest, short))];
        if let Some(commit) = &self.commit {
            lines.push(format!("commit {}", arrow(commit, artifact)));
        }
        let phases = self.phases.iter();
        lines.extend(phases.flat_map(PhaseDifference::lines));
        for Of { of, change } in &self.places {
            lines.push(format!("{of}: {}", arrow(change, str::to_owned)));
        }
        for Of { of, change } in &self.runs {
            lines.push(format!("{of} runs {}", arrow(change, str::to_owned)));
        }
        let files = self.files.iter();
        lines.extend(files.map(|file| format!("another: {file}")));
        joined(&lines)
    }
}

/// The phases that read otherwise, have other customers, or customers with other windows.
pub(crate) fn phases(
    was: &Plan,
    now: &Plan,
    windows: impl Fn(&Phase) -> Vec<WindowChange>,
) -> Vec<PhaseDifference> {
    let all = was.phases.iter().chain(&now.phases);
    let names: BTreeSet<_> = all.map(|phase| &phase.policy.name).collect();
    let phase =
        |plan: &'_ Plan, name: &_| plan.phases.iter().position(|one| one.policy.name == *name);
    let compared = names.into_iter().filter_map(|name| {
        let before = phase(was, name).map(|index| &was.phases[index]);
        let after = phase(now, name).map(|index| &now.phases[index]);
        let difference = PhaseDifference {
            phase: name.to_string(),
            was: before.map(|phase| sentence(was, phase)),
            now: after.map(|phase| sentence(now, phase)),
            joins: missing(after, before),
            leaves: missing(before, after),
            weighs: reweighed(was, now, after),
            windows: after.map_or_else(Vec::new, &windows),
        };
        let same = difference.was == difference.now
            && difference.joins.is_empty()
            && difference.leaves.is_empty()
            && difference.weighs.is_empty()
            && difference.windows.is_empty()
            && before.map(|phase| &phase.policy) == after.map(|phase| &phase.policy);
        (!same).then_some(difference)
    });
    compared.collect()
}

/// The freezes that hold otherwise, in the order of their names.
pub(crate) fn freezes(was: &Plan, now: &Plan) -> Vec<FreezeDifference> {
    let named = |plan: &Plan| -> BTreeMap<String, Freeze> {
        let freezes = plan.freezes.iter();
        freezes
            .map(|freeze| (freeze.name.clone(), freeze.clone()))
            .collect()
    };
    let (was, now) = (named(was), named(now));
    let all: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let differing = all
        .into_iter()
        .filter(|name| was.get(*name) != now.get(*name));
    differing
        .map(|name| FreezeDifference {
            freeze: name.clone(),
            was: was.get(name).map(in_words),
            now: now.get(name).map(in_words),
        })
        .collect()
}

fn in_words(freeze: &Freeze) -> String {
    let times = match &freeze.times {
        FreezeTimes::Once(Period { from, until }) => format!("from {from} until {until}"),
        FreezeTimes::Repeats(repetition) => {
            let cron = repetition.cron.text();
            let except = repetition.except.iter().map(ToString::to_string);
            let except: Vec<String> = except.collect();
            match except.as_slice() {
                [] => format!("{cron} for {}", repetition.duration),
                some => format!(
                    "{cron} for {}, except {}",
                    repetition.duration,
                    some.join(", ")
                ),
            }
        }
        FreezeTimes::Dated { ics, occurrences } => {
            format!("{} of {ics}", counted(occurrences.len(), "busy time"))
        }
    };
    match &freeze.customers {
        FreezeScope::All => times,
        FreezeScope::Only { .. } => format!("{times}, for some customers"),
    }
}

impl FreezeDifference {
    fn lines(&self) -> Vec<String> {
        let shown = |words: &Option<String>| match words {
            Some(words) => words.clone(),
            None => "(no such freeze)".to_owned(),
        };
        vec![
            format!("freeze {}", self.freeze),
            format!("  - {}", shown(&self.was)),
            format!("  + {}", shown(&self.now)),
        ]
    }
}

fn sentence(plan: &Plan, phase: &Phase) -> String {
    describe(&phase.policy, &plan.weights(phase))
}

fn reweighed(was: &Plan, now: &Plan, after: Option<&Phase>) -> Vec<Weighed> {
    let customers = after.into_iter().flat_map(|phase| &phase.customers);
    let planned = customers.filter(|customer| was.customers.contains_key(*customer));
    let weighed = planned.map(|customer| Weighed {
        customer: customer.clone(),
        was: was.weight_of(customer),
        now: now.weight_of(customer),
    });
    weighed.filter(|one| one.was != one.now).collect()
}

/// Customers of one phase that another does not have.
fn missing(of: Option<&Phase>, from: Option<&Phase>) -> Vec<CustomerId> {
    let others: BTreeSet<&CustomerId> = from.iter().flat_map(|phase| &phase.customers).collect();
    let own = of.iter().flat_map(|phase| &phase.customers);
    own.filter(|customer| !others.contains(customer))
        .cloned()
        .collect()
}

/// The phases as people read them.
pub(crate) fn text(differences: &[Edited]) -> String {
    let lines = differences.iter().flat_map(|one| match one {
        Edited::Phase(phase) => phase.lines(),
        Edited::Freeze(freeze) => freeze.lines(),
    });
    joined(&lines.collect::<Vec<_>>())
}

/// What stands in a file of a plan is foreign text: a line end in it begins no line (P53).
fn joined(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| escape::line(line) + "\n");
    lines.collect()
}

impl PhaseDifference {
    fn lines(&self) -> Vec<String> {
        let sentence = |one: &Option<String>| {
            let gone = || "(no such phase)".to_owned();
            one.clone().unwrap_or_else(gone)
        };
        let mut lines = vec![
            self.phase.clone(),
            format!("  - {}", sentence(&self.was)),
            format!("  + {}", sentence(&self.now)),
        ];
        lines.extend(self.joins.iter().map(|customer| format!("  + {customer}")));
        lines.extend(self.leaves.iter().map(|customer| format!("  - {customer}")));
        for Weighed { customer, was, now } in &self.weighs {
            lines.push(format!("  + {customer} weighs {now}, not {was}"));
        }
        let windows = self.windows.iter();
        lines.extend(windows.map(|change| format!("  {}", change.text())));
        lines
    }
}

/// Where each customer goes: with which batch, or why not at all.
fn places(plan: &Plan) -> BTreeMap<CustomerId, String> {
    let mut places = BTreeMap::new();
    for phase in &plan.phases {
        let batches = phase.sizes.iter().enumerate();
        let numbers = batches.flat_map(|(n, size)| std::iter::repeat_n(n + 1, *size));
        for (customer, number) in phase.customers.iter().zip(numbers) {
            let place = format!("{}/{number}", phase.policy.name);
            places.insert(customer.clone(), place);
        }
    }
    let left_out = plan.left_out.iter();
    places.extend(left_out.map(|(customer, why)| {
        let why = format!("left out of {}: {}", why.phase, reason(&why.why));
        (customer.clone(), why)
    }));
    places
}

/// What the planned services run, by `CUSTOMER/ROLE`.
fn runs(was: Made<'_>, now: Made<'_>) -> Vec<Of<String>> {
    let planned: BTreeSet<&CustomerId> = was
        .plan
        .customers
        .keys()
        .chain(now.plan.customers.keys())
        .collect();
    let of =
        |made: Made<'_>| {
            let mut services = BTreeMap::new();
            for customer in &planned {
                let running = made.running.get(*customer).into_iter().flatten();
                services.extend(running.map(|(role, one): (&Role, &Running)| {
                    (format!("{customer}/{role}"), named(one))
                }));
            }
            services
        };
    each(&of(was), &of(now))
}

fn named(running: &Running) -> String {
    let version = running.version.as_deref().unwrap_or("an unknown version");
    match &running.commit {
        Some(commit) => format!("{version} ({})", artifact(commit)),
        None => version.to_owned(),
    }
}

/// What the files say that neither sentences nor places tell.
fn files(was: &Plan, now: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |place: String, keys: Vec<String>| {
        found.extend(keys.into_iter().map(|key| format!("{place}: {key}")));
    };
    for before in &was.phases {
        let name = &before.policy.name;
        let after = now.phases.iter().find(|one| one.policy.name == *name);
        if let Some(after) = after {
            note(
                format!("policy {name}"),
                keys(&before.policy, &after.policy),
            );
            note(
                format!("health of {name}"),
                keys(&before.health, &after.health),
            );
        }
    }
    for (id, before) in &was.customers {
        if let Some(after) = now.customers.get(id) {
            note(
                format!("customer {id}"),
                keys(&before.customer, &after.customer),
            );
            let services = |one: &PlannedCustomer| one.services.clone();
            if services(before) != services(after) {
                note(
                    format!("customer {id}"),
                    vec!["services that are deployed".to_owned()],
                );
            }
        }
    }
    note("tranche.yaml".to_owned(), keys(&was.project, &now.project));
    if was.freezes != now.freezes {
        note("tranche.yaml".to_owned(), vec!["freezes".to_owned()]);
    }
    found.sort();
    found.dedup();
    found
}

/// The keys of two things that have not the same value.
fn keys<T: Serialize>(was: &T, now: &T) -> Vec<String> {
    let (was, now) = (object(was), object(now));
    let all: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let differing = all.into_iter().filter(|key| was.get(*key) != now.get(*key));
    differing.cloned().collect()
}

fn object<T: Serialize>(of: &T) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn changed<T: Clone + PartialEq>(was: &T, now: &T) -> Option<Change<T>> {
    (was != now).then(|| Change {
        was: Some(was.clone()),
        now: Some(now.clone()),
    })
}

/// What is another now, by its name.
fn each<K: Ord + Clone>(was: &BTreeMap<K, String>, now: &BTreeMap<K, String>) -> Vec<Of<K>> {
    let all: BTreeSet<&K> = was.keys().chain(now.keys()).collect();
    let differing = all.into_iter().filter(|key| was.get(*key) != now.get(*key));
    differing
        .map(|key| Of {
            of: key.clone(),
            change: Change {
                was: was.get(key).cloned(),
                now: now.get(key).cloned(),
            },
        })
        .collect()
}
