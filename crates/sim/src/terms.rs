//! Render's own terms: where a deploy stands, who began it, what it makes run, and which type a service has.

use serde::{Deserialize, Serialize};

use crate::ids::CommitId;

/// Where a deploy stands. It only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits behind another deploy.
    Queued,
    /// Accepted, not started.
    Created,
    /// The build runs.
    BuildInProgress,
    /// The pre-deploy command runs.
    PreDeployInProgress,
    /// New instances start.
    UpdateInProgress,
    /// Serves traffic.
    Live,
    /// Was live; a later deploy took over.
    Deactivated,
    /// The build failed.
    BuildFailed,
    /// The pre-deploy command failed.
    PreDeployFailed,
    /// The start or the health check failed.
    UpdateFailed,
    /// Ended by somebody.
    Canceled,
}

impl Status {
    /// Whether it has an end: nothing but the move from `live` to `deactivated` follows.
    pub fn is_finished(self) -> bool {
        match self {
            Self::Queued
            | Self::Created
            | Self::BuildInProgress
            | Self::PreDeployInProgress
            | Self::UpdateInProgress => false,
            Self::Live
            | Self::Deactivated
            | Self::BuildFailed
            | Self::PreDeployFailed
            | Self::UpdateFailed
            | Self::Canceled => true,
        }
    }

    /// Whether the deploy was live once.
    pub fn was_live(self) -> bool {
        matches!(self, Self::Live | Self::Deactivated)
    }
}

/// Who or what began a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A request to the API.
    Api,
    /// The dashboard.
    Manual,
    /// A deploy hook.
    DeployHook,
    /// A push, with auto-deploy on.
    NewCommit,
    /// A rollback.
    Rollback,
    /// A change of the service.
    ServiceUpdated,
    /// The end of a suspension.
    ServiceResumed,
    /// A Blueprint.
    BlueprintSync,
    /// Render itself.
    DeployedByRender,
    /// Anything else.
    Other,
}

/// The type of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// Files.
    StaticSite,
    /// A public server.
    WebService,
    /// A server without public address.
    PrivateService,
    /// No server at all.
    BackgroundWorker,
    /// Runs at times.
    CronJob,
}

/// What a deploy makes run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A commit of the linked repository.
    Commit(CommitId),
    /// A container image.
    Image(String),
}

impl Source {
    /// The commit id or image reference as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Commit(commit) => commit.as_str(),
            Self::Image(image) => image,
        }
    }

    /// The commit, if it is one.
    pub fn commit(&self) -> Option<&CommitId> {
        match self {
            Self::Commit(commit) => Some(commit),
            Self::Image(_) => None,
        }
    }
}
