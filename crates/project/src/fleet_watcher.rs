//! How the monitor sees: probes of the fleet's services, controls, and what runs at Render.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use engine::StateDir;
use monitor::{Observed, ServiceKey, Watcher, WatcherFuture};
use policy::health::{CheckKind, Profile};
use policy::plan::{DATABASE, RunningVersions};
use policy::settings::Service;
use policy::{Config, CustomerId};
use render::probe::{Checkup, CycleSample, Expectation, History, Prober, Subject};
use render::{Client, DeployFilter, DeployStatus};
use rollout::health::CycleResult;

use crate::artifact::{artifact, noun};
use crate::caller::{Caller, Silent};
use crate::error::Error;
use crate::service_kinds::Kinds;
use crate::{connect, fleet, observe, runs, stored};

/// So many other customers are asked whether our own network works.
const CONTROLS: usize = 3;

/// Sees the services of a project's fleet.
pub(crate) struct FleetWatcher {
    place: StateDir,
    caller: Arc<dyn Caller>,
    prober: Prober,
    checkup: Checkup,
    client: Option<Client>,
    kinds: Kinds,
    render_url: String,
    watched: RwLock<BTreeMap<ServiceKey, Watched>>,
}

/// What is asked of one service.
#[derive(Clone, Debug)]
struct Watched {
    service: Service,
    profile: Profile,
}

impl FleetWatcher {
    /// Sees what the files name.
    pub(crate) fn new(
        place: &StateDir,
        config: &Config,
        caller: Arc<dyn Caller>,
    ) -> Result<Self, Error> {
        let prober = connect::prober(config)?;
        // Without a key there is no look for drift, and kinds are guessed; everything else works.
        let client = connect::client(config, &Silent).ok();
        Ok(Self {
            place: place.clone(),
            caller,
            // Render's metrics are for figures over time; a probe is judged by what it saw.
            checkup: Checkup::new(prober.clone(), None),
            prober,
            kinds: Kinds::new(client.clone()),
            client,
            render_url: config.project.render.url.clone(),
            watched: RwLock::new(watched(config)?),
        })
    }

    /// The services of these customers, or of all.
    pub(crate) fn services(&self, customers: &[CustomerId]) -> Vec<ServiceKey> {
        let is_meant =
            |key: &&ServiceKey| customers.is_empty() || customers.contains(&key.customer);
        let watched = self.watched.read().unwrap_or_else(PoisonError::into_inner);
        watched.keys().filter(is_meant).cloned().collect()
    }

    /// Takes the fleet as it was read anew.
    pub(crate) fn renew(&self, config: &Config) {
        // Files that make no plan count as unchanged (R6).
        if let Ok(renewed) = watched(config) {
            *self.watched.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        }
    }

    fn find(&self, key: &ServiceKey) -> Option<Watched> {
        let watched = self.watched.read().unwrap_or_else(PoisonError::into_inner);
        watched.get(key).cloned()
    }

    /// Addresses that have nothing to do with this customer.
    fn controls(&self, key: &ServiceKey) -> Vec<String> {
        let watched = self.watched.read().unwrap_or_else(PoisonError::into_inner);
        let others = watched
            .iter()
            .filter(|(other, _)| other.customer != key.customer);
        let urls = others.filter_map(|(_, other)| other.service.url.clone());
        let controls = urls.take(CONTROLS);
        controls.chain([self.render_url.clone()]).collect()
    }

    /// What runs at a service if that is not what we put there; `None`: nothing is known.
    async fn drift(
        &self,
        client: &Client,
        key: &ServiceKey,
        ours: &RunningVersions,
    ) -> Option<Option<String>> {
        let expected = ours.get(&key.customer)?.get(&key.service)?;
        let commit = expected.commit.as_deref()?;
        let service = self.find(key)?.service.id;
        let live = DeployFilter {
            statuses: vec![DeployStatus::Live],
            ..DeployFilter::default()
        };
        let deploys = client.deploys(&service, &live, 1).await.ok()?;
        let runs = deploys.first()?;
        let found = observe::deploy_view(runs);
        let exact = found.exact()?;
        Some((!found.is_of(commit)).then(|| {
            let version = expected.version.as_deref().unwrap_or("an unnamed version");
            format!(
                "deploy {} runs {} {}, but {version} ({}) was put there",
                runs.id,
                noun(&exact),
                artifact(&exact),
                artifact(commit)
            )
        }))
    }
}

