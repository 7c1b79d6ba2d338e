//! Every deploy and rollback that the journal tells of, and how it ended.

use std::collections::BTreeMap;

use policy::{CustomerId, PolicyId, Role, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::event::{Event, Kind};
use crate::model::fact::{DeployFact, Fact, HealthFact, Nullable, RollbackFact, ServicePlace};
use crate::model::ids::{DeployId, RolloutId};

/// One deploy or rollback of one service, from its intent on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployDirection {
    /// To the release.
    Forward,
    /// Back to what was live before.
    Back,
}

/// What came of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    /// What an event says, where that is of use here; one that cannot be read tells nothing.
    pub fn read(event: &Event) -> Option<Fact> {
        let is_read = Self::KINDS.contains(&event.line.kind);
        is_read.then(|| Fact::read(&event.line).ok())?
    }

    /// Folds one event and what it says.
    pub fn take(&mut self, event: &Event, fact: &Fact) {
        match fact {
            Fact::Deploy(fact) => self.take_deploy(event, fact),
            Fact::Rollback(fact) => self.take_rollback(event, fact),
            Fact::Health(fact) => self.judge(event, fact),
            Fact::Rollout(_)
            | Fact::Phase(_)
            | Fact::Gate(_)
            | Fact::Customer(_)
            | Fact::Hook(_)
            | Fact::Variables(_)
            | Fact::Recovery(_)
            | Fact::Person(_)
            | Fact::Engine(_) => {}
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

    fn take_deploy(&mut self, event: &Event, fact: &DeployFact) {
        let (way, place) = (DeployDirection::Forward, fact.place());
        let mut version = None;
        let outcome = match fact {
            DeployFact::DeployIntended(_) => return self.begin(event, place, way),
            DeployFact::DeployCreated(_) | DeployFact::DeployAdopted(_) => None,
            DeployFact::DeployLive(live) => {
                let found = live.version.as_ref();
                version = found.and_then(|Nullable(version)| version.clone());
                Some(DeployOutcome::Live)
            }
            DeployFact::DeployFailed(_) => Some(DeployOutcome::Failed),
            DeployFact::DeployCancelled(cancelled) if cancelled.failure => {
                Some(DeployOutcome::Failed)
            }
            DeployFact::DeployCancelled(_) => Some(DeployOutcome::Cancelled),
            DeployFact::DeployAbsent(_) => Some(DeployOutcome::Absent),
            DeployFact::DeployUnknown(_)
            | DeployFact::DeployDuplicate(_)
            | DeployFact::CancelIntended(_) => return,
        };
        self.progress(event, (place, way), outcome, version);
    }

    fn take_rollback(&mut self, event: &Event, fact: &RollbackFact) {
        let (way, place) = (DeployDirection::Back, fact.place());
        let mut version = None;
        let outcome = match fact {
            RollbackFact::RollbackIntended(_) => return self.begin(event, place, way),
            RollbackFact::RollbackCreated(_) | RollbackFact::RollbackAdopted(_) => None,
            RollbackFact::RollbackLive(live) => {
                version.clone_from(&live.version);
                Some(DeployOutcome::Live)
            }
            RollbackFact::RollbackFailed(_) => Some(DeployOutcome::Failed),
            RollbackFact::RollbackAbsent(_) => Some(DeployOutcome::Absent),
            RollbackFact::RollbackUnknown(_) => return,
        };
        self.progress(event, (place, way), outcome, version);
    }

    fn begin(&mut self, event: &Event, place: &ServicePlace, way: DeployDirection) {
        let line = &event.line;
        let Some(key) = key(event, place, way) else {
            return;
        };
        let (rollout, customer, service, way) = key.clone();
        self.newest.insert(key, self.records.len());
        self.records.push(DeployRecord {
            rollout,
            phase: Some(place.phase.clone()),
            customer,
            service,
            way,
            attempt: line.attempt.unwrap_or(1),
            intended_at: event.at,
            live_at: None,
            ended_at: None,
            outcome: DeployOutcome::Open,
            deploy: None,
            commit: line.commit.clone(),
            version: None,
            reason: None,
        });
    }

    fn progress(
        &mut self,
        event: &Event,
        (place, way): (&ServicePlace, DeployDirection),
        outcome: Option<DeployOutcome>,
        version: Option<String>,
    ) {
        let Some(record) = self.record(event, place, way) else {
            return;
        };
        if event.line.deploy.is_some() {
            record.deploy.clone_from(&event.line.deploy);
        }
        if let Some(outcome) = outcome {
            record.end(outcome, event);
        }
        if record.outcome == DeployOutcome::Live {
            record.live_at = Some(event.at);
            record.version = version;
        }
    }

    /// A verdict belongs to the way back once that is live.
    fn judge(&mut self, event: &Event, fact: &HealthFact) {
        let (place, deploy) = (fact.place(), &event.line.deploy);
        let returned = self
            .record(event, place, DeployDirection::Back)
            .is_some_and(|record| record.deploy == *deploy && deploy.is_some());
        let way = if returned {
            DeployDirection::Back
        } else {
            DeployDirection::Forward
        };
        let Some(record) = self.record(event, place, way) else {
            return;
        };
        let outcome = match fact {
            HealthFact::HealthPassed(_) => DeployOutcome::Healthy,
            HealthFact::HealthFailed(_) => DeployOutcome::Unhealthy,
        };
        record.end(outcome, event);
    }

    fn record(
        &mut self,
        event: &Event,
        place: &ServicePlace,
        way: DeployDirection,
    ) -> Option<&mut DeployRecord> {
        let index = *self.newest.get(&key(event, place, way)?)?;
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

fn key(
    event: &Event,
    place: &ServicePlace,
    way: DeployDirection,
) -> Option<(RolloutId, CustomerId, Role, DeployDirection)> {
    Some((
        event.line.rollout?,
        place.customer.clone(),
        place.service.clone(),
        way,
    ))
}
