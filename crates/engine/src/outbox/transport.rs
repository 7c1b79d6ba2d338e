//! The way out of the process, as the outbox sees it: one attempt at a time, by whoever knows the sinks.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::notification::Notification;

/// How a delivery ends.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Carries notifications out of the process.
pub trait Transport: Send + Sync + 'static {
    /// Tries once to deliver a notification. It may arrive although this fails, and is then sent again under the same id.
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a>;
}

/// Why a notification was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// Why, without anything secret.
    pub reason: String,
    /// Whether another attempt would fail in the same way.
    pub is_permanent: bool,
    /// How long whoever was told asks to be left alone.
    pub retry_after: Option<Duration>,
}
