//! What no command carries: secrets and addresses from the files, versions from the repository.

use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use engine::EngineTime;
use machine::files::Roots;
use policy::settings::SecretSource;
use policy::{Config, Customer, CustomerId, Fleet, Timestamp, parse};
use render::executor::Sources;
use rollout::fact::{Payload as _, RolloutStarted};
use rollout::{Event, Kind};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;

use super::controls::Controls;
use crate::environment::variable;
use crate::folder::Folder;
use crate::now;
use crate::release::Versions;

/// So many controls are named for one customer.
const CONTROLS: usize = 3;

/// The repository is asked for its tags at most this often.
const READ_TAGS_EVERY: Duration = Duration::from_mins(1);

/// The project's files as the engine knows them.
pub(super) struct ProjectSources {
    folder: Folder,
    roots: Roots,
    fleet: RwLock<Fleet>,
    versions: RwLock<Versions>,
    /// Rung when a commit is met that no version is known by.
    unknown: Notify,
    controls: Arc<Controls>,
    time: OnceLock<EngineTime>,
}

impl ProjectSources {
    /// As the files read now.
    pub(super) fn new(
        folder: &Folder,
        roots: &Roots,
        config: &Config,
        versions: Versions,
        controls: Arc<Controls>,
    ) -> Self {
        Self {
            folder: folder.clone(),
            roots: roots.clone(),
            fleet: RwLock::new(config.fleet.clone()),
            versions: RwLock::new(versions),
            unknown: Notify::new(),
            controls,
            time: OnceLock::new(),
        }
    }

    /// Counts by the engine's time from now on.
    pub(super) fn keep_time(&self, time: EngineTime) {
        self.time.get_or_init(|| time);
    }

    /// Learns versions: that of each rollout from its start, others from the repository once their commit is met.
    pub(super) async fn learn(self: Arc<Self>, config: Config, mut events: Receiver<Arc<Event>>) {
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.note(&event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = self.unknown.notified() => {
                    let read = Versions::read(&self.folder, &config).await;
                    self.renew_versions(|versions| versions.extend(read));
                    sleep(READ_TAGS_EVERY).await;
                }
            }
        }
    }

    fn note(&self, event: &Event) {
        if event.line.kind == Kind::RolloutStarted
            && let Ok(started) = RolloutStarted::read(&event.line)
        {
            self.renew_versions(|versions| versions.add(&started.plan.release));
        }
    }

    fn renew_versions(&self, change: impl FnOnce(&mut Versions)) {
        change(
            &mut self
                .versions
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Takes the fleet as it was read anew.
    pub(super) fn renew(&self, fleet: Fleet) {
        *self.fleet.write().unwrap_or_else(PoisonError::into_inner) = fleet;
    }

    fn look<T>(&self, customer: &CustomerId, look: impl FnOnce(&Customer) -> T) -> Option<T> {
        let fleet = self.fleet.read().unwrap_or_else(PoisonError::into_inner);
        fleet.customers.get(customer).map(look)
    }

    /// A customer that joined a moment ago is in the files before the engine has looked at them.
    fn known_or_read(&self, customer: &CustomerId) {
        if self.look(customer, |_| ()).is_none()
            && let Ok(config) = parse::load_running(&self.folder.sources())
        {
            self.renew(config.fleet);
        }
    }

    /// A secret that is not there is held against its customer's turn; why it was not read is for the log.
    fn read(&self, path: &str) -> Option<String> {
        let read = self.roots.read_text(Path::new(path));
        read.inspect_err(|error| tracing::warn!(path, %error, "a secret was not read"))
            .ok()
    }

    fn resolve(&self, source: &SecretSource) -> Option<SecretString> {
        let value = match source {
            SecretSource::Env(name) => variable(name),
            SecretSource::File(path) => self.read(path),
        };
        // The newline with which editors end a file is no part of a secret.
        let value = value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
        value
            .filter(|value| !value.is_empty())
            .map(SecretString::from)
    }
}

impl Sources for ProjectSources {
    fn secret(&self, customer: &CustomerId, name: &str) -> Option<SecretString> {
        self.known_or_read(customer);
        let source = self.look(customer, |customer| customer.secrets.get(name).cloned())??;
        self.resolve(&source)
    }

    fn secrets(&self, customer: &CustomerId) -> Vec<SecretString> {
        let sources = self
            .look(customer, |customer| customer.secrets.clone())
            .unwrap_or_default();
        sources
            .values()
            .filter_map(|source| self.resolve(source))
            .collect()
    }

    fn version(&self, commit: &str) -> Option<String> {
        let versions = self.versions.read().unwrap_or_else(PoisonError::into_inner);
        let known = versions.of(commit).map(str::to_owned);
        if known.is_none() {
            self.unknown.notify_one();
        }
        known
    }

    fn now(&self) -> Timestamp {
        self.time.get().map_or_else(now, EngineTime::now)
    }

    fn controls(&self, customer: &CustomerId) -> Vec<String> {
        let fleet = self.fleet.read().unwrap_or_else(PoisonError::into_inner);
        let others = fleet.customers.iter().filter(|(other, _)| {
            *other != customer && !self.controls.share_a_release(customer, other)
        });
        let urls = others.filter_map(|(_, other)| {
            other
                .services
                .values()
                .find_map(|service| service.url.clone())
        });
        urls.take(CONTROLS).collect()
    }
}
