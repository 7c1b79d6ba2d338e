//! What can be told: [`view`] of the state as it is, [`report`] of a journal, [`limit`] of what Render allows. Nothing in
//! here changes anything.

pub mod limit;
pub mod report;
pub mod view;
