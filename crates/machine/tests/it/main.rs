//! Tests of what this machine lends to a project.

#![allow(clippy::unwrap_used, reason = "tests")]

mod command;
mod files;
mod text;
