//! What is about to be started, in a few lines: shown before a person is asked whether to.

use std::collections::BTreeMap;
use std::path::Path;

use policy::plan::{LeftOutReason, RunningVersions};
use policy::{CustomerId, Plan, PolicyId, Timestamp};
use project::artifact::{artifact, short};
use project::view::{PhaseTimes, earliest, frozen as frozen_times, span};
use rollout::RolloutId;

use super::count::{counted, named};
use super::plan::{gate, reason};
use super::table::indented;
use super::{escape, frozen, time, wrap};

/// So many freezes that lie ahead are named.
const FREEZES: usize = 3;

/// Totals, who is left out, the digest, and what comes first; `behind`: which rollouts have to end or to make way before.
pub(crate) fn before(
    plan: &Plan,
    running: &RunningVersions,
    behind: &[RolloutId],
    reviewed: Option<&Path>,
    now: Timestamp,
) -> String {
    let times = earliest(plan, now);
    let mut rows = Rows::default();
    rows.add("replaces", replaced(plan));
    rows.add("deploys", deploys(plan, running));
    for row in left_out(plan) {
        rows.add("left out", row);
    }
    rows.add("behind", waits(behind));
    rows.add("first", first(plan, &times, now));
    for row in gates(plan, &times, now) {
        rows.add("gate", row);
    }
    rows.add("windows", windows(plan));
    for row in freezes(plan, &times, now) {
        rows.add("freeze", row);
    }
    rows.add("settles", settles(&times, now));
    if let Some(path) = reviewed {
        rows.add(
            "reviewed",
            format!("exactly the plan of {}", path.display()),
        );
    }
    let heading = wrap::block(&escape::line(&heading(plan)), wrap::width());
    format!("{heading}\n{}", indented(2, rows.0))
}

/// Pairs of a name and what is said of it; a name is only said once.
#[derive(Default)]
struct Rows(Vec<Vec<String>>);

impl Rows {
    fn add(&mut self, name: &str, said: String) {
        if said.is_empty() {
            return;
        }
        let mut before = self.0.iter().rev().filter_map(|row| row.first());
        let known = before.find(|name| !name.is_empty());
        let name = match known.is_some_and(|known| known == name) {
            true => String::new(),
            false => name.to_owned(),
        };
        self.0.push(vec![name, said]);
    }
}

/// The phases in which anybody is left to start.
pub(crate) fn phases(plan: &Plan) -> usize {
    let phases = plan.phases.iter();
    phases.filter(|phase| !phase.customers.is_empty()).count()
}

fn heading(plan: &Plan) -> String {
    format!(
        "{} {} ({}): {} in {}, plan {}",
        plan.product,
        plan.release.version,
        artifact(&plan.release.commit),
        counted(plan.customers.len(), "customer"),
        counted(phases(plan), "phase"),
        short(&plan.digest),
    )
}

/// Which versions the customers run until then.
fn replaced(plan: &Plan) -> String {
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for planned in plan.customers.values() {
        let version = planned.running.as_deref().unwrap_or("an unknown version");
        *versions.entry(version).or_default() += 1;
    }
    let versions = versions.iter();
    let said =
        versions.map(|(version, count)| format!("{version} at {}", counted(*count, "customer")));
    said.collect::<Vec<_>>().join(", ")
}

/// How many services get it, and how many have it.
fn deploys(plan: &Plan, running: &RunningVersions) -> String {
    let all = plan.customers.iter().flat_map(|(id, planned)| {
        let services = planned.services.iter();
        services.map(move |role| running.get(id).and_then(|services| services.get(role)))
    });
    let (have, get): (Vec<_>, Vec<_>) = all.partition(|one| {
        let commit = one.and_then(|running| running.commit.as_ref());
        commit == Some(&plan.release.commit)
    });
    match have.len() {
        0 => counted(get.len(), "service"),
        1 => format!(
            "{}; 1 runs this release already",
            counted(get.len(), "service")
        ),
        many => format!(
            "{}; {many} run this release already",
            counted(get.len(), "service")
        ),
    }
}

