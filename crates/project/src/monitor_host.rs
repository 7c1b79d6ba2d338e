//! The monitor in this process: by itself, or beside an engine.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use engine::outbox::{Audience, OutboxWorker, SharedAudience};
use engine::{Error as EngineError, StateDir};
use monitor::{
    Alert, AlertEvent, Monitor, MonitorOptions, Sample, ServiceKey, Visibility, Watcher,
};
use policy::{Config, CustomerId, Span};
use tokio::sync::{broadcast, watch};

use crate::caller::Caller;
use crate::delivery::{self, DELIVER_WHEN_STOPPED, DELIVER_WITHIN};
use crate::error::Error;
use crate::fleet_watcher::FleetWatcher;
use crate::folder::Folder;
use crate::location::Location;
use crate::stored;

/// A monitor that has not begun yet.
pub struct MonitorHost {
    state: StateDir,
    folder: Folder,
    config: Config,
    options: MonitorOptions,
    watcher: Arc<dyn Watcher>,
    caller: Arc<dyn Caller>,
}

impl MonitorHost {
    /// For these customers, or all; each service is asked as often as is said here, or in the files.
    pub fn new(
        location: &Location,
        config: Config,
        customers: &[CustomerId],
        every: Option<Span>,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        let state = location.state()?;
        let watcher = FleetWatcher::new(&state, &config, Arc::clone(&caller))?;
        let mut settings = config.monitor.clone().unwrap_or_default();
        settings.every = every.unwrap_or(settings.every);
        let options = MonitorOptions {
            settings,
            services: watcher.services(customers),
            audience: SharedAudience::new(Audience::of(&config)),
        };
        Ok(Self {
            folder: location.folder()?,
            watcher: Arc::new(watcher),
            state,
            config,
            options,
            caller,
        })
    }

    /// So many services are asked.
    pub fn services(&self) -> usize {
        self.options.services.len()
    }

    /// So often each of them is asked.
    pub fn every(&self) -> Span {
        self.options.settings.every
    }

    /// Asks each service once.
    pub async fn once(self) -> Result<Vec<Sample>, Error> {
        let seen = Monitor::once(&self.state, self.options, self.watcher).await?;
        delivery::deliver_due(
            &self.state,
            &self.folder,
            &self.config,
            DELIVER_WITHIN,
            &*self.caller,
        )
        .await;
        Ok(seen)
    }

    /// Watches until it is ended.
    ///
    /// # Errors
    /// [`ErrorKind::Watched`](crate::ErrorKind::Watched) if another process watches these services.
    pub fn start(self) -> Result<RunningMonitor, Error> {
        let product = stored::product(&self.state, &*self.caller)?;
        let roots = delivery::roots(&self.folder, &self.config, &product);
        let post = delivery::post(&roots, &self.config)?;
        let postman = delivery::postman(&self.state, &post, &self.config);
        Ok(RunningMonitor {
            monitor: Monitor::start(&self.state, self.options, self.watcher)?,
            _postman: postman,
            state: self.state,
            folder: self.folder,
            config: self.config,
            caller: self.caller,
        })
    }
}

/// A monitor that watches, and tells.
#[derive(Debug)]
pub struct RunningMonitor {
    monitor: Monitor,
    _postman: OutboxWorker,
    state: StateDir,
    folder: Folder,
    config: Config,
    caller: Arc<dyn Caller>,
}

impl RunningMonitor {
    /// Alerts from now on.
    pub fn alerts(&self) -> broadcast::Receiver<(Alert, AlertEvent)> {
        self.monitor.alerts()
    }

    /// Whether anything answers, as it changes.
    pub fn visibility(&self) -> watch::Receiver<Visibility> {
        self.monitor.visibility()
    }

    /// Stores what was seen, tells what is due, and ends.
    pub async fn end(self) {
        self.monitor.end().await;
        delivery::deliver_due(
            &self.state,
            &self.folder,
            &self.config,
            DELIVER_WHEN_STOPPED,
            &*self.caller,
        )
        .await;
    }
}

/// A monitor beside an engine, kept up to date with the files.
pub(crate) struct Watch {
    monitor: Monitor,
    watcher: Arc<FleetWatcher>,
}

/// The place of a monitor that begins after the files are first read.
pub(crate) type WatchSlot = Arc<OnceLock<Watch>>;

impl Watch {
    /// Begins to watch the whole fleet, if the project asks for it.
    pub(crate) fn begin(
        place: &StateDir,
        config: &Config,
        audience: &SharedAudience,
        caller: Arc<dyn Caller>,
    ) -> Option<Self> {
        let settings = config.monitor.clone()?;
        let watcher = FleetWatcher::new(place, config, caller).ok()?;
        let options = MonitorOptions {
            settings,
            services: watcher.services(&[]),
            audience: audience.clone(),
        };
        let watcher = Arc::new(watcher);
        let eyes = Arc::clone(&watcher) as Arc<dyn Watcher>;
        match Monitor::start(place, options, eyes) {
            Ok(monitor) => Some(Self { monitor, watcher }),
            Err(EngineError::Watched) => None,
            Err(error) => {
                // A rollout does not depend on it.
                tracing::error!(%error, "the services are not watched");
                None
            }
        }
    }

    /// Takes the fleet as it was read anew: who has joined is watched, who has left is not.
    pub(crate) fn renew(&self, config: &Config) {
        let before: BTreeSet<ServiceKey> = self.watcher.services(&[]).into_iter().collect();
        self.watcher.renew(config);
        let after: BTreeSet<ServiceKey> = self.watcher.services(&[]).into_iter().collect();
        for left in before.difference(&after) {
            self.monitor.remove(left.clone());
        }
        for joined in after.difference(&before) {
            self.monitor.add(joined.clone());
        }
    }
}
