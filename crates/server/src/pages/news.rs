//! What happened, as sentences for people? And what of it does somebody have to know who is about to vote?

use policy::{CustomerId, Timestamp};
use rollout::{Event, Kind, RolloutId};

use super::time::Clock;
use super::words::Tone;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) at: Timestamp,
    /// A sentence without its full stop.
    pub(crate) text: String,
}

/// What `tone` an event has.
pub(crate) fn tone(kind: Kind) -> Tone {
    let name = kind.as_str();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match () {
        () if has(&[
            "failed",
            "halted",
            "held",
            "aborted",
            "denied",
            "rejected",
            "duplicate",
            "overdue",
        ]) =>
        {
            Tone::Bad
        }
        () if has(&[
            "rolled_back",
            "unchanged",
            "rollback",
            "lapsed",
            "escalated",
            "paused",
            "suspected",
            "excluded",
            "skipped",
        ]) =>
        {
            Tone::Wait
        }
        () if has(&[
            "healthy",
            "passed",
            "succeeded",
            "approved",
            "live",
            "settled",
        ]) =>
        {
            Tone::Good
        }
        () if has(&["requested", "started", "intended", "created"]) => Tone::Busy,
        () => Tone::Idle,
    }
}

/// An event as a sentence: what, whose, by whom, why.
pub(crate) fn sentence(event: &Event, clock: Clock) -> String {
    let line = &event.line;
    let mut text = capital(&line.kind.as_str().replace('_', " "));
    let gate = line.data.get("gate").and_then(|gate| gate.as_str());
    let about = [
        line.customer.as_ref().map(ToString::to_string),
        line.service.as_ref().map(ToString::to_string),
        gate.filter(|_| line.customer.is_none()).map(str::to_owned),
    ];
    let about: Vec<String> = about.into_iter().flatten().collect();
    let about = match about.is_empty() {
        true => line.phase.as_ref().map(|phase| match line.batch {
            Some(batch) => format!("{phase}, batch {batch}"),
            None => phase.to_string(),
        }),
        false => Some(about.join(" / ")),
    };
    if let Some(about) = about {
        text = format!("{text}: {about}");
    }
    if let Some(actor) = &line.actor {
        text = format!("{text}, by {actor}");
    }
    if let Some(until) = line.until {
        text = format!("{text}, until {}", clock.text(until));
    }
    if let Some(reason) = &line.reason {
        text = format!("{text} ({reason})");
    }
    text
}

/// With a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// What of these events changes what a voter has seen: the gate itself, the plan, whether anything goes on, and failures.
pub(crate) fn since_seen(
    events: &[Event],
    run: RolloutId,
    (gate, covers): (&str, &[CustomerId]),
    clock: Clock,
) -> Vec<News> {
    let matters = |event: &&Event| {
        let line = &event.line;
        let is_own = line.rollout == Some(run);
        let names_gate = line.data.get("gate").and_then(|gate| gate.as_str()) == Some(gate);
        let is_covered = line
            .customer
            .as_ref()
            .is_some_and(|one| covers.contains(one));
        concerns(line.kind, is_own, names_gate, is_covered)
    };
    let news = events.iter().filter(matters).map(|event| News {
        at: event.at,
        text: sentence(event, clock),
    });
    news.collect()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is done for others, step by step, changes nothing for this vote"
)]
fn concerns(kind: Kind, is_own: bool, names_gate: bool, is_covered: bool) -> bool {
    match kind {
        Kind::Approved
        | Kind::Rejected
        | Kind::Withdrawn
        | Kind::ApprovalRequested
        | Kind::ApprovalLapsed
        | Kind::ApprovalEscalated
        | Kind::GatePassed => is_own && names_gate,
        Kind::CustomerExcluded | Kind::CustomerSkipped | Kind::CustomerHeld => is_own && is_covered,
        Kind::CustomerUnchanged
        | Kind::CustomerRolledBack
        | Kind::CustomerRollbackFailed
        | Kind::Replanned
        | Kind::Paused
        | Kind::Resumed
        | Kind::Retried
        | Kind::RolloutHalted
        | Kind::RolloutDraining
        | Kind::RolloutAborted
        | Kind::RolloutSuperseded
        | Kind::RolloutSucceeded => is_own,
        Kind::Frozen
        | Kind::Unfrozen
        | Kind::FreezeOverridden
        | Kind::Blocked
        | Kind::Unblocked
        | Kind::RolloutsHeld
        | Kind::WorkspaceHeld => true,
        _ => false,
    }
}
