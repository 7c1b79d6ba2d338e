//! From a plan to what people want to know of it before it starts.

pub(crate) mod earliest;
pub(crate) mod ics;
pub(crate) mod requests;