/// Who is left out, by reason.
fn left_out(plan: &Plan) -> Vec<String> {
    let mut reasons: BTreeMap<String, Vec<&CustomerId>> = BTreeMap::new();
    for (customer, left_out) in &plan.left_out {
        let why = match &left_out.why {
            LeftOutReason::OnRelease => "on this release already".to_owned(),
            why @ (LeftOutReason::Pinned { .. }
            | LeftOutReason::Excluded
            | LeftOutReason::Newer { .. }) => reason(why),
        };
        reasons.entry(why).or_default().push(customer);
    }
    let said = reasons.into_iter().map(|(why, customers)| {
        let names = named(customers.iter().map(|customer| customer.as_str()));
        format!("{names}: {why}")
    });
    said.collect()
}

/// A rollout that waits is planned anew when it begins.
fn waits(behind: &[RolloutId]) -> String {
    if behind.is_empty() {
        return String::new();
    }
    let behind: Vec<String> = behind.iter().map(ToString::to_string).collect();
    format!(
        "{}; it is planned anew when it begins, and all times count from then",
        behind.join(", ")
    )
}

/// Who goes first, and when.
fn first(plan: &Plan, times: &[PhaseTimes], now: Timestamp) -> String {
    let phases = plan.phases.iter().zip(times);
    let batches = phases.flat_map(|(phase, times)| {
        let name = &phase.policy.name;
        times.batches.iter().map(move |batch| (name, batch))
    });
    let begins = batches.filter_map(|(phase, batch)| Some((batch.starts_at?, phase, batch)));
    let Some((at, phase, batch)) = begins.min_by_key(|(at, _, _)| *at) else {
        return "nobody can start within five years".to_owned();
    };
    let first = batch
        .customers
        .iter()
        .filter(|one| one.starts_at == Some(at));
    let names: Vec<&str> = first.map(|one| one.customer.as_str()).collect();
    let names = named(names.into_iter());
    format!("{names} ({phase}/{}), {}", batch.number, when(at, now))
}

/// The gates in the order of their phases: who opens them, and from when on they are in the way.
fn gates(plan: &Plan, times: &[PhaseTimes], now: Timestamp) -> Vec<String> {
    let phases = plan.phases.iter().zip(times);
    let gated = phases.filter_map(|(phase, times)| {
        let approval = phase.policy.approval.as_ref()?;
        let name: &PolicyId = &phase.policy.name;
        let turn = times.batches.first().and_then(|batch| batch.starts_at);
        let turn = turn.map_or_else(|| "never".to_owned(), |at| when(at, now));
        (!phase.customers.is_empty()).then(|| format!("{name}, {turn}: {}", gate(approval)))
    });
    gated.collect()
}

/// How many customers start within windows only.
fn windows(plan: &Plan) -> String {
    let bound = plan.customers.values().filter(|one| {
        let phase = &plan.phases[one.phase].policy;
        !phase.window.is_empty() || !one.customer.window.is_empty()
    });
    match bound.count() {
        0 => String::new(),
        1 => "1 customer starts within its windows only".to_owned(),
        many => format!("{many} customers start within their windows only"),
    }
}

/// The freezes that fall into it, the next first, as the plan shows them.
fn freezes(plan: &Plan, times: &[PhaseTimes], now: Timestamp) -> Vec<String> {
    let mut ahead = frozen_times(plan, &span(times, now));
    ahead.sort_by_key(|time| time.begins_at);
    let more = ahead.len().saturating_sub(FREEZES);
    let more = (more > 0).then(|| format!("and {more} more times"));
    let ahead = ahead.iter().take(FREEZES);
    let said = ahead.map(|time| {
        let whom = counted(time.customers, "customer");
        format!("{}, {}, {whom}", time.name, frozen::when(time))
    });
    said.chain(more).collect()
}

/// When everything is over, at the earliest.
fn settles(times: &[PhaseTimes], now: Timestamp) -> String {
    let settled: Option<Vec<Timestamp>> = times.iter().map(|phase| phase.settles_at).collect();
    let last = settled.and_then(|settled| settled.into_iter().max());
    last.map_or_else(String::new, |at| {
        format!("{}, at the earliest", when(at, now))
    })
}

fn when(at: Timestamp, now: Timestamp) -> String {
    match at <= now {
        true => "at once".to_owned(),
        false => time::instant_and_away(at, now),
    }
}
