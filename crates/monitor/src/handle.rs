//! A monitor as seen from the rest of its process.

use std::sync::Arc;

use engine::{Error, StateDir};
use policy::Span;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use super::alert::{Alert, AlertEvent};
use super::monitor_loop::{MonitorLoop, Order};
use super::probe::{Sample, ServiceKey};
use super::visibility::Visibility;
use super::watcher::{MonitorOptions, Watcher};
use crate::limits::ALERTS_BUFFERED;

/// A running monitor. Once it is dropped it stores what it has seen and ends; [`Monitor::end`] waits for that.
#[derive(Debug)]
pub struct Monitor {
    orders: mpsc::UnboundedSender<Order>,
    alerts: broadcast::Sender<(Alert, AlertEvent)>,
    visibility: watch::Receiver<Visibility>,
    task: JoinHandle<()>,
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
        let visibility = watching.visibility.subscribe();
        let task = tokio::spawn(watching.run(ordered));
        Ok(Self {
            orders,
            alerts,
            visibility,
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
    pub fn alerts(&self) -> broadcast::Receiver<(Alert, AlertEvent)> {
        self.alerts.subscribe()
    }

    /// Whether anything answers, as it changes.
    pub fn visibility(&self) -> watch::Receiver<Visibility> {
        self.visibility.clone()
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
