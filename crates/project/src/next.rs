//! What comes after a change: what its event tells, and what can be typed now. A command is named only if the rollout as it
//! stands would take it.

use policy::Timestamp;
use rollout::fact::{
    Approved, CustomerFact, GateFact, GatePlace, Millis, Nullable, PersonFact, PhaseFact,
    RolloutFact, RolloutQueued,
};
use rollout::{Event, Fact, Form, Offer};

use crate::backend::Backend;

/// What can be typed, and what that is.
type Offered = (String, Offer);

/// How instants are written for whoever reads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// One at any time.
    pub instant: fn(Timestamp) -> String,
    /// One that is awaited, and the instant from which.
    pub coming: fn(Timestamp, Timestamp) -> String,
}

/// What comes next after these events, as a sentence without a full stop; `None`: nothing that is not obvious. The last event
/// that knows says it, as things stand now; the state is only read if it depends on that.
pub async fn what_comes_next(
    backend: &dyn Backend,
    events: &[Event],
    clock: Clock,
    now: Timestamp,
) -> Option<String> {
    let last_that_knows = |offer: &mut dyn FnMut(&Event) -> Option<Offered>| {
        let mut latest = events.iter().rev();
        latest.find_map(|event| after(event, clock, &mut *offer))
    };
    let mut depends = false;
    let next = last_that_knows(&mut |_| {
        depends = true;
        None
    });
    if !depends {
        return next;
    }
    let mut product = backend.product().await.unwrap_or_default();
    last_that_knows(&mut |event| product.next(now, event))
}

/// Where a person's rollback leads to what was judged unhealthy itself: a line each.
pub fn warnings(events: &[Event]) -> Vec<String> {
    let targets = events
        .iter()
        .flat_map(|event| match Fact::read(&event.line) {
            Ok(Fact::Rollout(RolloutFact::OperationStarted(started))) => started.unhealthy_targets,
            Ok(Fact::Customer(CustomerFact::RollbackRequested(asked))) => asked.unhealthy_targets,
            Ok(_) | Err(_) => Vec::new(),
        });
    targets.map(|target| format!("warning: {target}")).collect()
}

/// `offer` asks the rollouts as they stand.
fn after(
    event: &Event,
    clock: Clock,
    mut offer: impl FnMut(&Event) -> Option<Offered>,
) -> Option<String> {
    let fact = Fact::read(&event.line).ok()?;
    let with = |said: &str, then: &str| match offer(event) {
        Some((command, _)) => format!("{said}{}", then.replace("{}", &command)),
        None => said.to_owned(),
    };
    let next = match &fact {
        Fact::Gate(fact) => return after_answer(event, clock, fact, offer),
        Fact::Rollout(RolloutFact::OperationStarted(_)) => {
            return offer(event).map(|(watch, _)| format!("`{watch}` follows it"));
        }
        Fact::Rollout(fact) => return after_course(fact, with),
        Fact::Person(fact) => return after_person(fact, with),
        Fact::Customer(CustomerFact::Retried(_)) => "it goes again as soon as nothing holds it",
        Fact::Phase(PhaseFact::Promoted(_)) => {
            "the next batch starts as soon as nothing else holds it"
        }
        // What happens by itself is followed by nothing a person must know.
        Fact::Customer(_)
        | Fact::Phase(_)
        | Fact::Hook(_)
        | Fact::Variables(_)
        | Fact::Deploy(_)
        | Fact::Health(_)
        | Fact::Rollback(_)
        | Fact::Recovery(_)
        | Fact::Engine(_) => return None,
    };
    Some(next.to_owned())
}

