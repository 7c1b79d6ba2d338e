//! Texts and sinks against real servers on loopback.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod command;
mod email;
mod lab;
mod texts;
mod web;
