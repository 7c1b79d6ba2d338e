//! The events of a simulation as lines for people: what is notable, by day.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use policy::{CustomerId, PolicyId, Span, Timestamp};
use rollout::fact::{DeployFact, RolloutFact};
use rollout::{Event, Fact, Kind, Line, RolloutId, show_instant};
use serde::Serialize;

/// Something notable. Events of one kind at one instant in one batch share a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Whole days of 24 hours since the rollout's start.
    pub day: i64,
    /// Which rollout.
    pub rollout: Option<RolloutId>,
    /// Which phase.
    pub phase: Option<PolicyId>,
    /// Which batch.
    pub batch: Option<u32>,
    /// What.
    pub kind: Kind,
    /// Whom it concerns.
    pub customers: Vec<CustomerId>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// What happened, as a sentence fragment.
    pub text: String,
}

/// One rollout in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Which rollout.
    pub rollout: RolloutId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended, and how; absent: it did not.
    pub ended: Option<(Timestamp, String)>,
    /// Its phases in the order in which they started.
    pub phases: Vec<PhaseSummary>,
    /// Deploys that were asked for.
    pub deploys: usize,
    /// Rollbacks that were asked for.
    pub rollbacks: usize,
}

/// One phase in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseSummary {
    /// Its name.
    pub phase: PolicyId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it settled; absent: it did not.
    pub settled_at: Option<Timestamp>,
    /// Customers that became healthy.
    pub healthy: usize,
    /// Verdicts against a customer.
    pub failed: usize,
}

/// What is notable about some events, in order.
pub fn timeline(events: &[Event]) -> Vec<TimelineEntry> {
    let mut starts: BTreeMap<RolloutId, Timestamp> = BTreeMap::new();
    let mut lines: Vec<TimelineEntry> = Vec::new();
    for event in events {
        let fact = &event.line;
        let start = fact
            .rollout
            .map(|run| *starts.entry(run).or_insert(event.at));
        let Some(text) = text(fact) else { continue };
        let known = lines
            .iter_mut()
            .rev()
            .take_while(|line| line.at == event.at);
        let customer = fact.customer.iter().cloned();
        match known.into_iter().find(|line| line.joins(fact, &text)) {
            Some(line) => line.customers.extend(customer),
            None => lines.push(TimelineEntry {
                at: event.at,
                day: start.map_or(0, |start| (event.at - start).num_days()),
                rollout: fact.rollout,
                phase: fact.phase.clone(),
                batch: fact.batch,
                kind: fact.kind,
                customers: customer.collect(),
                until: fact.until,
                text,
            }),
        }
    }
    lines
}

impl TimelineEntry {
    fn joins(&self, fact: &Line, text: &str) -> bool {
        fact.customer.is_some()
            && !self.customers.is_empty()
            && self.kind == fact.kind
            && self.rollout == fact.rollout
            && self.phase == fact.phase
            && self.batch == fact.batch
            && self.until == fact.until
            && self.text == text
    }
}

/// `day 8  2027-01-19T15:10:00.000Z  standard, batch 2: acme, copperline: starts`
impl fmt::Display for TimelineEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = format!("day {}", self.day);
        write!(f, "{day:<7} {}  ", show_instant(self.at))?;
        if let Some(phase) = &self.phase {
            write!(f, "{phase}")?;
            if let Some(batch) = self.batch {
                write!(f, ", batch {batch}")?;
            }
            f.write_str(": ")?;
        }
        if !self.customers.is_empty() {
            let names: Vec<&str> = self.customers.iter().map(CustomerId::as_str).collect();
            write!(f, "{}: ", names.join(", "))?;
        }
        f.write_str(&self.text)?;
        match self.until {
            Some(until) => write!(f, " until {}", show_instant(until)),
            None => Ok(()),
        }
    }
}

