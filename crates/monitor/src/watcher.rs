//! What does a monitor need from the rest of its process? Whoever asks the services, and how it is to run.

use std::pin::Pin;

use engine::outbox::SharedAudience;
use policy::monitoring::Monitoring;

use super::probe::{Observed, ServiceKey};

/// An answer that comes later.
pub type WatcherFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Asks services, and whether our own network works.
pub trait Watcher: Send + Sync + 'static {
    /// Asks one service once.
    fn probe<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, Observed>;

    /// Whether something else answers now, so that a failure is the service's own (R20).
    fn control<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, bool>;

    /// Which of these services run something else than was put there; those of which nothing is known are left out.
    fn compare(
        &self,
        keys: Vec<ServiceKey>,
    ) -> WatcherFuture<'_, Vec<(ServiceKey, Option<String>)>>;
}

/// How a monitor is to run.
#[derive(Clone, Debug)]
pub struct MonitorOptions {
    /// How often, how many at once, and what raises alerts.
    pub settings: Monitoring,
    /// Whom it watches at first.
    pub services: Vec<ServiceKey>,
    /// Who is told of alerts.
    pub audience: SharedAudience,
}
