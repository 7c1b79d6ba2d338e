//! A simulated Render: the platform as a state machine on a virtual clock, faults on demand, and both served over HTTP.
//!
//! - [`platform`] is what Render does: services, variables, deploys. Pure and deterministic.
//! - [`api`] is how it is asked: paths, JSON, paging, rate limits, authentication.
//! - [`client`] lets a client in the same process ask; [`fault`] is what both kinds of clients can meet.
//! - [`site`] is what customers' own sites answer, depending on what is live.
//! - [`world`] drives the core of a rollout against it in virtual time.
//! - [`http`] serves all of it on a socket, with control endpoints for tests.
//!
//! Start reading at [`Platform`].

pub mod api;
pub mod client;
pub mod fault;
pub mod http;
pub mod ids;
mod network_faults;
pub mod platform;
pub mod requests;
pub mod settings;
pub mod site;
pub mod world;

pub use client::{Client, ServiceView};
pub use network_faults::{Delivery, Reply};
pub use platform::Platform;
pub use settings::Settings;
