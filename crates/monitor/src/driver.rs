//! A monitor as seen from the rest of its process, and what it needs from there.

use std::pin::Pin;
use std::sync::Arc;

use engine::outbox::SharedAudience;
use engine::{Error, StateDir};
use policy::Span;
use policy::monitoring::Monitoring;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use super::alert::{Alert, Told};
use super::monitor_loop::MonitorLoop;
use super::probe::{Observed, Sample, ServiceKey};
use super::sight::Sight;
use crate::limits::ALERTS_BUFFERED;

/// An answer that comes later.
pub type Watching<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Asks services, and whether our own network works.
pub trait Watcher: Send + Sync + 'static {
    /// Asks one service once.
    fn probe<'a>(&'a self, key: &'a ServiceKey) -> Watching<'a, Observed>;

    /// Whether something else answers now, so that a failure is the service's own (R20).
    fn control<'a>(&'a self, key: &'a ServiceKey) -> Watching<'a, bool>;

    /// Which of these services run something else than was put there; those of which nothing is known are left out.
    fn compare(&self, keys: Vec<ServiceKey>) -> Watching<'_, Vec<(ServiceKey, Option<String>)>>;
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

/// A running monitor. Once it is dropped it stores what it has seen and ends; [`Monitor::end`] waits for that.
#[derive(Debug)]
pub struct Monitor {
    orders: mpsc::UnboundedSender<Order>,
    alerts: broadcast::Sender<(Alert, Told)>,
    sight: watch::Receiver<Sight>,
    task: JoinHandle<()>,
}

/// What may be asked of a monitor while it runs.
#[derive(Debug)]
pub(super) enum Order {
    /// Watch one more.
    Add(ServiceKey),
    /// Watch one less.
    Remove(ServiceKey),
    /// Ask again.
    Start,
    /// Ask nobody.
    Stop,
    /// Ask so often.
    Every(Span),
    /// Store what was seen, and end.
    End,
}

impl Monitor {
    /// Begins to watch.
    ///
    /// # Errors
    /// [`Error::Watched`] if another process does; the monitor's file cannot be used.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        state: &StateDir,
        options: MonitorOptions,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Self, Error> {
        let (orders, ordered) = mpsc::unbounded_channel();
        let (alerts, _) = broadcast::channel(ALERTS_BUFFERED);
        let watching = MonitorLoop::open(state, options, watcher, alerts.clone())?;
        let sight = watching.eyes.subscribe();
        let task = tokio::spawn(watching.run(ordered));
        Ok(Self {
            orders,
            alerts,
            sight,
            task,
        })
    }

    /// Asks every service once, stores what was seen and tells of alerts.
    ///
    /// # Errors
    /// As for [`Monitor::start`].
    pub async fn once(
        state: &StateDir,
        options: MonitorOptions,
        watcher: Arc<dyn Watcher>,
    ) -> Result<Vec<Sample>, Error> {
        let (alerts, _) = broadcast::channel(ALERTS_BUFFERED);
        let mut watching = MonitorLoop::open(state, options, watcher, alerts)?;
        let mut samples = Vec::new();
        let mut left = watching.schedule.services().count();
        while left > 0 {
            let Some(sample) = watching.next().await else {
                break;
            };
            left -= 1;
            samples.push(sample);
        }
        watching.close().await?;
        samples.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(samples)
    }

    /// Watches one more service.
    pub fn add(&self, key: ServiceKey) {
        self.order(Order::Add(key));
    }

    /// Watches a service no longer.
    pub fn remove(&self, key: ServiceKey) {
        self.order(Order::Remove(key));
    }

    /// Asks again after [`Monitor::pause`].
    pub fn resume(&self) {
        self.order(Order::Start);
    }

    /// Asks nobody for now.
    pub fn pause(&self) {
        self.order(Order::Stop);
    }

    /// Asks each service so often from now on.
    pub fn set_interval(&self, every: Span) {
        self.order(Order::Every(every));
    }

    /// Alerts from now on, each when it is stored: raised, and over.
    pub fn alerts(&self) -> broadcast::Receiver<(Alert, Told)> {
        self.alerts.subscribe()
    }

    /// Whether anything answers, as it changes.
    pub fn sight(&self) -> watch::Receiver<Sight> {
        self.sight.clone()
    }

    /// Stores what was seen and ends; answers that are still out are not awaited.
    pub async fn end(mut self) {
        self.order(Order::End);
        // A task that has panicked has ended too.
        let _ = (&mut self.task).await;
    }

    /// A monitor that has ended takes no orders, and needs none.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}