/// What happened, if it is notable.
fn text(fact: &Line) -> Option<String> {
    let text = plain(fact)?;
    let mut text = text.to_owned();
    // Writing to a String cannot fail.
    if let Some(actor) = &fact.actor {
        let _ = write!(text, " by {actor}");
    }
    if let Some(reason) = &fact.reason {
        let _ = write!(text, " ({reason})");
    }
    Some(text)
}

/// Whether what was adopted was there before anything was asked for (R16).
fn is_found(fact: &Line) -> bool {
    let fact = Fact::read(fact);
    matches!(fact, Ok(Fact::Deploy(DeployFact::DeployAdopted(fact))) if fact.found)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds are for the journal"
)]
fn plain(fact: &Line) -> Option<&'static str> {
    Some(match fact.kind {
        Kind::RolloutStarted => "the rollout starts",
        Kind::RolloutQueued => "the rollout waits for another",
        Kind::PhaseStarted => "the phase starts",
        Kind::PhaseSettled => "the phase has settled",
        Kind::SoakStarted => "soak",
        Kind::BatchSettled => "the batch has settled",
        Kind::DelayStarted => "delay",
        Kind::ApprovalRequested => "approval requested",
        Kind::Approved => "approved",
        Kind::Rejected => "rejected",
        Kind::Withdrawn => "approval withdrawn",
        Kind::ApprovalLapsed => "the approval has lapsed",
        Kind::ApprovalEscalated => "nobody has answered",
        Kind::CustomerStarted => "starts",
        Kind::CustomerHealthy => "healthy",
        Kind::CustomerUnchanged => "failed, unchanged",
        Kind::CustomerRolledBack => "rolled back",
        Kind::CustomerRollbackFailed => "the rollback failed",
        Kind::CustomerExcluded => "excluded",
        Kind::CustomerSkipped => "skipped",
        Kind::CustomerHeld => "held",
        Kind::CustomerWaits => "waits for an answer of Render",
        Kind::CustomerStalled => "waits long for an answer of Render",
        Kind::CustomerReleased => "released",
        Kind::CustomerDeferred => "its date is put off",
        Kind::CustomerWithdrawn => "withdrawn",
        Kind::RollbackRequested => "rollback requested",
        Kind::HealthFailed => "unhealthy",
        Kind::DeployAdopted if is_found(fact) => "deployed already",
        Kind::DeployAdopted | Kind::RollbackAdopted => "a lost reply: the deploy was found",
        Kind::DeployAbsent | Kind::RollbackAbsent => "a lost request: there is no deploy",
        Kind::DeployDuplicate => "a second deploy of ours was found",
        Kind::Paused => "paused",
        Kind::Resumed => "resumed",
        Kind::Promoted => "promoted",
        Kind::Retried => "tried again",
        Kind::Skipped => "left out",
        Kind::Frozen => "frozen",
        Kind::Unfrozen => "the freeze was lifted",
        Kind::FreezeOverridden => "a freeze is overridden",
        Kind::Blocked => "the version is blocked",
        Kind::Unblocked => "the version is no longer blocked",
        Kind::Replanned => "planned again",
        Kind::ClockSuspected => "the clock is not trusted",
        Kind::WorkspaceHeld => "Render cannot be reached",
        Kind::WorkspaceReleased => "Render can be reached again",
        Kind::PhaseOverdue => "the phase is overdue",
        Kind::RolloutDraining => "nothing new starts",
        Kind::RolloutSucceeded => "the rollout has succeeded",
        Kind::RolloutHalted => "the rollout has halted",
        Kind::RolloutAborted => "the rollout was aborted",
        Kind::RolloutSuperseded => "the rollout was superseded",
        Kind::RolloutResumed => "the halt is lifted",
        Kind::OperationStarted => "an operation starts",
        Kind::OperationEnded => "the operation has ended",
        Kind::VariablesApplied => "the variables stand, nothing was deployed",
        Kind::Observed => "a figure was noted",
        Kind::Denied => "refused",
        _ => return None,
    })
}

