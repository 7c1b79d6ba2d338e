//! Tests of the crate from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    reason = "a failed test should stop where it fails"
)]
#![allow(missing_docs, reason = "tests say what they show by their names")]

mod begun;
mod calendars;
mod freezes;
mod golden;
mod hostile;
mod never;
mod plans;
mod redacting;
mod scenarios;
mod schemas;
mod servers;
mod support;
mod tables;
mod zones;
