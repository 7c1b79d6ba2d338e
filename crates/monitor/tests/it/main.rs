//! The monitor against real files and the simulator: one binary, one folder a test.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod lab;
mod monitor;
