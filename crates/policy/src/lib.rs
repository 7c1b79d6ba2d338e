//! From YAML to a frozen plan.
//!
//! Which question is answered where, in the order of reading; each knows only what stands above it:
//! - [`ids`], [`span`], [`suggest`], [`network`], [`redact`], [`template`]: names, times and texts that all others speak of.
//! - [`calendar`]: when something may start, as far as windows and freezes say (R7-R9).
//! - [`settings`], [`rules`], [`health`], [`monitoring`], [`mail`]: the checked content of the files.
//! - [`quorum`]: whether people can fill a gate.
//! - [`phases`]: how a fleet is cut into phases and batches, before anything is frozen.
//! - [`parse`]: from YAML to that content, with every mistake of all files at once. Start at [`parse::load`].
//! - [`plan`]: from that content, a release and what runs to a frozen [`Plan`] with a digest. Start at [`plan::compile`].
//! - [`zones`]: where the files now read otherwise than a frozen plan; [`schema`]: JSON Schemas for editors.
//!
//! This crate is pure: it knows no clock, reads no file and draws no random number. Time and texts are arguments.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        reason = "a failed test should stop where it fails"
    )
)]

pub mod calendar;
pub mod health;
pub mod ids;
pub mod mail;
pub mod monitoring;
pub mod network;
pub mod parse;
pub mod phases;
pub mod plan;
pub mod quorum;
pub mod redact;
pub mod rules;
pub mod schema;
pub mod settings;
pub mod span;
pub mod suggest;
pub mod template;
pub mod zones;

pub use ids::{CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId};
pub use parse::{Config, Diagnostic, File, Sources};
pub use plan::{Plan, PlanError, PlanInput, PlanScope, PlannedCustomer, Release, Running};
pub use rules::Policy;
pub use settings::{Customer, Fleet, Project};
pub use span::{Span, Timestamp};
