//! The rollout core: `(state, instant, input) -> events and commands`, pure.
//!
//! Start reading at [`Product`]. It knows no clock, no I/O and no randomness; a shell feeds it and carries its commands out.

mod again;
mod apply;
mod begin;
pub mod canonical;
pub mod command;
mod confirm;
mod course;
mod deploys;
mod directory;
mod drive;
mod elsewhere;
mod ends;
pub mod event;
mod exposed;
mod force;
mod freezing;
mod gate;
mod hands;
pub mod health;
pub mod hold;
mod holds;
pub mod ids;
mod index;
pub mod limit;
mod notes;
pub mod offer;
mod operate;
pub mod operation;
mod phases;
mod product;
mod protocol;
mod quarantine;
mod record;
pub mod recover;
pub mod redirect;
mod replan;
pub mod report;
pub mod request;
mod rows;
mod running;
mod sound;
mod starts;
mod state;
mod targets;
mod trouble;
mod unit;
mod variables;
mod verbs;
pub mod view;
mod votes;
mod work;

pub use apply::Damage;
pub use command::{Command, CommandKind, Executor, Outcome, Reply, Report};
pub use event::{Event, Fact, Kind};
pub use exposed::Exposed;
pub use hold::{Hold, HoldKind};
pub use ids::{AttachmentId, CommandId, DatabaseId, DeployId, GateId, RunId};
pub use limit::{Limit, LimitOf, LimitWait, LimitWaits};
pub use offer::{Form, Offer, Offers};
pub use operation::{ApplyVariables, Deploys, ServiceDeploy};
pub use product::{LoadError, Product, RowKey, Step};
pub use request::{Actor, Input, Notice, Rejected, RejectedCode, Request, Start, Verb};
pub use running::Observed;
pub use targets::UnhealthyTarget;

/// An instant as the journal writes it: RFC 3339, UTC, milliseconds.
pub fn show_instant(at: policy::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
