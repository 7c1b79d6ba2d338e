//! What does every service run, as far as is known?

use std::collections::{BTreeMap, BTreeSet};

use monitor::{Condition, ServiceKey};
use policy::plan::DATABASE;
use policy::{Config, CustomerId, Role, Timestamp};
use rollout::view::RunningView;
use serde::Serialize;

use crate::backend::Backend;
use crate::error::Error;

/// What a service runs by the journal, and what the monitor has seen it run instead.
#[derive(Clone, Debug, Serialize)]
pub struct Tracked {
    /// By the journal.
    #[serde(flatten)]
    pub running: RunningView,
    /// Why that is no longer what runs, if it is not.
    pub drift: Option<String>,
}

impl Tracked {
    /// Every service that rollouts and operations tell of, and with the files those of which nobody knows what they run;
    /// nothing where nothing was ever started.
    pub async fn read(
        backend: &dyn Backend,
        files: impl FnOnce() -> Option<Config>,
    ) -> Result<Vec<Self>, Error> {
        let mut drifts = drifts(backend).await?;
        let mut running = backend.product().await?.running_versions();
        if !running.is_empty() {
            // Without the project's files there is only what was tracked.
            add_untouched(&mut running, files().as_ref());
        }
        let tracked = running.into_iter().map(|running| {
            let key = ServiceKey::new(running.customer.clone(), running.service.clone());
            let drift = drifts.remove(&key);
            Self { running, drift }
        });
        Ok(tracked.collect())
    }
}

/// Adds the services that no rollout has ever looked at.
fn add_untouched(running: &mut Vec<RunningView>, files: Option<&Config>) {
    let customers = files.into_iter().flat_map(|config| &config.fleet.customers);
    let services = customers.flat_map(|(id, customer)| {
        let roles = customer.services.keys();
        let deployed = roles.filter(|role| role.as_str() != DATABASE);
        deployed.map(move |role| (id, role))
    });
    let tracked = running.iter();
    let known: BTreeSet<(CustomerId, Role)> = tracked
        .map(|one| (one.customer.clone(), one.service.clone()))
        .collect();
    for (customer, service) in services {
        if !known.contains(&(customer.clone(), service.clone())) {
            running.push(RunningView {
                customer: customer.clone(),
                service: service.clone(),
                version: None,
                commit: None,
                since: Timestamp::UNIX_EPOCH,
            });
        }
    }
    running.sort_by(|a, b| (&a.customer, &a.service).cmp(&(&b.customer, &b.service)));
}

/// The services in which the monitor has found what we did not put there.
async fn drifts(backend: &dyn Backend) -> Result<BTreeMap<ServiceKey, String>, Error> {
    let open = backend.alerts(false).await?.into_iter().flatten();
    let drifts = open.filter(|alert| alert.condition == Condition::Drift);
    Ok(drifts.map(|alert| (alert.key, alert.reason)).collect())
}
