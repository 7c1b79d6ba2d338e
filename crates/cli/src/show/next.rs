//! What comes after a change: what its event tells, and what can be typed now. A command is named only if the rollout as it
//! stands would take it.

use policy::Timestamp;
use rollout::{Event, Form, Kind, Line, Offer, RolloutId};

use super::time;

/// What can be typed, and what that is.
type Offered = (String, Offer);

/// What comes next, as a sentence without a full stop; `None`: nothing that is not obvious. `offer` asks the rollouts as they
/// stand.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what happens by itself is followed by nothing a person must know"
)]
pub(crate) fn after(
    event: &Event,
    mut offer: impl FnMut(&Event) -> Option<Offered>,
) -> Option<String> {
    let fact = &event.line;
    let mut with = |said: &str, then: &str| match offer(event) {
        Some((command, _)) => format!("{said}{}", then.replace("{}", &command)),
        None => said.to_owned(),
    };
    let next = match fact.kind {
        Kind::Approved => return Some(after_vote(event)),
        Kind::Rejected => after_rejection(fact, offer(event)),
        Kind::RolloutHalted => with("nobody starts any more", "; to go on: {}"),
        Kind::Withdrawn => "the gate stays shut until the quorum is complete again".to_owned(),
        Kind::Paused => with("customers already started finish", "; `{}` goes on"),
        Kind::Resumed | Kind::Unfrozen => {
            "customers start again as soon as nothing else holds them".to_owned()
        }
        Kind::Retried => "it goes again as soon as nothing holds it".to_owned(),
        Kind::Promoted => "the next batch starts as soon as nothing else holds it".to_owned(),
        Kind::RolloutDraining => "what is in flight finishes first".to_owned(),
        Kind::RolloutQueued => after_queued(fact),
        Kind::RolloutAborted => with("it cannot be resumed", "; `{}` begins another"),
        Kind::Blocked => with("no further customer gets it", " until `{}`"),
        Kind::Unblocked => "customers may get it again".to_owned(),
        Kind::Frozen => with("started customers finish", "; `{}` ends it earlier"),
        Kind::FreezeOverridden => match fact.read("complete") {
            Some(true) => "customers start again as soon as nothing else holds them".to_owned(),
            Some(false) | None => with("a second person must say the same", ": {}"),
        },
        Kind::Replanned => "approvals bound to the old plan are asked again".to_owned(),
        Kind::OperationStarted => {
            return offer(event).map(|(watch, _)| format!("`{watch}` follows it"));
        }
        _ => return None,
    };
    Some(next)
}

/// Whoever is left out is asked about anew while the rollout goes on; afterwards only another one reaches them.
fn after_rejection(fact: &Line, offered: Option<Offered>) -> String {
    let said = match &fact.customer {
        Some(_) => "it is left out",
        None => "what it covers does not start",
    };
    let Some((command, offer)) = offered else {
        return said.to_owned();
    };
    match offer.forms().as_slice() {
        [Form::Start] => format!("{said}; `{command}` begins another rollout for it"),
        [Form::Unblock] => format!("{said}; before another rollout: `{command}`"),
        _ => format!("{said}; `{command}` asks anew"),
    }
}

fn after_queued(fact: &Line) -> String {
    let behind: Vec<RolloutId> = fact.read("behind").unwrap_or_default();
    let behind: Vec<String> = behind.iter().map(ToString::to_string).collect();
    match behind.as_slice() {
        [] => "it begins when those before it have ended".to_owned(),
        [one] => format!("it begins when {one} has ended"),
        several => format!("it begins when {} have ended", several.join(" and ")),
    }
}

fn after_vote(event: &Event) -> String {
    let next = after_counted_vote(event);
    match event.line.read("gates_shut") {
        Some(true) => format!(
            "it is recorded, but tranche.yaml cannot be parsed, and no gate opens until it can; then: {next}"
        ),
        Some(false) | None => next,
    }
}

fn after_counted_vote(Event { at, line: fact, .. }: &Event) -> String {
    let Some(until) = fact.until else {
        return "the quorum is not complete yet: more people have to approve".to_owned();
    };
    let after: Vec<String> = fact.read("after").unwrap_or_default();
    match fact.read::<Option<Timestamp>>("begins").flatten() {
        Some(begins) if after.is_empty() => {
            format!(
                "the deploy begins {} at the earliest",
                time::coming(begins, *at)
            )
        }
        Some(begins) => {
            let begins = time::coming(begins, *at);
            format!(
                "the deploy begins {begins} at the earliest, and after: {}",
                after.join("; ")
            )
        }
        None => format!(
            "it lapses {} before the deploy can begin: approve again later",
            time::instant(until)
        ),
    }
}
