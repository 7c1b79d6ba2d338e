//! Facts with types: what each kind of event always says, what it may say, and how that stands in a [`Line`].
//!
//! A family of kinds a file. A field that has been written by every release is no `Option`; one that came later is, or has
//! the default that folds as before (P36). What does not parse is damage: no release wrote it.

use crate::model::event::{Kind, Line};
use crate::model::fact::place::Whose;
use crate::model::ids::DeployId;

#[macro_use]
pub(crate) mod payload;
#[macro_use]
mod written;
mod customer;
mod deploy;
mod engine;
mod gate;
mod health;
mod hook;
mod person;
mod phase;
pub(crate) mod place;
mod recovery;
pub mod reference;
mod rollback;
mod rollout;
mod variables;

pub use self::customer::*;
pub use self::deploy::*;
pub use self::engine::*;
pub use self::gate::*;
pub use self::health::*;
pub use self::hook::*;
pub use self::payload::{Field, Payload, Presence, Unreadable};
pub use self::person::*;
pub use self::phase::*;
pub use self::place::{BatchPlace, CustomerPlace, GatePlace, PhasePlace, ServicePlace};
pub use self::recovery::*;
pub use self::rollback::*;
pub use self::rollout::*;
pub use self::variables::*;
pub use self::written::{Millis, Nullable, Written};
pub use crate::model::state::{Baseline, DrainTo, HeldFrom};

/// Declares what the families are, and which kinds each has: together all there are.
macro_rules! families {
    (
        $($(#[doc = $doc:expr])* $variant:ident($family:ident) { $($name:ident),+ $(,)? })*
    ) => {
        /// What happened: one family of kinds a variant.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact {
            $($(#[doc = $doc])* $variant($family),)*
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

            /// What a line says.
            ///
            /// # Errors
            /// A field that every release has written is missing, or one cannot be read.
            pub fn read(line: &Line) -> Result<Self, Unreadable> {
                Ok(match line.kind {
                    $($(Kind::$name => Self::$variant($family::$name(Payload::read(line)?)),)+)*
                })
            }

            /// What a kind says, in the order of declaration.
            pub fn fields(kind: Kind) -> Vec<Field> {
                match kind {
                    $($(Kind::$name => <$name as Payload>::fields(),)+)*
                }
            }

            /// What a kind means, in sentences.
            pub fn meaning(kind: Kind) -> String {
                match kind {
                    $($(Kind::$name => <$name as Payload>::meaning(),)+)*
                }
            }

            /// The families, each with a sentence about it and its kinds.
            pub fn families() -> Vec<(&'static str, Vec<Kind>)> {
                vec![$((concat!($($doc),*).trim(), vec![$(Kind::$name),+]),)*]
            }
        }
    };
}

families! {
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
    /// About one customer.
    Customer(CustomerFact) {
        CustomerStarted, CustomerHealthy, CustomerUnchanged, CustomerRolledBack, CustomerRollbackFailed,
        CustomerExcluded, CustomerSkipped, CustomerHeld, CustomerWaits, CustomerStalled, CustomerReleased,
        CustomerDeferred, CustomerWithdrawn, RollbackRequested, VariablesApplied, Retried,
    }
    /// About hooks.
    Hook(HookFact) { HookStarted, HookFinished }
    /// About variables and auto-deploy.
    Variables(VariablesFact) {
        VariablesBackedUp, VariablesIntended, VariablesSet, RestoreIntended, VariablesRestored,
        AutoDeployIntended, AutoDeployDisabled, AutoDeployRestored,
    }
    /// About a deploy to the release.
    Deploy(DeployFact) {
        DeployIntended, DeployCreated, DeployAdopted, DeployUnknown, DeployAbsent, DeployDuplicate,
        CancelIntended, DeployLive, DeployFailed, DeployCancelled,
    }
    /// About the health of a service.
    Health(HealthFact) { HealthPassed, HealthFailed }
    /// About the return of a service to what was live before.
    Rollback(RollbackFact) {
        RollbackIntended, RollbackCreated, RollbackAdopted, RollbackUnknown, RollbackAbsent, RollbackLive,
        RollbackFailed,
    }
    /// About the return of a database to an earlier instant.
    Recovery(RecoveryFact) {
        RecoveryIntended, RecoveryCreated, RecoveryUnknown, RecoveryAbsent, RecoveryLive, RecoveryFailed,
        DatabaseSwitched,
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

impl Fact {
    /// The deploy that it names as one that its rollout caused: each is named so by one attempt (P10). What ran before a
    /// rollout asked for anything is none of its own, and the next one may find it too.
    pub fn caused(&self) -> Option<&DeployId> {
        match self {
            Self::Deploy(fact) => match fact {
                DeployFact::DeployCreated(fact) => Some(&fact.deploy),
                DeployFact::DeployAdopted(fact) => (!fact.found).then_some(&fact.deploy),
                DeployFact::DeployDuplicate(fact) => Some(&fact.deploy),
                DeployFact::DeployIntended(_)
                | DeployFact::DeployUnknown(_)
                | DeployFact::DeployAbsent(_)
                | DeployFact::CancelIntended(_)
                | DeployFact::DeployLive(_)
                | DeployFact::DeployFailed(_)
                | DeployFact::DeployCancelled(_) => None,
            },
            Self::Rollback(fact) => match fact {
                RollbackFact::RollbackCreated(fact) => Some(&fact.deploy),
                RollbackFact::RollbackAdopted(fact) => Some(&fact.deploy),
                RollbackFact::RollbackIntended(_)
                | RollbackFact::RollbackUnknown(_)
                | RollbackFact::RollbackAbsent(_)
                | RollbackFact::RollbackLive(_)
                | RollbackFact::RollbackFailed(_) => None,
            },
            Self::Rollout(_)
            | Self::Phase(_)
            | Self::Gate(_)
            | Self::Customer(_)
            | Self::Hook(_)
            | Self::Variables(_)
            | Self::Health(_)
            | Self::Recovery(_)
            | Self::Person(_)
            | Self::Engine(_) => None,
        }
    }

    /// Whose failure it tells, if it tells one.
    pub(crate) fn failure(&self) -> Option<Whose<'_>> {
        let (place, failure) = match self {
            Self::Hook(HookFact::HookFinished(fact)) => (fact.place.whose(), fact.failure),
            Self::Deploy(DeployFact::DeployFailed(fact)) => (fact.place.whose(), fact.failure),
            Self::Deploy(DeployFact::DeployCancelled(fact)) => (fact.place.whose(), fact.failure),
            Self::Health(HealthFact::HealthFailed(fact)) => (fact.place.whose(), fact.failure),
            Self::Rollout(_)
            | Self::Phase(_)
            | Self::Gate(_)
            | Self::Person(_)
            | Self::Engine(_)
            | Self::Customer(_)
            | Self::Hook(_)
            | Self::Variables(_)
            | Self::Deploy(_)
            | Self::Health(_)
            | Self::Rollback(_)
            | Self::Recovery(_) => return None,
        };
        failure.then_some(place)
    }

    /// Whether it says that variables were written which this journal did not ask for.
    pub(crate) fn names_written_variables(&self) -> bool {
        let Self::Customer(CustomerFact::CustomerHeld(held)) = self else {
            return false;
        };
        held.variables_written == Some(true)
    }
}
