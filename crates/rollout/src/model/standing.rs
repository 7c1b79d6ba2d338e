//! In which word does a rollout, phase, batch, customer or gate stand? The views say it, in JSON and to people alike.

use crate::model::state::{CustomerStatus, Outcome};

words! {
    /// How a rollout or operation stands: what it does now, or its outcome.
    RolloutStanding {
        /// It waits to begin.
        Queued = "queued",
        /// It goes on.
        Running = "running",
        /// A person has stopped new starts.
        Paused = "paused",
        /// It lets what is in flight end, and rests then.
        Halting = "halting",
        /// It rests after failures.
        Halted = "halted",
        /// It lets what is in flight end, on a person's word.
        Aborting = "aborting",
        /// It lets what is in flight end, and makes way.
        BeingSuperseded = "being superseded",
        /// [`Outcome::Succeeded`]
        Succeeded = "succeeded",
        /// [`Outcome::SucceededWithFailures`]
        SucceededWithFailures = "succeeded_with_failures",
        /// [`Outcome::SucceededWithExclusions`]
        SucceededWithExclusions = "succeeded_with_exclusions",
        /// [`Outcome::Aborted`]
        Aborted = "aborted",
        /// [`Outcome::Superseded`]
        Superseded = "superseded",
        /// [`Outcome::Done`]
        Done = "done",
        /// [`Outcome::Failed`]
        Failed = "failed",
    }

    /// How a phase stands.
    PhaseStanding {
        /// It has not begun.
        Waiting = "waiting",
        /// It has begun, and batches are left.
        Running = "running",
        /// Its batches are over, and it is watched.
        Soaking = "soaking",
        /// It is over.
        Settled = "settled",
        /// The rollout was over before it had settled.
        Ended = "ended",
    }

    /// How a batch stands.
    BatchStanding {
        /// It has not begun.
        Waiting = "waiting",
        /// It has begun.
        Running = "running",
        /// It is over.
        Settled = "settled",
    }

    /// How a customer stands.
    CustomerStanding {
        /// Its turn has not come.
        Waiting = "waiting",
        /// On the way to the release.
        UnderWay = "under way",
        /// On the release, and well.
        Healthy = "healthy",
        /// On the way back.
        RollingBack = "rolling back",
        /// Skipped in mid-work, and tidied up.
        BeingWithdrawn = "being withdrawn",
        /// A person must decide.
        Held = "held",
        /// Failed before anything was live.
        Unchanged = "unchanged",
        /// Back on what ran before.
        RolledBack = "rolled back",
        /// A person must look.
        RollbackFailed = "rollback failed",
        /// Its variables stand, and nothing was deployed.
        Prepared = "prepared",
        /// Left out by a rejection.
        Excluded = "excluded",
        /// Left out by a person.
        Skipped = "skipped",
    }

    /// How a gate stands.
    GateStanding {
        /// Its phase has not begun.
        NotAskedYet = "not asked yet",
        /// People are asked.
        Asked = "asked",
        /// Its votes are enough.
        Approved = "approved",
        /// What it covers has begun.
        Passed = "passed",
        /// Somebody has said no.
        Rejected = "rejected",
        /// Nobody waits for it.
        Over = "over",
    }
}

impl RolloutStanding {
    /// The words of two halves are joined by `_` in an outcome, for JSON; people read them apart.
    pub fn for_people(self) -> String {
        self.as_str().replace('_', " ")
    }
}

impl From<Outcome> for RolloutStanding {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Succeeded => Self::Succeeded,
            Outcome::SucceededWithFailures => Self::SucceededWithFailures,
            Outcome::SucceededWithExclusions => Self::SucceededWithExclusions,
            Outcome::Aborted => Self::Aborted,
            Outcome::Superseded => Self::Superseded,
            Outcome::Halted => Self::Halted,
            Outcome::Done => Self::Done,
            Outcome::Failed => Self::Failed,
        }
    }
}

impl CustomerStanding {
    /// Whether nothing more happens to it by itself, nor by a person's word that is awaited.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Healthy
            | Self::Unchanged
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Prepared
            | Self::Excluded
            | Self::Skipped => true,
            Self::Waiting
            | Self::UnderWay
            | Self::RollingBack
            | Self::BeingWithdrawn
            | Self::Held => false,
        }
    }

    /// Whether it has begun and not settled.
    pub fn is_in_hand(self) -> bool {
        !self.is_settled() && self != Self::Waiting
    }
}

impl From<&CustomerStatus> for CustomerStanding {
    fn from(state: &CustomerStatus) -> Self {
        match state {
            CustomerStatus::Waiting => Self::Waiting,
            CustomerStatus::Forward => Self::UnderWay,
            CustomerStatus::Healthy(_) => Self::Healthy,
            CustomerStatus::Backward => Self::RollingBack,
            CustomerStatus::Withdrawing => Self::BeingWithdrawn,
            CustomerStatus::Held { .. } => Self::Held,
            CustomerStatus::Unchanged => Self::Unchanged,
            CustomerStatus::RolledBack => Self::RolledBack,
            CustomerStatus::RollbackFailed => Self::RollbackFailed,
            CustomerStatus::Applied => Self::Prepared,
            CustomerStatus::Excluded => Self::Excluded,
            CustomerStatus::Skipped => Self::Skipped,
        }
    }
}
