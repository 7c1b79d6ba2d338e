//! What no command carries: secrets and addresses from the files, versions from the repository.

use std::fs;
use std::sync::{Arc, PoisonError, RwLock};

use policy::settings::SecretSource;
use policy::{Config, Customer, CustomerId, Fleet, parse};
use render::executor::Sources;
use secrecy::SecretString;

use super::controls::Controls;
use crate::project::{Folder, variable};
use crate::release::Versions;

/// So many controls are named for one customer.
const CONTROLS: usize = 3;

/// The project's files as the engine knows them.
pub(super) struct ProjectSources {
    folder: Folder,
    fleet: RwLock<Fleet>,
    versions: Versions,
    controls: Arc<Controls>,
}

impl ProjectSources {
    /// As the files read now.
    pub(super) fn new(
        folder: &Folder,
        config: &Config,
        versions: Versions,
        controls: Arc<Controls>,
    ) -> Self {
        Self {
            folder: folder.clone(),
            fleet: RwLock::new(config.fleet.clone()),
            versions,
            controls,
        }
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
            && let Ok(sources) = self.folder.sources()
            && let Ok(config) = parse::load(&sources)
        {
            self.renew(config.fleet);
        }
    }

    fn resolve(&self, source: &SecretSource) -> Option<SecretString> {
        let value = match source {
            SecretSource::Env(name) => variable(name),
            SecretSource::File(path) => fs::read_to_string(self.folder.dir().join(path)).ok(),
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
        self.versions.of(commit).map(str::to_owned)
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
