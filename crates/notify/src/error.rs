//! Why something was not delivered, and whether another attempt makes sense.

use std::error::Error;
use std::fmt::Write as _;

/// A delivery that failed. Nothing secret stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// Why.
    pub reason: String,
    /// Whether another attempt would fail in the same way.
    pub is_hopeless: bool,
}

impl Undelivered {
    /// Something that may pass.
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_hopeless: false,
        }
    }

    /// Something that a person must mend first.
    pub(crate) fn hopeless(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_hopeless: true,
        }
    }
}

/// An error and all its causes as one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
