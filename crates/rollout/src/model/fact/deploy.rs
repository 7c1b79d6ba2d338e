//! Facts about a deploy to the release (R16).

use policy::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::fact::place::ServicePlace;
use crate::model::fact::written::Nullable;
use crate::model::ids::DeployId;
use crate::model::state::Baseline;

/// How a deploy failed: Render's status of it, or the HTTP status with which Render refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FailedStatus {
    /// The request was refused.
    Refused(u16),
    /// It ended.
    Ended(FailedDeploy),
}

/// How a deploy ended that did not go live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedDeploy {
    /// Not built.
    BuildFailed,
    /// Stopped by the command before it.
    PreDeployFailed,
    /// Not taken over.
    UpdateFailed,
    /// Its service was deleted.
    Gone,
}

impl FailedDeploy {
    /// Its word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuildFailed => "build_failed",
            Self::PreDeployFailed => "pre_deploy_failed",
            Self::UpdateFailed => "update_failed",
            Self::Gone => "gone",
        }
    }
}

written!(json!({ "anyOf": [
    { "enum": ["build_failed", "pre_deploy_failed", "update_failed", "gone"] },
    { "type": "integer" },
] }) => FailedStatus);

payloads! {
    /// Facts about a deploy to the release (R16).
    enum DeployFact in Fact::Deploy at ServicePlace;

    /// Decided and stored; the request leaves after that (P7).
    DeployIntended(ServicePlace) {
        /// the attempt, from 1
        attempt: u32,
        /// the commit of the release
        commit: String,
    } data {
        /// the newest deploys then: none of them is ours
        always known: Vec<DeployId>,
        /// what has gone live since the start, and is what a rollback returns to now (R19)
        maybe baseline: Option<Baseline>,
    }

    /// Render answered with its id.
    DeployCreated(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
        /// until when it has to end
        until: Timestamp,
    } data {}

    /// Found at Render (R16).
    DeployAdopted(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
        /// why, of one that was there before
        reason: Option<String>,
        /// until when it has to end
        until: Timestamp,
    } data {
        /// it was there before this rollout asked for any (R16)
        unless_default found: bool,
    }

    /// The answer is missing: the request may or may not have taken effect (R16).
    DeployUnknown(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// what came instead of an answer
        reason: String,
        /// from when on its absence is a proof
        until: Timestamp,
    } data {
        /// Render has accepted it, behind another deploy
        unless_default queued: bool,
    }

    /// Proved absent, or never sent.
    DeployAbsent(ServicePlace) {
        /// the attempt
        attempt: Option<u32>,
        /// how that is known
        reason: String,
    } data {}

    /// More than one deploy of ours was found: an alarm.
    DeployDuplicate(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
    } data {}

    /// A deploy that is under way is to be cancelled (P7).
    CancelIntended(ServicePlace) {
        /// the attempt, of one that took too long
        attempt: Option<u32>,
        /// Render's id
        deploy: DeployId,
        /// why, of one that took too long
        reason: Option<String>,
    } data {}

    /// Serves traffic.
    DeployLive(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
    } data {
        /// the version it has to answer with, null if none is asked; absent if another commit is live than was asked for
        told version: Option<Nullable<String>>,
        /// another deploy has taken its place already
        unless_default replaced: bool,
    }

    /// It failed; the old version serves.
    DeployFailed(ServicePlace) {
        /// the attempt
        attempt: Option<u32>,
        /// Render's id, if it has one
        deploy: Option<DeployId>,
        /// the commit, if Render names it
        commit: Option<String>,
        /// why
        reason: String,
    } data {
        /// how it ended (`gone`: the service was deleted), or the HTTP status with which it was refused
        maybe status: Option<FailedStatus>,
        /// it counts as a failure of the customer
        unless_default failure: bool,
    }

    /// Cancelled, by us or by somebody else.
    DeployCancelled(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
        /// why, of our own doing
        reason: Option<String>,
    } data {
        /// by us
        always ours: bool,
        /// it counts as a failure of the customer
        unless_default failure: bool,
    }
}
