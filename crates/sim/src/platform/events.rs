//! What happened to a service, as Render tells it.

use serde::{Deserialize, Serialize};

use super::Platform;
use crate::ids::{CommitId, DeployId, EventId, ServiceId, Timestamp};
use crate::requests::ApiError;
use crate::terms::{Status, Trigger};

/// One event of a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A deploy began to run.
    DeployStarted {
        /// The deploy.
        deploy: DeployId,
        /// Who began it.
        trigger: Trigger,
        /// Its commit.
        commit: Option<CommitId>,
        /// What a rollback returns to.
        target: Option<DeployId>,
        /// It is the first of its service.
        first: bool,
        /// The build cache was cleared.
        clear_cache: bool,
    },
    /// A deploy ended.
    DeployEnded {
        /// The deploy.
        deploy: DeployId,
        /// How.
        ended: Ended,
        /// Why, where it did not succeed.
        reason: Option<EndReason>,
    },
    /// A build began.
    BuildStarted {
        /// Its deploy.
        deploy: DeployId,
    },
    /// A build ended.
    BuildEnded {
        /// Its deploy.
        deploy: DeployId,
        /// How.
        ended: Ended,
    },
    /// A pre-deploy command began.
    PreDeployStarted {
        /// Its deploy.
        deploy: DeployId,
    },
    /// A pre-deploy command ended.
    PreDeployEnded {
        /// Its deploy.
        deploy: DeployId,
        /// How.
        ended: Ended,
    },
    /// The service was suspended.
    ServiceSuspended,
    /// The service was resumed.
    ServiceResumed,
    /// The service was restarted.
    ServerRestarted,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Well.
    Succeeded,
    /// Not well.
    Failed,
    /// Somebody ended it.
    Canceled,
}

/// Why a deploy did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its build failed.
    BuildFailed,
    /// A command ended with an error, or instances stayed unhealthy.
    Failure,
    /// A newer deploy pushed it out.
    NewDeploy(DeployId),
}

impl Ended {
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::BuildFailed | Status::PreDeployFailed | Status::UpdateFailed => Self::Failed,
            Status::Canceled => Self::Canceled,
            Status::Queued
            | Status::Created
            | Status::BuildInProgress
            | Status::PreDeployInProgress
            | Status::UpdateInProgress
            | Status::Live
            | Status::Deactivated => Self::Succeeded,
        }
    }
}

impl EndReason {
    pub(super) fn of(status: Status, newer: Option<&DeployId>) -> Option<Self> {
        match (Ended::of(status), newer) {
            (Ended::Failed, _) if status == Status::BuildFailed => Some(Self::BuildFailed),
            (Ended::Failed, _) => Some(Self::Failure),
            (Ended::Canceled, newer) => newer.cloned().map(Self::NewDeploy),
            (Ended::Succeeded, _) => None,
        }
    }
}

/// A part of a deploy that has events of its own.
enum Part {
    Build,
    PreDeploy,
}

impl Part {
    fn of(status: Status) -> Option<Self> {
        match status {
            Status::BuildInProgress => Some(Self::Build),
            Status::PreDeployInProgress => Some(Self::PreDeploy),
            Status::Queued
            | Status::Created
            | Status::UpdateInProgress
            | Status::Live
            | Status::Deactivated
            | Status::BuildFailed
            | Status::PreDeployFailed
            | Status::UpdateFailed
            | Status::Canceled => None,
        }
    }
}

impl EventKind {
    /// What a change of status ends and begins, besides the deploy itself.
    pub(super) fn of_move(deploy: &DeployId, before: Status, after: Status) -> Vec<Self> {
        let deploy = || deploy.clone();
        let ended = Ended::of(after);
        let left = Part::of(before).map(|part| match part {
            Part::Build => Self::BuildEnded {
                deploy: deploy(),
                ended,
            },
            Part::PreDeploy => Self::PreDeployEnded {
                deploy: deploy(),
                ended,
            },
        });
        let entered = Part::of(after).map(|part| match part {
            Part::Build => Self::BuildStarted { deploy: deploy() },
            Part::PreDeploy => Self::PreDeployStarted { deploy: deploy() },
        });
        left.into_iter().chain(entered).collect()
    }

    /// The name Render gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DeployStarted { .. } => "deploy_started",
            Self::DeployEnded { .. } => "deploy_ended",
            Self::BuildStarted { .. } => "build_started",
            Self::BuildEnded { .. } => "build_ended",
            Self::PreDeployStarted { .. } => "pre_deploy_started",
            Self::PreDeployEnded { .. } => "pre_deploy_ended",
            Self::ServiceSuspended => "service_suspended",
            Self::ServiceResumed => "service_resumed",
            Self::ServerRestarted => "server_restarted",
        }
    }
}

impl Platform {
    /// Notes an event of a service.
    pub(super) fn tell(&mut self, at: Timestamp, service: &ServiceId, kind: EventKind) {
        let Some(found) = self.services.get_mut(service) else {
            return;
        };
        let id = EventId::new(self.ids.next("evt", at));
        let event = Event { id, at, kind };
        let announced = (!self.webhooks.is_empty()).then(|| event.clone());
        found.events.push(event);
        if let Some(event) = announced {
            self.announce(service, &event);
        }
    }

    /// The events of a service, newest first.
    pub fn events(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
    ) -> Result<impl Iterator<Item = &Event>, ApiError> {
        self.advance(now);
        Ok(self.service(service)?.events.iter().rev())
    }

    /// One event and its service.
    pub fn event(
        &mut self,
        now: Timestamp,
        id: &EventId,
    ) -> Result<(&ServiceId, &Event), ApiError> {
        self.advance(now);
        self.services
            .values()
            .flat_map(|service| service.events.iter().map(|event| (&service.id, event)))
            .find(|(_, event)| event.id == *id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }
}
