//! Texts and sinks against real servers on loopback.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod command;
mod email;
mod http;
mod lab;
mod mail_server;
mod mail_tls;
mod templates;
