//! The router without a socket.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod actions;
mod lab;
mod open_api;
mod reads;
mod pages;
mod sign_in;
mod stream;
