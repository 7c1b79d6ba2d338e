//! Events as sentences: what happened, in the order of words in which people say it.

mod templates;

use std::collections::BTreeMap;

use policy::Timestamp;
use rollout::{Event, Kind, Line, RolloutId};

use super::{escape, time};

/// One line for one event: its instant, its rollout, and the sentence.
pub(crate) fn line(event: &Event) -> String {
    let run = event
        .line
        .rollout
        .map_or_else(String::new, |run| format!("{run}  "));
    format!("{}  {run}{}", time::stamp(event.at), sentence(event))
}

/// Whether people following a rollout want to see it; the rest is for the journal.
pub(crate) fn is_notable(fact: &Line) -> bool {
    // The phases and batches of an operation are made up for it.
    let is_made_up = matches!(fact.rollout, Some(RolloutId::Operation(_)))
        && matches!(
            fact.kind,
            Kind::PhaseStarted | Kind::PhaseSettled | Kind::BatchStarted | Kind::BatchSettled
        );
    !is_made_up && !is_for_the_journal(fact.kind)
}

fn is_for_the_journal(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::GatePassed
            | Kind::VariablesBackedUp
            | Kind::VariablesSet
            | Kind::VariablesRestored
            | Kind::DeployIntended
            | Kind::DeployCreated
            | Kind::HealthPassed
            | Kind::RollbackCreated
            | Kind::RollbackAdopted
            | Kind::RollbackUnknown
            | Kind::RollbackAbsent
            | Kind::ClockTrusted
            | Kind::VariablesIntended
            | Kind::RestoreIntended
            | Kind::CancelIntended
            | Kind::AutoDeployIntended
            | Kind::AutoDeployDisabled
            | Kind::AutoDeployRestored
            | Kind::HookStarted
            | Kind::HookFinished
            | Kind::FilesRead
            | Kind::Denied
    )
}

/// What happened, as a sentence without a full stop, on one line (P53).
pub(crate) fn sentence(Event { at, line: fact, .. }: &Event) -> String {
    let said = without_reason(fact, *at);
    escape::line(&match &fact.reason {
        Some(reason) => format!("{said}: {reason}"),
        None => said,
    })
}

fn without_reason(fact: &Line, at: Timestamp) -> String {
    let template = templates::template(fact);
    let pieces = template.split(['{', '}']).enumerate();
    let said = pieces.map(|(n, piece)| match n % 2 {
        0 => piece.to_owned(),
        _ => filled(piece, fact, at),
    });
    let said: String = said.collect();
    match template.starts_with("{service}") {
        true => said + &deploy(fact),
        false => said,
    }
}

/// What stands for a placeholder, in the sentence about a fact of that instant.
fn filled(placeholder: &str, fact: &Line, at: Timestamp) -> String {
    match placeholder {
        "who" => fact
            .actor
            .as_ref()
            .map_or_else(|| "somebody".to_owned(), ToString::to_string),
        "what" => target(fact),
        "rollout" => fact.rollout.map_or_else(String::new, |run| run.to_string()),
        "service" => service(fact),
        "until" => until(fact, at),
        "name" => name(fact),
        "occurrence" => occurrence(fact),
        "whom" => whom(fact),
        "version" => version(fact),
        "planned" => planned_version(fact),
        "outcome" => outcome(fact, "ended"),
        "owner" | "from" | "to" | "database" => fact.read(placeholder).unwrap_or_default(),
        "value" => fact
            .data
            .get("value")
            .cloned()
            .unwrap_or_default()
            .to_string(),
        _ => fact.kind.as_str().replace('_', " "),
    }
}

/// What became of each person in the files.
fn whom(fact: &Line) -> String {
    let whom: BTreeMap<String, Vec<String>> = fact.read("whom").unwrap_or_default();
    let people = whom.iter();
    let people: Vec<String> = people
        .map(|(person, what)| format!("{person} {}", what.join(" and ")))
        .collect();
    people.join("; ")
}

/// `CUSTOMER/ROLE`
fn service(fact: &Line) -> String {
    let customer = fact
        .customer
        .as_ref()
        .map_or("", |customer| customer.as_str());
    let role = fact.service.as_ref().map_or("", |role| role.as_str());
    format!("{customer}/{role}")
}

fn deploy(fact: &Line) -> String {
    fact.deploy
        .as_ref()
        .map_or_else(String::new, |deploy| format!(" ({deploy})"))
}

fn outcome(fact: &Line, otherwise: &str) -> String {
    let outcome: Option<String> = fact.read("outcome");
    outcome.as_deref().unwrap_or(otherwise).replace('_', " ")
}

/// What the event is about, as people type it: a gate, a customer, PHASE/BATCH, or a phase.
fn target(fact: &Line) -> String {
    if let Some(gate) = fact.read("gate") {
        return gate;
    }
    match (&fact.customer, &fact.phase, fact.batch) {
        (Some(customer), _, _) => customer.to_string(),
        (None, Some(phase), Some(batch)) => format!("{phase}/{batch}"),
        (None, Some(phase), None) => phase.to_string(),
        (None, None, _) => match fact.read::<Vec<String>>("customers") {
            Some(customers) if !customers.is_empty() => customers.join(", "),
            Some(_) | None => "everything".to_owned(),
        },
    }
}

fn name(fact: &Line) -> String {
    fact.read("name").unwrap_or_default()
}

/// Which occurrence of a freeze that repeats, by its start as written.
fn occurrence(fact: &Line) -> String {
    let begins: Option<String> = fact.read("occurrence");
    begins.map_or_else(String::new, |begins| format!(" of {begins}"))
}

fn version(fact: &Line) -> String {
    fact.read("version")
        .unwrap_or_else(|| "a version".to_owned())
}

fn planned_version(fact: &Line) -> String {
    let plan = fact.data.get("plan").or_else(|| fact.data.get("input"));
    let release = plan.and_then(|plan| plan.get("release"));
    let version = release
        .and_then(|release| release.get("version"))
        .and_then(|v| v.as_str());
    version.map_or_else(|| version_or_nothing(fact), str::to_owned)
}

fn version_or_nothing(fact: &Line) -> String {
    fact.read("version")
        .unwrap_or_else(|| "a release".to_owned())
}

fn until(fact: &Line, at: Timestamp) -> String {
    fact.until.map_or_else(String::new, |until: Timestamp| {
        format!(" until {}", time::coming(until, at))
    })
}
