//! What is stored of one rollout or operation, and where it stands.

use std::collections::{BTreeMap, BTreeSet};

use policy::plan::History;
use policy::{PersonId, PlanInput, PlanScope, Release, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::freeze::Lift;
use crate::model::state::Mark;
use crate::model::{actor::Proof, verb::Conflict};

stored! {
    /// One rollout or operation.
    #[derive(Clone, Debug, PartialEq)]
    pub(crate) RolloutRow stored as RolloutJson, |row, stored| {
        held {
            state: RolloutState = RolloutState::of(stored.state, stored.queued)?,
        }
        kept {}
        same {
            starter: PersonId,
            requested_at: Timestamp,
            /// When it began, whatever has become of it since; absent as long as its state says what was asked for.
            started_at: Option<Timestamp>,
            version: String,
            commit: String,
        }
        kept {
            state: StateJson = StateJson::of(&row.state),
        }
        same {
            /// A person has paused it, which counts while it runs and is kept while it drains or rests.
            paused: Option<Mark>,
            /// It was open when another engine or a copy of the database was found: it rests until a person says `resume --moved`
            /// (P40).
            #[serde(default, rename = "restored", skip_serializing_if = "is_default")]
            held_as_moved: bool,
            /// A person has let it go on since: this database is the one that counts, and whatever runs the release is taken over.
            #[serde(default, skip_serializing_if = "is_default")]
            takes_over: bool,
            /// Batches that are rolled back while it drains (R12), latest first. The row of one that has ended keeps it.
            sweep: Option<Sweep>,
            /// Voices of a release that stored a freeze's name alone with them: they lift nothing by it ([`Rollout::recalled`](crate::fold::index::Rollout)).
            overrides: BTreeMap<String, BTreeSet<PersonId>>,
            /// Freezes that people lifted for this rollout, or half so.
            #[serde(default, skip_serializing_if = "is_default")]
            lifts: Vec<Lift>,
            /// With which accounts and tokens people have acted here, by the name they gave.
            #[serde(default, skip_serializing_if = "is_default")]
            hands: BTreeMap<PersonId, BTreeSet<Proof>>,
            /// What the person narrowed it to; a replan keeps it.
            scope: PlanScope,
            clear_cache: bool,
            deploy_timeout_ms: Option<i64>,
            /// What an operation does; absent: a rollout, or an operation of an older release.
            #[serde(default, skip_serializing_if = "is_default")]
            operation: Option<Operation>,
            /// What the rollouts brought or were to replace whose place it takes: whoever runs that is exposed (R14).
            #[serde(default, skip_serializing_if = "is_default")]
            replaces: Vec<Release>,
            /// How its commit stands to what ran when it was asked for; a replan keeps it.
            #[serde(default, skip_serializing_if = "is_default")]
            history: History,
        }
        kept {
            queued: Option<Box<Queued>> = row.state.asked(),
        }
        same {}
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Returns a customer.
    Rollback,
    /// Deploys single services.
    Deploy,
    /// Sets variables and deploys nothing.
    Variables,
}

/// What a queued rollout keeps until it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) input: PlanInput,
    pub(crate) conflict: Conflict,
}

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RolloutState {
    /// It waits to begin (R14).
    Queued(Box<Queued>),
    Running,
    Draining {
        to: DrainTo,
        since: Timestamp,
        /// What was asked for, of one that has not begun.
        unbegun: Option<Box<Queued>>,
    },
    Halted {
        since: Timestamp,
        reason: String,
    },
    Ended {
        at: Timestamp,
        outcome: Outcome,
        /// What was asked for, of one that never began.
        unbegun: Option<Box<Queued>>,
    },
}

/// The same as it is stored: what was asked for stands beside it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateJson {
    Queued,
    Running,
    Draining { to: DrainTo, since: Timestamp },
    Halted { since: Timestamp, reason: String },
    Ended { at: Timestamp, outcome: Outcome },
}

impl StateJson {
    fn of(state: &RolloutState) -> Self {
        match state {
            RolloutState::Queued(_) => Self::Queued,
            RolloutState::Running => Self::Running,
            RolloutState::Draining { to, since, .. } => Self::Draining {
                to: *to,
                since: *since,
            },
            RolloutState::Halted { since, reason } => Self::Halted {
                since: *since,
                reason: reason.clone(),
            },
            RolloutState::Ended { at, outcome, .. } => Self::Ended {
                at: *at,
                outcome: *outcome,
            },
        }
    }
}

impl RolloutState {
    fn of(state: StateJson, unbegun: Option<Box<Queued>>) -> Result<Self, String> {
        Ok(match state {
            StateJson::Queued => match unbegun {
                Some(asked) => Self::Queued(asked),
                None => return Err("it is queued, and nothing was asked for".to_owned()),
            },
            StateJson::Running => Self::Running,
            StateJson::Draining { to, since } => Self::Draining { to, since, unbegun },
            StateJson::Halted { since, reason } => Self::Halted { since, reason },
            StateJson::Ended { at, outcome } => Self::Ended {
                at,
                outcome,
                unbegun,
            },
        })
    }

    /// What was asked for, of one that has not begun.
    pub(crate) fn asked(&self) -> Option<&Queued> {
        match self {
            Self::Queued(asked) => Some(asked),
            Self::Draining { unbegun, .. } | Self::Ended { unbegun, .. } => unbegun.as_deref(),
            Self::Running | Self::Halted { .. } => None,
        }
    }

    fn into_asked(self) -> Option<Box<Queued>> {
        match self {
            Self::Queued(asked) => Some(asked),
            Self::Draining { unbegun, .. } | Self::Ended { unbegun, .. } => unbegun,
            Self::Running | Self::Halted { .. } => None,
        }
    }

    /// Drains from now on.
    pub(crate) fn drain(&mut self, to: DrainTo, since: Timestamp) {
        let unbegun = std::mem::replace(self, Self::Running).into_asked();
        *self = Self::Draining { to, since, unbegun };
    }

    /// Ends.
    pub(crate) fn end(&mut self, at: Timestamp, outcome: Outcome) {
        let unbegun = std::mem::replace(self, Self::Running).into_asked();
        *self = Self::Ended {
            at,
            outcome,
            unbegun,
        };
    }
}

/// What follows when nothing is in flight any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainTo {
    /// Rests.
    Halted,
    /// Ended by a person.
    Aborted,
    /// Replaced by another.
    Superseded,
}

/// The end states of R12, and the one in which a rollout rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every planned customer runs the release.
    Succeeded,
    /// A planned customer ended failed, or failed and was then skipped.
    SucceededWithFailures,
    /// One was rejected or skipped.
    SucceededWithExclusions,
    /// A person ended it.
    Aborted,
    /// Another took its place.
    Superseded,
    /// It stopped itself after failures, and rests until `retry`, `skip`, or its end.
    Halted,
    /// An operation that did what it should.
    Done,
    /// An operation that did not.
    Failed,
}

impl Outcome {
    /// Its word in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::SucceededWithFailures => "succeeded_with_failures",
            Self::SucceededWithExclusions => "succeeded_with_exclusions",
            Self::Aborted => "aborted",
            Self::Superseded => "superseded",
            Self::Halted => "halted",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Which healthy customers are rolled back too (R12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    pub(crate) scope: SweepScope,
    pub(crate) reason: String,
    pub(crate) by: Option<PersonId>,
}

/// How far a sweep reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SweepScope {
    Batch { phase: usize, batch: u32 },
    Phase { phase: usize },
    All,
}