/// Each rollout in a few numbers, in the order of their start.
pub fn summaries(events: &[Event]) -> Vec<Summary> {
    let mut summaries: BTreeMap<RolloutId, Summary> = BTreeMap::new();
    for event in events {
        let Some(rollout @ RolloutId::Rollout(_)) = event.line.rollout else {
            continue;
        };
        let summary = summaries.entry(rollout).or_insert_with(|| Summary {
            rollout,
            started_at: event.at,
            ended: None,
            phases: Vec::new(),
            deploys: 0,
            rollbacks: 0,
        });
        summary.count(event);
    }
    summaries.into_values().collect()
}

impl Summary {
    fn count(&mut self, event: &Event) {
        let kind = event.line.kind;
        self.deploys += usize::from(kind == Kind::DeployIntended);
        self.rollbacks += usize::from(kind == Kind::RollbackIntended);
        if is_end(kind) {
            self.ended = Some((event.at, outcome(event)));
        }
        if let Some(name) = &event.line.phase {
            if kind == Kind::PhaseStarted || kind == Kind::PhaseSettled {
                self.begin_phase(name, event.at);
            }
            self.count_phase(name, event);
        }
    }

    /// An empty phase settles without having started.
    fn begin_phase(&mut self, name: &PolicyId, at: Timestamp) {
        if self.phases.iter().any(|phase| phase.phase == *name) {
            return;
        }
        self.phases.push(PhaseSummary {
            phase: name.clone(),
            started_at: at,
            settled_at: None,
            healthy: 0,
            failed: 0,
        });
    }

    fn count_phase(&mut self, name: &PolicyId, event: &Event) {
        let Some(phase) = self.phases.iter_mut().find(|phase| phase.phase == *name) else {
            return;
        };
        let kind = event.line.kind;
        phase.healthy += usize::from(kind == Kind::CustomerHealthy);
        phase.failed += usize::from(is_failure(kind));
        if kind == Kind::PhaseSettled {
            phase.settled_at = Some(event.at);
        }
    }
}

fn outcome(event: &Event) -> String {
    let outcome = match Fact::read(&event.line) {
        Ok(Fact::Rollout(RolloutFact::RolloutSucceeded(end))) => Some(end.outcome),
        Ok(Fact::Rollout(RolloutFact::RolloutAborted(end))) => Some(end.outcome),
        Ok(Fact::Rollout(RolloutFact::RolloutSuperseded(end))) => Some(end.outcome),
        Ok(_) | Err(_) => None,
    };
    match outcome {
        Some(outcome) => outcome.as_str().to_owned(),
        None => event.line.kind.as_str().replace("rollout_", ""),
    }
}

fn is_end(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::RolloutSucceeded | Kind::RolloutAborted | Kind::RolloutSuperseded
    )
}

fn is_failure(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CustomerUnchanged | Kind::CustomerRolledBack | Kind::CustomerRollbackFailed
    )
}

/// One line for the rollout and one for each phase.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rollout,
            started_at,
            ended,
            phases,
            deploys,
            rollbacks,
        } = self;
        match ended {
            Some((at, outcome)) => {
                let took = length(*started_at, *at);
                writeln!(
                    f,
                    "{rollout} {outcome} after {took}: {deploys} deploys, {rollbacks} rollbacks"
                )?;
            }
            None => writeln!(
                f,
                "{rollout} is unfinished: {deploys} deploys, {rollbacks} rollbacks"
            )?,
        }
        for phase in phases {
            writeln!(f, "  {phase}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PhaseSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            phase,
            started_at,
            settled_at,
            healthy,
            failed,
        } = self;
        write!(f, "{phase}: from {} ", show_instant(*started_at))?;
        match settled_at {
            Some(at) => write!(f, "to {} ({})", show_instant(*at), length(*started_at, *at))?,
            None => f.write_str("on, not settled")?,
        }
        write!(f, ", {healthy} healthy")?;
        if *failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        Ok(())
    }
}

fn length(from: Timestamp, until: Timestamp) -> Span {
    Span::from_millis((until - from).num_milliseconds())
}
