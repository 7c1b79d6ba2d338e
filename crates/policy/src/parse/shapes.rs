//! The shapes of all files, one module a file.

pub(crate) mod customers;
pub(crate) mod events;
mod monitoring;
mod people;
pub(crate) mod policy;
pub(crate) mod project;
pub(crate) mod scenario;
mod server;
