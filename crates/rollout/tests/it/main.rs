//! The pure core by itself: inputs in, events and commands out, no clock and nothing outside.
//!
//! Stories and states are text files under `tests/data`; `UPDATE=1 cargo test -p rollout` writes what they say now.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail where it stands, and looks at the kinds that concern it"
)]

mod damage;
mod facts;
mod golden;
mod holds;
mod journal;
mod known;
mod lab;
mod offers;
mod properties;
mod redirect;
mod reports;
mod reviewed;
mod rows;
mod script;
mod show;
mod transcripts;
mod verbs;
mod world;
