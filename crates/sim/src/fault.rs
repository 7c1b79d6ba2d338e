//! What can go wrong, by whom it is felt, and how often.
//!
//! Faults are armed before they are met. A fault with a number of `times` is used up; one without stays.

mod armed;

use policy::Span;
use serde::{Deserialize, Serialize};

use crate::ids::{CommitId, ServiceId, Timestamp};
use crate::requests::Op;
use crate::terms::{Source, Trigger};

pub(crate) use armed::{Faults, Felt};

/// One fault, as armed in-process or by JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// The service that feels it; absent: every one.
    #[serde(default)]
    pub service: Option<ServiceId>,
    /// How often it is felt; absent: always.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of one service that is always felt.
    pub fn of(service: &ServiceId, kind: FaultKind) -> Self {
        Self {
            service: Some(service.clone()),
            times: None,
            kind,
        }
    }

    /// A fault of every service that is always felt.
    pub fn everywhere(kind: FaultKind) -> Self {
        Self {
            service: None,
            times: None,
            kind,
        }
    }

    /// The same fault, felt a number of times only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// A request or its reply meets trouble on the way.
    Request {
        /// Which requests; absent: any.
        #[serde(default)]
        op: Option<Op>,
        /// What trouble.
        #[serde(flatten)]
        trouble: Trouble,
    },
    /// A deploy asked for through the API takes another course.
    Deploy(DeployFault),
    /// A release misbehaves.
    Health(HealthFault),
    /// Somebody else deploys.
    ForeignDeploy(ForeignDeploy),
    /// Somebody suspends the service, and perhaps resumes it.
    Suspended {
        /// From when.
        from: Timestamp,
        /// Until when; absent: for good.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Nothing arrives there.
    Unreachable(Outage),
    /// One-off jobs end otherwise.
    Job(JobOutcome),
    /// A message to a webhook does not arrive as it should.
    Webhook(WebhookFault),
}

/// What becomes of a request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum Trouble {
    /// It is never sent, and has no effect.
    NeverSent,
    /// It has its effect, and the connection ends without a reply.
    Lost,
    /// The connection is reset before or after the effect.
    Reset {
        /// Whether it has its effect.
        effect: bool,
    },
    /// The client hears nothing; the request has its effect later.
    ArrivesLate {
        /// How much later.
        by: Span,
    },
    /// It has its effect at once; the reply comes later.
    ReplyLate {
        /// How much later.
        by: Span,
    },
    /// It is answered with a status of 500 or above.
    Status {
        /// 500 or 503.
        status: u16,
        /// Whether it has its effect.
        effect: bool,
    },
    /// It is answered 429, without effect.
    RateLimited {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// A deploy or rollback that did start is answered 202 without a body.
    AcceptedWithoutBody,
    /// A deploy or rollback is answered 202 without a body and appears in the list later.
    ListedLate {
        /// How much later.
        by: Span,
    },
    /// The list of deploys leaves out the newest.
    OmitsNewest,
    /// The reply is no JSON.
    Malformed,
    /// The reply is far too long.
    Huge {
        /// How long, in bytes.
        bytes: usize,
    },
}

/// Which deploys take another course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployKind {
    /// Those triggered through the API.
    #[default]
    Deploy,
    /// Rollbacks.
    Rollback,
}

/// How a deploy ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It becomes live.
    Live,
    /// Its build fails.
    BuildFailed,
    /// Its pre-deploy command fails.
    PreDeployFailed,
    /// Its new instances do not start.
    UpdateFailed,
    /// It never ends.
    Stuck,
}

/// Another course for deploys asked for through the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployFault {
    /// Ordinary deploys or rollbacks.
    #[serde(default)]
    pub on: DeployKind,
    /// How they end.
    pub outcome: Outcome,
    /// From their begin to that end; absent: the usual time.
    #[serde(default)]
    pub after: Option<Span>,
    /// Only deploys of this commit.
    #[serde(default)]
    pub commit: Option<CommitId>,
}

/// What visitors notice of a release that misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "symptom", rename_all = "snake_case")]
pub enum Symptom {
    /// Every path answers 500.
    Failing,
    /// The health report says that the database is disconnected.
    Database,
    /// Answers take long.
    Slow {
        /// How long.
        latency_ms: u32,
    },
    /// A share of the answers is 500.
    Flaky {
        /// The share.
        percent: u8,
    },
    /// It reports another version.
    Version {
        /// What it says.
        says: String,
    },
}

/// When a misbehaviour begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Onset {
    /// When the deploy becomes live.
    Live,
    /// At an instant, also if the deploy is live by then.
    At(Timestamp),
}

/// A release that misbehaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFault {
    /// What is noticed.
    #[serde(flatten)]
    pub symptom: Symptom,
    /// The commit that misbehaves; absent: every deploy but rollbacks.
    #[serde(default)]
    pub commit: Option<CommitId>,
    /// Since when.
    pub from: Onset,
    /// Until when; absent: for good.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// A deploy by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignDeploy {
    /// When it is asked for.
    pub at: Timestamp,
    /// Its commit.
    pub commit: CommitId,
    /// Who began it: `manual` or `new_commit`, but any will do.
    pub trigger: Trigger,
    /// From then to `live`; absent: the usual time.
    #[serde(default)]
    pub live_after: Option<Span>,
}

/// Where nothing arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutageScope {
    /// Render's API.
    #[default]
    Api,
    /// Customers' sites.
    Sites,
    /// Both, as when our own network is down.
    Everything,
}

/// A time in which nothing arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// From when.
    pub from: Timestamp,
    /// Until when; absent: for good.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Where.
    #[serde(default)]
    pub reach: OutageScope,
}

/// What becomes of a message to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum WebhookFault {
    /// It is never sent.
    Lost,
    /// It is sent twice.
    Doubled,
    /// It is sent later, and signed then.
    Late {
        /// How much later.
        by: Span,
    },
    /// It is signed with a secret that is not the webhook's.
    Forged,
}

/// How a one-off job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum JobOutcome {
    /// It fails.
    Failed,
    /// It never ends.
    Stuck,
}

impl Outage {
    fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    fn reaches(&self, what: OutageScope) -> bool {
        self.reach == OutageScope::Everything || self.reach == what
    }
}

impl Trouble {
    /// Whether a fault armed for any request concerns this one.
    fn fits(&self, op: Op) -> bool {
        match self {
            Self::AcceptedWithoutBody | Self::ListedLate { .. } => {
                matches!(op, Op::TriggerDeploy | Op::Rollback)
            }
            Self::OmitsNewest => op == Op::ListDeploys,
            Self::ArrivesLate { .. } => !op.is_read(),
            Self::NeverSent
            | Self::Lost
            | Self::Reset { .. }
            | Self::ReplyLate { .. }
            | Self::Status { .. }
            | Self::RateLimited { .. }
            | Self::Malformed
            | Self::Huge { .. } => true,
        }
    }
}

impl HealthFault {
    /// Whether a deploy of this kind misbehaves.
    pub(crate) fn concerns(&self, trigger: Trigger, source: &Source) -> bool {
        match &self.commit {
            Some(commit) => source.as_str() == commit.as_str(),
            None => trigger != Trigger::Rollback,
        }
    }
}
