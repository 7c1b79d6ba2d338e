//! Every deploy and rollback that the journal tells of, and how it ended.

use std::collections::BTreeMap;

use policy::{CustomerId, PolicyId, Role, Span, Timestamp};
use serde::Serialize;

use crate::model::event::{Event, Kind, Line};
use crate::model::ids::{DeployId, RolloutId};

/// One deploy or rollback of one service, from its intent on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployRecord {
    /// In which rollout or operation.
    pub rollout: RolloutId,
    /// In which phase.
    pub phase: Option<PolicyId>,
    /// Whose.
    pub customer: CustomerId,
    /// Which service.
    pub service: Role,
    /// To the release, or back from it.
    pub way: DeployDirection,
    /// From 1.
    pub attempt: u32,
    /// When it was decided and stored.
    pub intended_at: Timestamp,
    /// When it served traffic.
    pub live_at: Option<Timestamp>,
    /// When its outcome was known last.
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: DeployOutcome,
    /// Render's id.
    pub deploy: Option<DeployId>,
    /// The commit.
    pub commit: Option<String>,
    /// The version of the commit, once it is live.
    pub version: Option<String>,
    /// Why it ended as it did.
    pub reason: Option<String>,
}

/// Which way a deploy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployDirection {
    /// To the release.
    Forward,
    /// Back to what was live before.
    Back,
}

/// What came of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployOutcome {
    /// Asked for, or under way.
    Open,
    /// Serves traffic; nobody has judged it.
    Live,
    /// Live, and its health checks passed.
    Healthy,
    /// Live, and its health checks failed.
    Unhealthy,
    /// Never went live: the build failed, or it ran out of time.
    Failed,
    /// Cancelled, and not because of its time limit.
    Cancelled,
    /// It is proved that there is no such deploy.
    Absent,
}

impl DeployOutcome {
    /// Whether it counts for the release (`true`) or against it (`false`); `None`: it tells nothing of the release.
    pub fn success(self) -> Option<bool> {
        match self {
            Self::Healthy => Some(true),
            Self::Unhealthy | Self::Failed => Some(false),
            Self::Open | Self::Live | Self::Cancelled | Self::Absent => None,
        }
    }
}

impl DeployRecord {
    /// From the intent until it served traffic.
    pub fn took(&self) -> Option<Span> {
        let took = self.live_at? - self.intended_at;
        Some(Span::from_millis(took.num_milliseconds()))
    }
}

/// The fold of a journal into its deploys, in the order of their intents.
#[derive(Clone, Debug, Default)]
pub struct DeployLog {
    records: Vec<DeployRecord>,
    newest: BTreeMap<(RolloutId, CustomerId, Role, DeployDirection), usize>,
}

impl DeployLog {
    /// The kinds of events that this fold reads; the others need not be passed.
    pub const KINDS: &[Kind] = &[
        Kind::DeployIntended,
        Kind::DeployCreated,
        Kind::DeployAdopted,
        Kind::DeployAbsent,
        Kind::DeployLive,
        Kind::DeployFailed,
        Kind::DeployCancelled,
        Kind::HealthPassed,
        Kind::HealthFailed,
        Kind::RollbackIntended,
        Kind::RollbackCreated,
        Kind::RollbackAdopted,
        Kind::RollbackAbsent,
        Kind::RollbackLive,
        Kind::RollbackFailed,
    ];

    /// Folds one event.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other kinds tell nothing of a deploy"
    )]
    pub fn take(&mut self, event: &Event) {
        let fact = &event.line;
        match fact.kind {
            Kind::DeployIntended => self.begin(event, DeployDirection::Forward),
            Kind::RollbackIntended => self.begin(event, DeployDirection::Back),
            Kind::HealthPassed | Kind::HealthFailed => self.judge(event),
            Kind::DeployCreated
            | Kind::DeployAdopted
            | Kind::DeployLive
            | Kind::DeployFailed
            | Kind::DeployCancelled
            | Kind::DeployAbsent => self.progress(event, DeployDirection::Forward),
            Kind::RollbackCreated
            | Kind::RollbackAdopted
            | Kind::RollbackLive
            | Kind::RollbackFailed
            | Kind::RollbackAbsent => self.progress(event, DeployDirection::Back),
            _ => {}
        }
    }

    /// The deploys so far.
    pub fn records(&self) -> &[DeployRecord] {
        &self.records
    }

    /// The same, owned.
    pub fn into_records(self) -> Vec<DeployRecord> {
        self.records
    }

    fn begin(&mut self, event: &Event, way: DeployDirection) {
        let fact = &event.line;
        let Some(key) = key(fact, way) else { return };
        let (rollout, customer, service, way) = key.clone();
        self.newest.insert(key, self.records.len());
        self.records.push(DeployRecord {
            rollout,
            phase: fact.phase.clone(),
            customer,
            service,
            way,
            attempt: fact.attempt.unwrap_or(1),
            intended_at: event.at,
            live_at: None,
            ended_at: None,
            outcome: DeployOutcome::Open,
            deploy: None,
            commit: fact.commit.clone(),
            version: None,
            reason: None,
        });
    }

    fn progress(&mut self, event: &Event, way: DeployDirection) {
        let Some(record) = self.record(&event.line, way) else {
            return;
        };
        let fact = &event.line;
        if fact.deploy.is_some() {
            record.deploy.clone_from(&fact.deploy);
        }
        if let Some(outcome) = outcome(fact) {
            record.end(outcome, event);
        }
        if record.outcome == DeployOutcome::Live {
            record.live_at = Some(event.at);
            record.version = fact.read("version");
        }
    }

    /// A verdict belongs to the way back once that is live.
    fn judge(&mut self, event: &Event) {
        let fact = &event.line;
        let returned = self
            .record(fact, DeployDirection::Back)
            .is_some_and(|record| record.deploy == fact.deploy && fact.deploy.is_some());
        let way = if returned {
            DeployDirection::Back
        } else {
            DeployDirection::Forward
        };
        let Some(record) = self.record(fact, way) else {
            return;
        };
        let outcome = match fact.kind == Kind::HealthPassed {
            true => DeployOutcome::Healthy,
            false => DeployOutcome::Unhealthy,
        };
        record.end(outcome, event);
    }

    fn record(&mut self, fact: &Line, way: DeployDirection) -> Option<&mut DeployRecord> {
        let index = *self.newest.get(&key(fact, way)?)?;
        self.records.get_mut(index)
    }
}

impl DeployRecord {
    fn end(&mut self, outcome: DeployOutcome, event: &Event) {
        self.outcome = outcome;
        self.ended_at = Some(event.at);
        self.reason.clone_from(&event.line.reason);
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other kinds leave the outcome open"
)]
fn outcome(fact: &Line) -> Option<DeployOutcome> {
    Some(match fact.kind {
        Kind::DeployLive | Kind::RollbackLive => DeployOutcome::Live,
        Kind::DeployFailed | Kind::RollbackFailed => DeployOutcome::Failed,
        Kind::DeployCancelled if fact.read("failure") == Some(true) => DeployOutcome::Failed,
        Kind::DeployCancelled => DeployOutcome::Cancelled,
        Kind::DeployAbsent | Kind::RollbackAbsent => DeployOutcome::Absent,
        _ => return None,
    })
}

fn key(
    fact: &Line,
    way: DeployDirection,
) -> Option<(RolloutId, CustomerId, Role, DeployDirection)> {
    Some((
        fact.rollout?,
        fact.customer.clone()?,
        fact.service.clone()?,
        way,
    ))
}
