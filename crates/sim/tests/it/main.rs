//! The simulated Render, asked as its clients ask it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod control;
mod deploys;
mod environment;
mod faults;
mod lab;
mod large;
mod limits;
mod listing;
mod others;
mod over_http;
mod overlap;
mod properties;
mod reports;
mod rollbacks;
mod saving;
mod services;
mod sites;
mod webhooks;
mod worlds;
