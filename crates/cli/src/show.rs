//! How data looks to people: tables, times, plans, rollouts. Nothing here decides or reads anything.

pub(crate) mod count;
pub(crate) mod escape;
pub(crate) mod figures;
pub(crate) mod frozen;
pub(crate) mod holds;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod requests;
#[cfg(test)]
mod screens;
pub(crate) mod sentence;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod timeline;
pub(crate) mod wrap;
pub(crate) mod zones;
