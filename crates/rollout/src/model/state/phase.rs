//! What is stored of one phase, its batches and its gates.

use policy::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::Proof;
use crate::model::state::{Mark, is_default};

/// One phase of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PhaseRow {
    pub(crate) state: PhaseState,
    pub(crate) started_at: Option<Timestamp>,
    /// Batches that have begun or were passed over; the next one is this plus one.
    pub(crate) batches_begun: u32,
    /// The running delay.
    pub(crate) delay: Option<Delay>,
    /// Failures that count (R12).
    pub(crate) failures: u32,
    /// `--full`: no delay, soak or `not_before` any more.
    pub(crate) promoted: bool,
    pub(crate) overdue: bool,
}

/// Where a phase stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PhaseState {
    #[default]
    Waiting,
    Running,
    Soaking {
        since: Timestamp,
        until: Timestamp,
    },
    Settled {
        at: Timestamp,
    },
}

impl PhaseState {
    /// Whether all batches are over: only the soak may be left.
    pub(crate) fn is_through(&self) -> bool {
        matches!(self, Self::Soaking { .. } | Self::Settled { .. })
    }
}

/// A delay between batches: real elapsed time from its origin (R3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delay {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// One batch that has begun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) settled_at: Option<Timestamp>,
}

/// One gate (R10).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateRow {
    pub(crate) request: Option<GateRequest>,
    pub(crate) votes: Vec<Vote>,
    pub(crate) granted: Option<Granted>,
    pub(crate) rejected: Option<Mark>,
    pub(crate) passed_at: Option<Timestamp>,
}

/// An open request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateRequest {
    pub(crate) since: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) escalated: bool,
}

/// One person's vote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub(crate) person: PersonId,
    pub(crate) at: Timestamp,
    pub(crate) digest: String,
    pub(crate) reason: Option<String>,
    /// What proved it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) proof: Option<Proof>,
}

/// A complete quorum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}
