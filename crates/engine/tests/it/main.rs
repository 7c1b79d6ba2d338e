//! The engine against real files: one binary, one folder a test.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod clock;
mod crash;
mod damage;
mod deliveries;
mod digest;
mod engine;
mod files;
mod history;
mod identity;
mod inbox;
mod lab;
mod lock;
mod marks;
mod outage;
mod outbox;
mod project_backup;
mod quarantine;
mod reminders;
mod service_deploys;
mod store;
mod vault;
mod verify;
mod world;
