//! How a fact changes the state: [`apply`] folds it, [`state`] is what it changes, [`index`] keeps what is derived beside it,
//! [`rows`] is how it is stored. What goes on in memory beside it is [`in_flight`]; [`note`] says what a fact sets in motion
//! there.
//!
//! Almost no rule is decided here, so that a journal of an older release folds the same.

pub(crate) mod apply;
pub(crate) mod freezes;
pub(crate) mod in_flight;
pub(crate) mod index;
pub(crate) mod note;
pub(crate) mod rows;
pub(crate) mod scratch;
pub(crate) mod state;
pub(crate) mod timers;
