//! The rollout core: `(state, instant, input) -> events and commands`, pure.
//!
//! Start reading at [`Product`]. It knows no clock, no I/O and no randomness; a shell feeds it and carries its commands out.

mod customer;
mod fold;
mod model;
mod product;
mod progress;
mod read;
mod requests;

pub use model::{
    canonical, command, database_connections, event, fact, health, hold, ids, offer, operation,
    request,
};
pub use read::{limit, report, view};
pub use requests::recover;

pub use customer::targets::UnhealthyTarget;
pub use fold::apply::Damage;
pub use model::command::{Command, CommandKind, Executor, Outcome, Reply, Report};
pub use model::event::{Event, Kind, Line};
pub use model::fact::Fact;
pub use model::hold::{Hold, HoldKind};
pub use model::ids::{AttachmentId, CommandId, DatabaseId, DeployId, GateId, RolloutId};
pub use model::offer::{Form, Offer, Offers};
pub use model::operation::{ApplyVariables, Deploys, ServiceDeploy};
pub use model::request::{Actor, Input, Notice, Rejected, RejectedCode, Request, Start, Verb};
pub use product::{LoadError, Product, RowKey, Step};
pub use progress::running::Observed;
pub use read::limit::{Limit, LimitOf, LimitWait, LimitWaits};
pub use requests::exposed::Exposed;

/// An instant as the journal writes it: RFC 3339, UTC, milliseconds.
pub fn show_instant(at: policy::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
