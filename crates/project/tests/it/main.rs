//! A project opened, asked and driven without a command line.

#![allow(clippy::unwrap_used, reason = "tests")]

mod folder;
mod hints;
mod requests;
mod rollout;
