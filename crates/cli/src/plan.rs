//! From a plan to what people want to know of it before it starts.

pub(crate) mod difference;
pub(crate) mod file;
pub(crate) mod ics;
pub(crate) mod windows;
