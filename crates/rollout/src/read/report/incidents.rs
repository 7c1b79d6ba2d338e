//! What went wrong, and what people overrode.

use policy::{CustomerId, PersonId, PolicyId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::event::{Event, Kind};
use crate::model::fact::{
    CustomerFact, DeployFact, EngineFact, Fact, FreezeOverridden, PersonFact, PhaseFact,
};

/// Something that went wrong or was odd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// When.
    pub at: Timestamp,
    /// When it was over; absent: it is not, or it was over at once.
    pub until: Option<Timestamp>,
    /// What.
    pub kind: Kind,
    /// In which phase.
    pub phase: Option<PolicyId>,
    /// With whom.
    pub customer: Option<CustomerId>,
    /// Why.
    pub reason: Option<String>,
}

/// A person set a rule aside (P6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
    /// Who.
    pub person: PersonId,
    /// What was set aside: a freeze, a delay, a customer.
    pub what: String,
    /// Whether it took effect, or a second person was still missing.
    pub complete: bool,
    /// Why.
    pub reason: Option<String>,
}

/// The fold of a journal into its incidents and overrides.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles {
    pub(super) incidents: Vec<Incident>,
    pub(super) overrides: Vec<Override>,
}

impl Troubles {
    pub(super) fn take(&mut self, event: &Event, fact: &Fact) {
        if let Some(over) = over(event.line.kind) {
            self.end(over, event);
        }
        if is_incident(fact) {
            let line = &event.line;
            self.incidents.push(Incident {
                at: event.at,
                until: None,
                kind: line.kind,
                phase: line.phase.clone(),
                customer: line.customer.clone(),
                reason: line.reason.clone(),
            });
        }
        self.overrides.extend(set_aside(event, fact));
    }

    fn end(&mut self, kind: Kind, event: &Event) {
        let mut newest_first = self.incidents.iter_mut().rev();
        let open = newest_first.find(|one| {
            one.kind == kind && one.until.is_none() && one.customer == event.line.customer
        });
        if let Some(incident) = open {
            incident.until = Some(event.at);
        }
    }
}

/// Which kind of incident an event ends.
#[expect(clippy::wildcard_enum_match_arm, reason = "other kinds end nothing")]
fn over(kind: Kind) -> Option<Kind> {
    Some(match kind {
        Kind::WorkspaceReleased => Kind::WorkspaceHeld,
        Kind::ClockTrusted => Kind::ClockSuspected,
        Kind::RolloutResumed => Kind::RolloutHalted,
        Kind::CustomerReleased | Kind::CustomerSkipped => Kind::CustomerHeld,
        _ => return None,
    })
}

fn is_incident(fact: &Fact) -> bool {
    // Cancelled by a person who ends the rollout is what was wanted.
    let ran_out =
        matches!(fact, Fact::Deploy(DeployFact::DeployCancelled(cancelled)) if cancelled.failure);
    ran_out
        || matches!(
            fact.kind(),
            Kind::WorkspaceHeld
                | Kind::ClockSuspected
                | Kind::RolloutHalted
                | Kind::CustomerHeld
                | Kind::CustomerStalled
                | Kind::CustomerRollbackFailed
                | Kind::DeployFailed
                | Kind::DeployUnknown
                | Kind::DeployDuplicate
                | Kind::HealthFailed
                | Kind::RollbackUnknown
                | Kind::RollbackFailed
                | Kind::PhaseOverdue
                | Kind::ApprovalLapsed
                | Kind::ApprovalEscalated
        )
}

/// What a person set aside, if the event says so.
fn set_aside(event: &Event, fact: &Fact) -> Option<Override> {
    let mut complete = true;
    let (person, what) = match fact {
        Fact::Person(PersonFact::FreezeOverridden(overridden)) => {
            complete = overridden.complete;
            (Some(&overridden.actor), freeze(overridden))
        }
        Fact::Phase(PhaseFact::Promoted(promoted)) => {
            let phase = &promoted.place.phase;
            let what = match promoted.full {
                true => format!("every delay and soak of {phase}"),
                false => format!("the delay or soak of {phase}"),
            };
            (Some(&promoted.actor), what)
        }
        Fact::Engine(EngineFact::ClockTrusted(trusted)) => {
            let what = "the clock, confirmed by hand";
            (trusted.actor.as_ref(), what.to_owned())
        }
        Fact::Customer(CustomerFact::CustomerSkipped(skipped)) => {
            let what = format!("{}, left out", skipped.place.customer);
            (skipped.actor.as_ref(), what)
        }
        Fact::Rollout(_)
        | Fact::Phase(_)
        | Fact::Gate(_)
        | Fact::Customer(_)
        | Fact::Hook(_)
        | Fact::Variables(_)
        | Fact::Deploy(_)
        | Fact::Health(_)
        | Fact::Rollback(_)
        | Fact::Recovery(_)
        | Fact::Person(_)
        | Fact::Engine(_) => return None,
    };
    Some(Override {
        at: event.at,
        kind: event.line.kind,
        person: person?.clone(),
        what,
        complete,
        reason: event.line.reason.clone(),
    })
}

fn freeze(
    FreezeOverridden {
        name, occurrence, ..
    }: &FreezeOverridden,
) -> String {
    match occurrence {
        Some(begins) => format!("freeze {name} of {begins}"),
        None => format!("freeze {name}"),
    }
}