fn after_course(fact: &RolloutFact, mut with: impl FnMut(&str, &str) -> String) -> Option<String> {
    Some(match fact {
        RolloutFact::RolloutHalted(_) => with("nobody starts any more", "; to go on: {}"),
        RolloutFact::RolloutDraining(_) => "what is in flight finishes first".to_owned(),
        RolloutFact::RolloutQueued(queued) => after_queued(queued),
        RolloutFact::RolloutAborted(_) => with("it cannot be resumed", "; `{}` begins another"),
        RolloutFact::Replanned(_) => "approvals bound to the old plan are asked again".to_owned(),
        RolloutFact::RolloutStarted(_)
        | RolloutFact::RolloutResumed(_)
        | RolloutFact::RolloutSucceeded(_)
        | RolloutFact::RolloutSuperseded(_)
        | RolloutFact::OperationStarted(_)
        | RolloutFact::OperationEnded(_) => return None,
    })
}

fn after_person(fact: &PersonFact, mut with: impl FnMut(&str, &str) -> String) -> Option<String> {
    let goes_on = "customers start again as soon as nothing else holds them";
    Some(match fact {
        PersonFact::Paused(_) => with("customers already started finish", "; `{}` goes on"),
        PersonFact::Resumed(_) | PersonFact::Unfrozen(_) => goes_on.to_owned(),
        PersonFact::Blocked(_) => with("no further customer gets it", " until `{}`"),
        PersonFact::Unblocked(_) => "customers may get it again".to_owned(),
        PersonFact::Frozen(_) => with("started customers finish", "; `{}` ends it earlier"),
        PersonFact::FreezeOverridden(overridden) => match overridden.complete {
            true => goes_on.to_owned(),
            false => with("a second person must say the same", ": {}"),
        },
        PersonFact::Observed(_)
        | PersonFact::VariablesRevealed(_)
        | PersonFact::TokenCreated(_)
        | PersonFact::TokenRevoked(_)
        | PersonFact::PeopleChanged(_)
        | PersonFact::Denied(_) => return None,
    })
}

fn after_answer(
    event: &Event,
    clock: Clock,
    fact: &GateFact,
    mut offer: impl FnMut(&Event) -> Option<Offered>,
) -> Option<String> {
    Some(match fact {
        GateFact::Approved(vote) => after_vote(vote, clock, event.at),
        GateFact::Rejected(vote) => after_rejection(&vote.place, offer(event)),
        GateFact::Withdrawn(_) => {
            "the gate stays shut until the quorum is complete again".to_owned()
        }
        GateFact::ApprovalRequested(_)
        | GateFact::ApprovalLapsed(_)
        | GateFact::ApprovalEscalated(_)
        | GateFact::GatePassed(_) => return None,
    })
}

/// Whoever is left out is asked about anew while the rollout goes on; afterwards only another one reaches them.
fn after_rejection(place: &GatePlace, offered: Option<Offered>) -> String {
    let said = match &place.customer {
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

fn after_queued(queued: &RolloutQueued) -> String {
    let behind = queued.behind.iter().flatten();
    let behind: Vec<String> = behind.map(ToString::to_string).collect();
    match behind.as_slice() {
        [] => "it begins when those before it have ended".to_owned(),
        [one] => format!("it begins when {one} has ended"),
        several => format!("it begins when {} have ended", several.join(" and ")),
    }
}

fn after_vote(vote: &Approved, clock: Clock, at: Timestamp) -> String {
    let next = after_counted_vote(vote, clock, at);
    match vote.gates_shut {
        true => format!(
            "it is recorded, but tranche.yaml cannot be parsed, and no gate opens until it can; then: {next}"
        ),
        false => next,
    }
}

fn after_counted_vote(vote: &Approved, clock: Clock, at: Timestamp) -> String {
    let Some(until) = vote.until else {
        return "the quorum is not complete yet: more people have to approve".to_owned();
    };
    let after = vote.after.as_deref().unwrap_or_default();
    let begins = vote.begins.and_then(|Nullable(begins)| begins);
    match begins.map(|Millis(begins)| (clock.coming)(begins, at)) {
        Some(begins) if after.is_empty() => {
            format!("the deploy begins {begins} at the earliest")
        }
        Some(begins) => format!(
            "the deploy begins {begins} at the earliest, and after: {}",
            after.join("; ")
        ),
        None => format!(
            "it lapses {} before the deploy can begin: approve again later",
            (clock.instant)(until)
        ),
    }
}
