//! Facts with types: what each kind of event always says, what it may say, and how that stands in a [`Line`].
//!
//! A family of kinds a file. A field that has been written by every release is no `Option`; one that came later is, or has
//! the default that folds as before (P36). What does not parse is damage: no release wrote it.

use crate::model::event::{Kind, Line};

#[macro_use]
mod payload;
#[macro_use]
mod written;
mod engine;
mod gate;
mod person;
mod phase;
mod place;
mod rollout;

pub use self::engine::*;
pub use self::gate::*;
pub use self::payload::{Field, Payload, Presence, Unreadable};
pub use self::person::*;
pub use self::phase::*;
pub use self::place::{BatchPlace, CustomerPlace, GatePlace, PhasePlace, ServicePlace};
pub use self::rollout::*;
pub use self::written::{Millis, Nullable, Written};

/// Declares what the families are, and which kinds each has: together all there are.
macro_rules! families {
    (
        untyped { $($untyped:ident),+ $(,)? }
        $($(#[$doc:meta])* $variant:ident($family:ident) { $($name:ident),+ $(,)? })*
    ) => {
        /// What happened: one family of kinds a variant.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact {
            $($(#[$doc])* $variant($family),)*
        }

        impl Fact {
            /// Which kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$variant(fact) => fact.kind(),)*
                }
            }

            /// The line that says it.
            pub fn line(&self) -> Line {
                match self {
                    $(Self::$variant(fact) => fact.line(),)*
                }
            }

            /// What a line says; nothing, of a kind that has no type yet.
            ///
            /// # Errors
            /// A field that every release has written is missing, or one cannot be read.
            pub fn read(line: &Line) -> Result<Option<Self>, Unreadable> {
                Ok(Some(match line.kind {
                    $($(Kind::$name => Self::$variant($family::$name(Payload::read(line)?)),)+)*
                    $(Kind::$untyped)|+ => return Ok(None),
                }))
            }

            /// What a kind says, in the order of declaration; nothing, of a kind that has no type yet.
            pub fn fields(kind: Kind) -> Option<Vec<Field>> {
                match kind {
                    $($(Kind::$name => Some(<$name as Payload>::fields()),)+)*
                    $(Kind::$untyped)|+ => None,
                }
            }
        }
    };
}

families! {
    untyped {
        CustomerStarted, CustomerHealthy, CustomerUnchanged, CustomerRolledBack, CustomerRollbackFailed,
        CustomerExcluded, CustomerSkipped, CustomerHeld, CustomerWaits, CustomerStalled, CustomerReleased,
        CustomerWithdrawn, RollbackRequested, VariablesBackedUp, VariablesSet, VariablesRestored,
        DeployIntended, DeployCreated, DeployAdopted, DeployUnknown, DeployAbsent, DeployLive, DeployFailed,
        DeployCancelled, HealthPassed, HealthFailed, RollbackIntended, RollbackCreated, RollbackAdopted,
        RollbackLive, RollbackFailed, Retried, VariablesIntended, RestoreIntended, CancelIntended,
        AutoDeployIntended, AutoDeployDisabled, AutoDeployRestored, DeployDuplicate, HookStarted,
        HookFinished, RollbackUnknown, RollbackAbsent, RecoveryIntended, RecoveryCreated, RecoveryUnknown,
        RecoveryAbsent, RecoveryLive, RecoveryFailed, DatabaseSwitched, VariablesApplied,
    }
    /// About a whole rollout or operation.
    Rollout(RolloutFact) {
        RolloutQueued, RolloutStarted, Replanned, RolloutDraining, RolloutHalted, RolloutResumed,
        RolloutSucceeded, RolloutAborted, RolloutSuperseded, OperationStarted, OperationEnded,
    }
    /// About a phase or batch.
    Phase(PhaseFact) {
        PhaseStarted, PhaseSettled, SoakStarted, PhaseOverdue, BatchStarted, BatchSettled, DelayStarted,
        Promoted, Skipped,
    }
    /// About a gate.
    Gate(GateFact) {
        ApprovalRequested, Approved, Rejected, Withdrawn, ApprovalLapsed, ApprovalEscalated, GatePassed,
    }
    /// Made by a person outside phases and gates.
    Person(PersonFact) {
        Paused, Resumed, Frozen, Unfrozen, FreezeOverridden, Blocked, Unblocked, Observed, VariablesRevealed,
        TokenCreated, TokenRevoked, PeopleChanged, Denied,
    }
    /// Found out by the engine.
    Engine(EngineFact) {
        EngineStarted, ClockSuspected, ClockTrusted, Restored, RolloutsHeld, WorkspaceHeld, WorkspaceReleased,
        FilesRead,
    }
}

impl From<Fact> for Line {
    fn from(fact: Fact) -> Self {
        fact.line()
    }
}
