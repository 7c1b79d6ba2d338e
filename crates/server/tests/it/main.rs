//! The router without a socket.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod actions;
mod ci;
mod issuer;
mod lab;
mod open_api;
mod pages;
mod plans;
mod provider;
mod reads;
mod sign_in;
mod stream;
mod tokens;
