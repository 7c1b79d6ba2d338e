//! The router without a socket.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod lab;
mod sign_in;
