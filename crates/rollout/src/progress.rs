//! Who may start, and how does a rollout go from phase to phase to its end?
//!
//! [`holds`] is the one place that says what keeps a customer from starting, with [`phase_holds`] and [`windows`];
//! [`start_customers`] starts whom nothing keeps; [`phases`] opens and settles batches and phases; [`end_state`] ends the
//! rollout.

pub(crate) mod asked;
pub(crate) mod directories;
pub(crate) mod end_state;
pub(crate) mod files_read;
pub(crate) mod gate;
pub(crate) mod hands;
pub(crate) mod holds;
pub(crate) mod idle;
pub(crate) mod phase_holds;
pub(crate) mod phases;
pub(crate) mod preflight;
pub(crate) mod running;
pub(crate) mod start_customers;
pub(crate) mod windows;
