//! From YAML to a frozen plan.
//!
//! A project folder's files are checked by [`parse::load`], which reports every mistake of all of them at once. From the
//! checked values, a release and what runs, [`plan::compile`] makes a [`Plan`]: phases in order, customers in batches,
//! with a digest. [`calendar`] answers when a customer may start, as far as windows and freezes say.
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
pub mod places;
pub mod plan;
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
pub use settings::{Customer, Fleet, Project, Timestamp};
pub use span::Span;
