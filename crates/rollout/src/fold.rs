//! How a fact changes the state: [`apply`] folds it, [`state`] is what it changes, [`index`] keeps what is derived beside it,
//! [`rows`] is how it is stored.
//!
//! Almost no rule is decided here, so that a journal of an older release folds the same.

pub(crate) mod apply;
pub(crate) mod freezes;
pub(crate) mod index;
mod note;
pub(crate) mod rows;
pub(crate) mod state;
