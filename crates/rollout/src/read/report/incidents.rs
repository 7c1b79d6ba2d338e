//! What went wrong, and what people overrode.

use policy::{CustomerId, PersonId, PolicyId, Timestamp};
use serde::Serialize;

use crate::model::event::{Event, Kind, Line};

/// Something that went wrong or was odd.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    pub(super) fn take(&mut self, event: &Event) {
        if let Some(over) = over(event.line.kind) {
            self.end(over, event);
        }
        if is_incident(&event.line) {
            let fact = &event.line;
            self.incidents.push(Incident {
                at: event.at,
                until: None,
                kind: fact.kind,
                phase: fact.phase.clone(),
                customer: fact.customer.clone(),
                reason: fact.reason.clone(),
            });
        }
        self.overrides.extend(set_aside(event));
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

fn is_incident(fact: &Line) -> bool {
    // Cancelled by a person who ends the rollout is what was wanted.
    let ran_out = fact.kind == Kind::DeployCancelled && fact.read("failure") == Some(true);
    ran_out
        || matches!(
            fact.kind,
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
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other kinds set nothing aside"
)]
fn set_aside(event: &Event) -> Option<Override> {
    let fact = &event.line;
    let what = match fact.kind {
        Kind::FreezeOverridden => {
            let name: String = fact.read("name")?;
            match fact.read::<String>("occurrence") {
                Some(begins) => format!("freeze {name} of {begins}"),
                None => format!("freeze {name}"),
            }
        }
        Kind::Promoted if fact.read("full") == Some(true) => {
            format!("every delay and soak of {}", fact.phase.as_ref()?)
        }
        Kind::Promoted => format!("the delay or soak of {}", fact.phase.as_ref()?),
        Kind::ClockTrusted => "the clock, confirmed by hand".to_owned(),
        Kind::CustomerSkipped => format!("{}, left out", fact.customer.as_ref()?),
        _ => return None,
    };
    Some(Override {
        at: event.at,
        kind: fact.kind,
        person: fact.actor.clone()?,
        what,
        complete: fact.read("complete").unwrap_or(true),
        reason: fact.reason.clone(),
    })
}
