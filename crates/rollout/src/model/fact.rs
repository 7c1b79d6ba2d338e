//! Facts with types: what each kind of event always says, what it may say, and how that stands in a [`Line`].
//!
//! A family of kinds a file. A field that has been written by every release is no `Option`; one that came later is, or has
//! the default that folds as before (P36). What does not parse is damage: no release wrote it.

use crate::model::event::{Kind, Line};

#[macro_use]
mod payload;
mod gate;
mod place;
mod written;

pub use self::gate::{
    ApprovalEscalated, ApprovalLapsed, ApprovalRequested, Approved, Begins, GateFact, GatePassed,
    Rejected, Withdrawn,
};
pub use self::payload::{Field, Payload, Presence, Unreadable};
pub use self::place::{BatchPlace, CustomerPlace, GatePlace, PhasePlace, ServicePlace};
pub use self::written::Written;

/// What happened: one family of kinds a variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// About a gate.
    Gate(GateFact),
}

impl Fact {
    /// Which kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Gate(fact) => fact.kind(),
        }
    }

    /// The line that says it.
    pub fn line(&self) -> Line {
        match self {
            Self::Gate(fact) => fact.line(),
        }
    }
}

impl From<Fact> for Line {
    fn from(fact: Fact) -> Self {
        fact.line()
    }
}
