//! How a fact changes the state: [`apply`] folds it, [`index`] keeps what is derived beside it, [`rows`] is what is stored.
//!
//! No rule is decided here, so that a journal of an older release folds the same.

pub(crate) mod apply;
pub(crate) mod freezes;
pub(crate) mod index;
pub(crate) mod rows;
