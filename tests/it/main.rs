//! Tests over the whole: the rules about the source itself, and the binary as people use it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

mod source;
mod tidy;
