//! The client, the probes and git against real sockets and processes on this machine.
#![allow(clippy::unwrap_used, reason = "tests")]

mod changes;
mod executor;
mod git;
mod lists;
mod probes;
mod reads;
mod replies;
mod requests;
mod server;
mod simulated;
mod webhooks;
mod workspace;
