//! Events as sentences: what happened, in the order of words in which people say it.

mod words;

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
pub(crate) fn sentence(event: &Event) -> String {
    let said = words::words(event);
    escape::line(&match &event.line.reason {
        Some(reason) => format!("{said}: {reason}"),
        None => said,
    })
}
