//! What there is: ids, facts, commands, requests, stored states, and why something waits. Types, and what follows from one
//! of them alone; no rule of a rollout.
//!
//! Read [`ids`], [`event`], [`command`] and [`request`] first, then [`state`].

#[macro_use]
mod words;
pub(crate) mod actor;
pub mod canonical;
pub mod command;
pub mod database_connections;
pub(crate) mod directory;
pub mod event;
pub mod fact;
pub(crate) mod freeze;
pub mod health;
pub mod hold;
pub mod ids;
pub mod offer;
pub mod operation;
pub(crate) mod plan_flaw;
pub(crate) mod recovery;
pub mod request;
pub mod standing;
pub(crate) mod state;
pub(crate) mod unhealthy;
pub(crate) mod verb;