impl Watcher for FleetWatcher {
    fn probe<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, Observed> {
        Box::pin(async move {
            let Some(watched) = self.find(key) else {
                let reason = "it is no longer in customers.yaml".to_owned();
                return Observed::NoData { reason };
            };
            let Watched { service, profile } = watched;
            let subject = Subject {
                kind: self.kinds.of(&service.id, &key.service).await,
                service: service.id,
                role: key.service.clone(),
                url: service.url,
            };
            let (expected, mut history) = (Expectation::default(), History::default());
            let cycle = self
                .checkup
                .cycle(&subject, &profile, &expected, &mut history);
            observed(&cycle.await)
        })
    }

    fn control<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, bool> {
        Box::pin(async move {
            for address in self.controls(key) {
                // Any answer at all has come through our network.
                if self.prober.get(&address).await.is_ok() {
                    return true;
                }
            }
            false
        })
    }

    fn compare(
        &self,
        keys: Vec<ServiceKey>,
    ) -> WatcherFuture<'_, Vec<(ServiceKey, Option<String>)>> {
        Box::pin(async move {
            let (Some(client), Some((ours, busy))) = (&self.client, self.known().await) else {
                return Vec::new();
            };
            let mut compared = Vec::new();
            for key in keys {
                // Reads are a budget of the whole fleet, and rollouts come first (T21).
                if !client.has_spare_reads() {
                    break;
                }
                if busy.contains(&key.customer) {
                    continue;
                }
                if let Some(drift) = self.drift(client, &key, &ours).await {
                    compared.push((key, drift));
                }
            }
            compared
        })
    }
}

impl FleetWatcher {
    /// What runs where by our own journal, and the customers that a rollout is at work on.
    async fn known(&self) -> Option<(RunningVersions, BTreeSet<CustomerId>)> {
        let (place, caller) = (self.place.clone(), Arc::clone(&self.caller));
        let read = move || {
            let product = stored::product(&place, &*caller).ok()?;
            let views = product.overview().into_iter();
            let unfinished = views.filter(|run| !run.has_ended());
            let busy = unfinished
                .flat_map(|run| run.customers)
                .filter(|one| one.state.is_in_hand())
                .map(|one| one.customer);
            Some((runs::running(&product), busy.collect()))
        };
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }
}

fn watched(config: &Config) -> Result<BTreeMap<ServiceKey, Watched>, Error> {
    let plan = fleet::plan(config)?;
    let mut watched = BTreeMap::new();
    for (id, customer) in &config.fleet.customers {
        let Some(profile) = fleet::profile(config, &plan, id) else {
            continue;
        };
        for (role, service) in &customer.services {
            if role.as_str() == DATABASE || service.url.is_none() {
                continue;
            }
            let key = ServiceKey::new(id.clone(), role.clone());
            let (service, profile) = (service.clone(), of_one_probe(profile));
            watched.insert(key, Watched { service, profile });
        }
    }
    Ok(watched)
}

/// The checks that one probe can answer; figures over many are the monitor's own, and versions are compared as drift.
fn of_one_probe(profile: &Profile) -> Profile {
    let mut profile = profile.clone();
    profile.checks.retain(|check| match check.kind {
        CheckKind::Http(_) | CheckKind::Database { .. } => true,
        CheckKind::Version(_)
        | CheckKind::Latency { .. }
        | CheckKind::ErrorRate { .. }
        | CheckKind::Baseline { .. } => false,
    });
    if profile.checks.is_empty() {
        profile.checks = Profile::basic().checks;
    }
    profile
}

fn observed(sample: &CycleSample) -> Observed {
    match sample.result() {
        CycleResult::Passed => {
            let latencies = sample.checks.iter().filter_map(|check| check.latency_ms);
            Observed::Up {
                latency_ms: latencies.max().unwrap_or_default(),
            }
        }
        CycleResult::Failed { reason } => Observed::Down { reason },
        CycleResult::NoData { reason } => Observed::NoData { reason },
    }
}
