//! What is stored of one phase, its batches and its gates.

use policy::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::Proof;
use crate::model::state::{Mark, is_default};

/// One phase of a rollout. What stands beside its state is told apart from it on purpose: a phase may settle without having
/// begun, and what people or the clock have done to it outlives the state in which they did.
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

/// One batch that has begun or was passed over: that one settles without a start, and is open without one once a customer of
/// it is tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) settled_at: Option<Timestamp>,
}

stored! {
    /// One gate (R10).
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(crate) GateRow stored as GateJson, |row, stored| {
        held {
            state: GateState = GateState::of(stored.request, stored.rejected, stored.passed_at),
        }
        kept {
            request: Option<GateRequest> = row.state.request(),
        }
        same {
            votes: Vec<Vote>,
            /// Its votes were enough, which counts for as long as they do, also for whoever is tried again once it was passed.
            granted: Option<Granted>,
        }
        kept {
            rejected: Option<Mark> = row.state.rejected(),
            passed_at: Option<Timestamp> = row.state.passed_at(),
        }
        same {}
    }
}

/// Where a gate stands, its votes apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GateState {
    /// It can be voted on, and is asked for once its phase has begun.
    Open { request: Option<GateRequest> },
    /// Somebody has said no.
    Rejected(Mark),
    /// What it covers has begun.
    Passed { at: Timestamp },
}

impl Default for GateState {
    fn default() -> Self {
        Self::Open { request: None }
    }
}

impl GateState {
    fn of(
        request: Option<GateRequest>,
        rejected: Option<Mark>,
        passed_at: Option<Timestamp>,
    ) -> Self {
        match (passed_at, rejected) {
            (Some(at), _) => Self::Passed { at },
            (None, Some(mark)) => Self::Rejected(mark),
            (None, None) => Self::Open { request },
        }
    }

    /// The request that is open.
    pub(crate) fn request(&self) -> Option<&GateRequest> {
        match self {
            Self::Open { request } => request.as_ref(),
            Self::Rejected(_) | Self::Passed { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn request_mut(&mut self) -> Option<&mut GateRequest> {
        match self {
            Self::Open { request } => request.as_mut(),
            Self::Rejected(_) | Self::Passed { .. } => None,
        }
    }

    /// Who rejected it, if somebody did.
    pub(crate) fn rejected(&self) -> Option<&Mark> {
        match self {
            Self::Rejected(mark) => Some(mark),
            Self::Open { .. } | Self::Passed { .. } => None,
        }
    }

    /// When it was passed, if it was.
    pub(crate) fn passed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Passed { at } => Some(*at),
            Self::Open { .. } | Self::Rejected(_) => None,
        }
    }

    /// Whether it was passed: what it covers has begun.
    pub(crate) fn is_passed(&self) -> bool {
        matches!(self, Self::Passed { .. })
    }

    /// Whether somebody has rejected it.
    pub(crate) fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_))
    }
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
pub struct Vote {
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
