//! A simulated Render: the platform as a state machine on a virtual clock, faults on demand, and both served over HTTP.
//!
//! Which question is answered where, in the order of reading; each knows only what stands above it:
//! - [`ids`], [`settings`], [`terms`]: what things are called, how Render behaves where that can be chosen, Render's own words.
//! - [`requests`]: what can be asked of Render, how it refuses, and the log of what arrived.
//! - [`fault`]: what can go wrong, by whom it is felt, and how often.
//! - [`platform`]: what Render does: services, variables, deploys. Pure and deterministic.
//! - `network_faults`: what becomes of a request on its way there and of its answer on the way back.
//! - [`site`]: what customers' own sites answer, depending on what is live.
//! - [`api`]: how Render is asked from outside: JSON, paging, authentication.
//! - [`client`]: how a client in the same process asks.
//! - [`http`]: all of it on a socket, with control endpoints for tests.
//! - [`world`]: the core of a rollout, driven against it in virtual time.
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
pub mod terms;
pub mod world;

pub use client::{Client, ServiceView};
pub use network_faults::{Delivery, Reply};
pub use platform::Platform;
pub use settings::Settings;
