//! The rollout core: `(state, instant, input) -> events and commands`, pure.
//!
//! Start reading at [`Product`]. It knows no clock, no I/O and no randomness; a shell feeds it and carries its commands out.

pub mod canonical;
pub mod command;
pub mod event;
pub mod health;
pub mod hold;
pub mod ids;
pub mod product;
pub mod request;

pub use command::{Command, CommandKind, Executor, Outcome, Reply, Report};
pub use event::{Event, Fact, Kind};
pub use hold::{Hold, HoldKind};
pub use product::{LoadError, Product, RowKey, Step};
pub use ids::{AttachmentId, CommandId, DeployId, GateId, RunId};
pub use request::{Actor, Input, Notice, Rejected, RejectedCode, Request, Start, Verb};

/// An instant as the journal writes it: RFC 3339, UTC, milliseconds.
pub fn show_instant(at: policy::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
