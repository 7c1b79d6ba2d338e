//! How the simulated Render behaves where that is configurable or unknown: durations, the overlap policy, limits, assumptions.

use std::collections::BTreeMap;

use policy::Span;
use rollout::Limit;
use serde::{Deserialize, Serialize};

use crate::ids::{ServiceId, Timestamp};

/// Everything about a platform that is not its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From the POST of an ordinary deploy to `live`.
    pub deploy: Span,
    /// From the POST of a rollback to `live`.
    pub rollback: Span,
    /// Services with paces of their own.
    pub paces: BTreeMap<ServiceId, Pace>,
    /// The first status is `created`, and lasts this long; zero: it does not occur.
    pub created_for: Span,
    /// What a second deploy of a service does.
    pub overlap: Overlap,
    /// How long customers' sites take to answer.
    pub latency_ms: u32,
    /// Requests a minute that each web service gets, for the metrics.
    pub traffic_per_minute: u32,
    /// How long a one-off job runs.
    pub job: Span,
    /// From the request of a recovery to an available database.
    pub recovery: Span,
    /// From the request of an export to its URL.
    pub export: Span,
    /// The keys that open the API.
    pub api_keys: Vec<String>,
    /// The plan of the workspace has latency metrics.
    pub professional: bool,
    /// Webhooks may go anywhere; otherwise to loopback addresses only.
    pub public_webhooks: bool,
    /// Requests per class and window.
    pub limits: Limits,
    /// Choices no source decides.
    pub assumptions: Assumptions,
}

/// The API key that a platform accepts unless told otherwise.
pub const DEFAULT_API_KEY: &str = "rnd_simulated";

impl Default for Settings {
    fn default() -> Self {
        Self {
            deploy: Span::from_secs(90),
            rollback: Span::from_secs(30),
            paces: BTreeMap::new(),
            created_for: Span::ZERO,
            overlap: Overlap::Override,
            latency_ms: 5,
            traffic_per_minute: 120,
            job: Span::from_secs(10),
            recovery: Span::from_secs(300),
            export: Span::from_secs(120),
            api_keys: vec![DEFAULT_API_KEY.to_owned()],
            professional: true,
            public_webhooks: false,
            limits: Limits::default(),
            assumptions: Assumptions::default(),
        }
    }
}

/// How long a service's deploys take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// From the POST of an ordinary deploy to `live`; absent: as everywhere.
    pub deploy: Option<Span>,
    /// From the POST of a rollback to `live`; absent: as everywhere.
    pub rollback: Option<Span>,
}

/// What a second deploy of a service does while one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It cancels the running one.
    Override,
    /// It waits, and of several waiting only the newest runs.
    Wait,
}

/// Requests allowed per class; the windows are fixed by Render.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// GETs a minute and key.
    pub reads: u32,
    /// Trigger, PATCH, suspend and resume a minute and service.
    pub service: u32,
    /// Changes of the scale a minute and service.
    pub scale: u32,
    /// Creations an hour and key.
    pub creations: u32,
    /// Jobs an hour and key.
    pub jobs: u32,
    /// Other changes a minute and key.
    pub others: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reads: Limit::Reads.requests(),
            service: Limit::Service.requests(),
            scale: Limit::Service.requests(),
            creations: Limit::Creations.requests(),
            jobs: Limit::Jobs.requests(),
            others: Limit::Changes.requests(),
        }
    }
}

/// What no source says about Render; each can be switched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of unrelated questions"
)]
pub struct Assumptions {
    /// What becomes of a waiting deploy that a newer one replaces.
    pub skipped: Skipped,
    /// A trigger on a suspended service is answered 409; otherwise it is accepted.
    pub conflict_when_suspended: bool,
    /// The answer to a rollback that has to wait.
    pub waiting_rollback: WaitingRollback,
    /// A waiting deploy can be canceled; otherwise 400.
    pub cancel_queued: bool,
    /// The cancel of a finished deploy is answered 200 without effect; otherwise 400.
    pub cancel_finished: bool,
    /// Status of a rollback whose target's artefact is gone.
    pub purged_target: u16,
    /// Artefacts kept per service besides the live one; absent: all.
    pub kept_artefacts: Option<u32>,
    /// What a resume builds.
    pub resume: Resume,
    /// Whether an instant equal to `...After` is part of the answer.
    pub after_inclusive: bool,
    /// Whether an instant equal to `...Before` is part of the answer.
    pub before_inclusive: bool,
    /// Status for services of other workspaces.
    pub foreign_id: u16,
    /// Rollback, cancel and restart count in the bucket of the service; otherwise among the other changes.
    pub rollback_in_service_bucket: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            skipped: Skipped::Canceled,
            conflict_when_suspended: true,
            waiting_rollback: WaitingRollback::Created,
            cancel_queued: true,
            cancel_finished: false,
            purged_target: 400,
            kept_artefacts: None,
            resume: Resume::LastLive,
            after_inclusive: false,
            before_inclusive: true,
            foreign_id: 404,
            rollback_in_service_bucket: false,
        }
    }
}

/// What becomes of a waiting deploy that a newer one replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// It stays in the list as `canceled`.
    Canceled,
    /// It disappears from the list.
    Absent,
}

/// The answer to a rollback that has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingRollback {
    /// 201 with the deploy, `queued`.
    Created,
    /// 202 without a body.
    Accepted,
}

/// What a resumed service builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// What was live.
    LastLive,
    /// The newest commit of its branch.
    BranchHead,
}

impl Assumptions {
    /// Whether `at` lies between the two bounds of a filter.
    pub(crate) fn within(
        &self,
        at: Timestamp,
        after: Option<Timestamp>,
        before: Option<Timestamp>,
    ) -> bool {
        let late_enough =
            after.is_none_or(|after| at > after || (self.after_inclusive && at == after));
        let early_enough =
            before.is_none_or(|before| at < before || (self.before_inclusive && at == before));
        late_enough && early_enough
    }
}

impl Settings {
    /// From POST to `live` for one deploy of a service.
    pub(crate) fn pace(&self, service: &ServiceId, rollback: bool) -> Span {
        let own = self.paces.get(service).copied().unwrap_or_default();
        if rollback {
            own.rollback.unwrap_or(self.rollback)
        } else {
            own.deploy.unwrap_or(self.deploy)
        }
    }
}
