//! Tests over the whole: the rules about the source itself, and the binary as people use it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot do its work has failed"
)]

mod another;
mod architecture;
mod backups;
mod copies;
mod deploy;
mod events;
mod imports;
mod lab;
mod real_time;
mod requirements;
mod restoration;
mod source;
mod stops;
mod sweep;
mod tidy;
