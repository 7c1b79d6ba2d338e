//! Texts and sinks against real servers on loopback.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

mod command;
mod email;
mod lab;
mod texts;
mod web;
