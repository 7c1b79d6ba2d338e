//! Who may start, and how does a rollout go from phase to phase to its end?
//!
//! [`holds`] is the one place that says what keeps a customer from starting; [`start_customers`] starts whom nothing keeps;
//! [`phases`] opens and settles batches and phases; [`end_state`] ends the rollout.

pub(crate) mod end_state;
pub(crate) mod files_read;
pub(crate) mod gate;
pub(crate) mod hands;
pub(crate) mod holds;
pub(crate) mod in_flight;
pub(crate) mod phases;
pub(crate) mod running;
pub(crate) mod start_customers;
