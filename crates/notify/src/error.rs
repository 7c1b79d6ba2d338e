//! Why something was not delivered, and whether another attempt makes sense.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

/// A delivery that failed. Nothing secret stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// Why.
    pub reason: String,
    /// Whether another attempt would fail in the same way.
    pub is_permanent: bool,
    /// How long whoever was told asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Undelivered {
    /// Something that may pass.
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_permanent: false,
            retry_after: None,
        }
    }

    /// Something that a person must mend first.
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_permanent: true,
            retry_after: None,
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
