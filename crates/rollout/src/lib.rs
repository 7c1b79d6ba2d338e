//! The rollout core: `(state, instant, input) -> events and commands`, pure.
//!
//! It knows no clock, no I/O and no randomness; a shell feeds it and carries its commands out.
//! Start reading at [`Product`], whose `step` is the one way in.
//!
//! # The order of reading
//!
//! The folders are wings. Each imports only from those above it in this table.
//!
//! | wing | what it answers |
//! |---|---|
//! | `model/` | What there is: ids, facts, commands, requests, stored states, why something waits. |
//! | `fold/` | How does a fact change the state, what does it set in motion, and how is the state stored? |
//! | `product.rs`, `product/` | What happens at a step, and where is each report and notice answered? |
//! | `customer/` | What does one customer need next, and what does an answer about it mean? |
//! | `progress/` | Who may start, and how does a rollout go from phase to phase to its end? |
//! | `requests/` | What do people ask for, and when is it refused? |
//! | `read/` | What can be told: views, reports, limits. |
//!
//! # Where each rule stands
//!
//! `docs/rules.md` says what they are. `policy` is the crate that makes plans, `render` the one that probes.
//!
//! | rule | | where |
//! |---|---|---|
//! | R1 | rounding | `policy`; the rest of a phase cut anew: `requests/replan.rs` |
//! | R2 | order | `policy`; who overtakes whom: `progress/start_customers.rs` |
//! | R3 | delay | `progress/phases.rs` begins it, `progress/phase_holds.rs` holds by it |
//! | R4 | phases | `progress/phases.rs`, `progress/phase_holds.rs` |
//! | R5 | a customer is one unit | `customer/next.rs`; the way back: `customer/next/back.rs` |
//! | R6 | snapshot | `requests/start_rollout.rs`, `requests/replan.rs`; edited files: `progress/files_read.rs`; people: `model/directory.rs`, `progress/directories.rs` |
//! | R7 | windows | `policy`; `progress/windows.rs` |
//! | R8 | daylight saving | `policy` |
//! | R9 | freezes | `progress/windows.rs` holds by them; `requests/freezes.rs`, `requests/override_freeze.rs`; which is meant: `model/freeze.rs` |
//! | R10 | approvals | `progress/gate.rs`, `requests/votes.rs`; whose hand it is: `progress/hands.rs` |
//! | R11 | failure of a customer | `customer/record/deploy.rs`, `customer/record/health.rs`, `customer/next/back.rs`; no answer: `customer/trouble.rs` |
//! | R12 | tolerance | `progress/end_state.rs` |
//! | R13 | verbs | `requests/verbs.rs`, and a file a verb or two beside it |
//! | R14 | another rollout | `requests/in_the_way.rs`, `requests/exposed.rs`; what was queued begins: `progress/end_state.rs` |
//! | R15 | one change at a time | `progress/holds.rs`, `requests/operate.rs` |
//! | R16 | the deploy protocol | `customer/protocol.rs`, `customer/record/deploy.rs` |
//! | R17 | after downtime | `customer/restart.rs`, `customer/confirm.rs` |
//! | R18 | interference | `customer/next.rs`, `customer/protocol.rs`, `customer/elsewhere.rs` |
//! | R19 | the target of a rollback | `customer/protocol.rs`; an unhealthy one: `customer/targets.rs` |
//! | R20 | health cycles | `render` (`executor/health_cycles.rs`); its verdict: `model/health.rs`, `customer/record/health.rs` |
//! | R21 | every wait has a reason | `model/hold.rs`, `progress/holds.rs`; Render's limits: `read/limit.rs` |
//! | R22 | customers that are left out | `policy` |
//! | R23 | decisions are recorded | `model/event.rs`, `model/fact/` |
//! | R24 | several things at one instant | `product.rs`, `progress/start_customers.rs` |

mod customer;
mod fold;
mod model;
mod product;
mod progress;
mod read;
mod requests;

pub use model::{
    canonical, command, database_connections, event, fact, health, hold, ids, offer, operation,
    request, standing,
};
pub use read::{limit, report, view};
pub use requests::recover;

pub use fold::rows::LoadError;
pub use fold::state::{Damage, RowKey};
pub use model::command::{Command, CommandKind, Executor, Observed, Outcome, Reply, Report};
pub use model::event::{Event, Kind, Line};
pub use model::fact::Fact;
pub use model::hold::{Hold, HoldKind, HoldOwner};
pub use model::ids::{AttachmentId, CommandId, DatabaseId, DeployId, GateId, RolloutId};
pub use model::offer::{Form, Offer, Offers};
pub use model::operation::{ApplyVariables, Deploys, ServiceDeploy};
pub use model::request::{Actor, Input, Notice, Rejected, RejectedCode, Request, Start, Verb};
pub use model::state::HookList;
pub use model::unhealthy::UnhealthyTarget;
pub use product::{Product, Step};
pub use read::limit::{Limit, LimitOf, LimitWait, LimitWaits};
pub use requests::exposed::Exposed;

/// An instant as the journal writes it: RFC 3339, UTC, milliseconds.
pub fn show_instant(at: policy::Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
