//! Which kinds of events there are, and their names in the journal.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Every kind of event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the journal.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A rollout began; `data.plan` is frozen.
    RolloutStarted = "rollout_started",
    /// A rollout was accepted and waits for another to end (R14).
    RolloutQueued = "rollout_queued",
    /// R4.
    PhaseStarted = "phase_started",
    /// All its customers have settled and its soak is over.
    PhaseSettled = "phase_settled",
    /// The watched wait after the last batch.
    SoakStarted = "soak_started",
    /// Its first customer started.
    BatchStarted = "batch_started",
    /// Its last customer settled.
    BatchSettled = "batch_settled",
    /// R3.
    DelayStarted = "delay_started",
    /// R10.
    ApprovalRequested = "approval_requested",
    /// One vote; with `until` when it completed the quorum.
    Approved = "approved",
    /// R10.
    Rejected = "rejected",
    /// A vote was taken back.
    Withdrawn = "withdrawn",
    /// A complete approval was not used in time, or was bound to another digest.
    ApprovalLapsed = "approval_lapsed",
    /// An unanswered request.
    ApprovalEscalated = "approval_escalated",
    /// What the gate covers began.
    GatePassed = "gate_passed",
    /// The begin that R7, R9, R10 and R13 mean.
    CustomerStarted = "customer_started",
    /// All its services are healthy.
    CustomerHealthy = "customer_healthy",
    /// Failed before anything was live; the old version serves.
    CustomerUnchanged = "customer_unchanged",
    /// Returned to what was live before.
    CustomerRolledBack = "customer_rolled_back",
    /// The rollback failed: a person must look.
    CustomerRollbackFailed = "customer_rollback_failed",
    /// Left out by a rejection.
    CustomerExcluded = "customer_excluded",
    /// Left out by a person, or at its turn because it cannot be deployed.
    CustomerSkipped = "customer_skipped",
    /// A person must decide.
    CustomerHeld = "customer_held",
    /// Render gives no usable answer about it: it waits, and is asked again (R11).
    CustomerWaits = "customer_waits",
    /// Render has given no usable answer about it for as long as a deploy may take: an alarm only, it is asked on (R11).
    CustomerStalled = "customer_stalled",
    /// A person decided.
    CustomerReleased = "customer_released",
    /// Its date is put off.
    CustomerDeferred = "customer_deferred",
    /// Skipped in mid-work: what is not live is tidied up first.
    CustomerWithdrawn = "customer_withdrawn",
    /// A person, or a halt that reaches further, wants the customer back on what ran before.
    RollbackRequested = "rollback_requested",
    /// P27.
    VariablesBackedUp = "variables_backed_up",
    /// The planned keys have their values.
    VariablesSet = "variables_set",
    /// The old values are back.
    VariablesRestored = "variables_restored",
    /// R16: durable before the request.
    DeployIntended = "deploy_intended",
    /// 201.
    DeployCreated = "deploy_created",
    /// Found by the look-up.
    DeployAdopted = "deploy_adopted",
    /// The request may or may not have taken effect.
    DeployUnknown = "deploy_unknown",
    /// Proved absent, or never sent.
    DeployAbsent = "deploy_absent",
    /// Serves traffic.
    DeployLive = "deploy_live",
    /// The old version serves.
    DeployFailed = "deploy_failed",
    /// Cancelled, by us (`data.ours`) or by somebody else.
    DeployCancelled = "deploy_cancelled",
    /// A service passed.
    HealthPassed = "health_passed",
    /// A service failed; `data.cycles` decided.
    HealthFailed = "health_failed",
    /// As `deploy_intended`.
    RollbackIntended = "rollback_intended",
    /// 201.
    RollbackCreated = "rollback_created",
    /// Found by the look-up.
    RollbackAdopted = "rollback_adopted",
    /// The old version serves again.
    RollbackLive = "rollback_live",
    /// R11: never a second automatic one.
    RollbackFailed = "rollback_failed",
    /// R13.
    Paused = "paused",
    /// R13.
    Resumed = "resumed",
    /// R13.
    Promoted = "promoted",
    /// R13.
    Retried = "retried",
    /// A batch or phase was skipped by a person; its customers have events of their own.
    Skipped = "skipped",
    /// R9.
    Frozen = "frozen",
    /// R9.
    Unfrozen = "unfrozen",
    /// R9: one voice, or (with `data.complete`) both.
    FreezeOverridden = "freeze_overridden",
    /// A version was blocked.
    Blocked = "blocked",
    /// A version was unblocked.
    Unblocked = "unblocked",
    /// R6.
    Replanned = "replanned",
    /// A process began to drive.
    EngineStarted = "engine_started",
    /// P25.
    ClockSuspected = "clock_suspected",
    /// P25.
    ClockTrusted = "clock_trusted",
    /// A copy of the database was put in place: its open rollouts are on hold (P40).
    Restored = "restored",
    /// Deploys of the release that this journal did not ask for: another engine or an older state is at work, and everything
    /// open is held until a person says `resume --moved` (R16); `data.customers`.
    RolloutsHeld = "rollouts_held",
    /// P46.
    WorkspaceHeld = "workspace_held",
    /// P46.
    WorkspaceReleased = "workspace_released",
    /// `due` has passed.
    PhaseOverdue = "phase_overdue",
    /// P7.
    VariablesIntended = "variables_intended",
    /// P7.
    RestoreIntended = "restore_intended",
    /// P7.
    CancelIntended = "cancel_intended",
    /// P7, P32.
    AutoDeployIntended = "auto_deploy_intended",
    /// P32.
    AutoDeployDisabled = "auto_deploy_disabled",
    /// P32.
    AutoDeployRestored = "auto_deploy_restored",
    /// More than one deploy of ours was found.
    DeployDuplicate = "deploy_duplicate",
    /// A hook is about to run.
    HookStarted = "hook_started",
    /// A hook ended.
    HookFinished = "hook_finished",
    /// As `deploy_unknown`.
    RollbackUnknown = "rollback_unknown",
    /// As `deploy_absent`.
    RollbackAbsent = "rollback_absent",
    /// As `deploy_intended`, for a new database with the data of `data.to`.
    RecoveryIntended = "recovery_intended",
    /// `data.database` is the new one.
    RecoveryCreated = "recovery_created",
    /// As `deploy_unknown`.
    RecoveryUnknown = "recovery_unknown",
    /// As `deploy_absent`.
    RecoveryAbsent = "recovery_absent",
    /// The new database can be used.
    RecoveryLive = "recovery_live",
    /// The new database never came; nothing was switched.
    RecoveryFailed = "recovery_failed",
    /// The variables of every service name the new database `data.to` instead of `data.from`.
    DatabaseSwitched = "database_switched",
    /// Nothing new starts; `data.to` is what follows.
    RolloutDraining = "rollout_draining",
    /// All phases have settled; `data.outcome`.
    RolloutSucceeded = "rollout_succeeded",
    /// Rests until a person acts.
    RolloutHalted = "rollout_halted",
    /// Ended by a person.
    RolloutAborted = "rollout_aborted",
    /// Another took its place.
    RolloutSuperseded = "rollout_superseded",
    /// A halt was lifted.
    RolloutResumed = "rollout_resumed",
    /// The project's files were read again.
    FilesRead = "files_read",
    /// People, groups or roles are others now: `data.whom` says what became of each person.
    PeopleChanged = "people_changed",
    /// An operation outside any rollout began.
    OperationStarted = "operation_started",
    /// It ended; `data.outcome`.
    OperationEnded = "operation_ended",
    /// An operation set the variables of a version and deployed nothing (T9): `data.version`.
    VariablesApplied = "variables_applied",
    /// Somebody had values of variables shown in full; `data.keys`.
    VariablesRevealed = "variables_revealed",
    /// A token was made for somebody (P49).
    TokenCreated = "token_created",
    /// A token was revoked (P49).
    TokenRevoked = "token_revoked",
    /// A figure from outside: `data.name`, `data.value`, and `data.at`, the instant it is of.
    Observed = "observed",
    /// A request was refused; folds to nothing.
    Denied = "denied",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Kind {
    /// Whether it says what is sent next: only where somebody sends it may it be written (P7).
    pub(crate) fn is_intent(self) -> bool {
        matches!(
            self,
            Self::HookStarted
                | Self::VariablesIntended
                | Self::RestoreIntended
                | Self::AutoDeployIntended
                | Self::DeployIntended
                | Self::CancelIntended
                | Self::RollbackIntended
                | Self::RecoveryIntended
        )
    }
}
