//! What comes after a change, as far as its event tells.

use policy::Timestamp;
use rollout::{Event, Fact, Kind, RunId};

use super::time;

/// What comes next, as a sentence without a full stop; `None`: nothing that is not obvious.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what happens by itself is followed by nothing a person must know"
)]
pub(crate) fn after(event: &Event) -> Option<String> {
    let fact = &event.fact;
    let next = match fact.kind {
        Kind::Approved => return Some(after_vote(event)),
        Kind::Rejected => match &fact.customer {
            Some(customer) => format!("it is left out; `tranche retry {customer}` asks anew"),
            None => "what it covers does not start; `tranche retry` asks anew".to_owned(),
        },
        Kind::Withdrawn => "the gate stays shut until the quorum is complete again".to_owned(),
        Kind::Paused => "customers already started finish; `tranche resume` goes on".to_owned(),
        Kind::Resumed | Kind::Unfrozen => {
            "customers start again as soon as nothing else holds them".to_owned()
        }
        Kind::Retried => "it goes again as soon as nothing holds it".to_owned(),
        Kind::Promoted => "the next batch starts as soon as nothing else holds it".to_owned(),
        Kind::RolloutDraining => "what is in flight finishes first".to_owned(),
        Kind::RolloutQueued => after_queued(fact),
        Kind::RolloutAborted => "it cannot be resumed; `tranche start` begins another".to_owned(),
        Kind::Blocked => "no further customer gets it until `tranche unblock`".to_owned(),
        Kind::Unblocked => "customers may get it again".to_owned(),
        Kind::Frozen => "started customers finish; `tranche unfreeze` ends it earlier".to_owned(),
        Kind::FreezeOverridden => match fact.read("complete") {
            Some(true) => "customers start again as soon as nothing else holds them".to_owned(),
            Some(false) | None => "a second person must say the same".to_owned(),
        },
        Kind::Replanned => "approvals bound to the old plan are asked again".to_owned(),
        Kind::OperationStarted => "`tranche watch` follows it".to_owned(),
        _ => return None,
    };
    Some(next)
}

fn after_queued(fact: &Fact) -> String {
    let behind: Vec<RunId> = fact.read("behind").unwrap_or_default();
    let behind: Vec<String> = behind.iter().map(ToString::to_string).collect();
    match behind.as_slice() {
        [] => "it begins when those before it have ended".to_owned(),
        [one] => format!("it begins when {one} has ended"),
        several => format!("it begins when {} have ended", several.join(" and ")),
    }
}

fn after_vote(event: &Event) -> String {
    let next = after_counted_vote(event);
    match event.fact.read("gates_shut") {
        Some(true) => format!(
            "it is recorded, but tranche.yaml cannot be parsed, and no gate opens until it can; then: {next}"
        ),
        Some(false) | None => next,
    }
}

fn after_counted_vote(Event { at, fact, .. }: &Event) -> String {
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
