//! From YAML to a frozen plan.

pub mod calendar;
pub mod health;
pub mod ids;
pub mod parse;
pub mod plan;
pub mod rules;
pub mod settings;
pub mod span;
pub mod suggest;
pub mod template;

pub use ids::{CustomerId, GroupId, PersonId, PolicyId, Role, ServiceId};
pub use parse::{Config, Diagnostic, File, Sources};
pub use plan::{Plan, PlanError, PlanInput, PlanScope, PlannedCustomer, Release, Running};
pub use rules::Policy;
pub use settings::{Customer, Fleet, Project, Timestamp};
pub use span::Span;
