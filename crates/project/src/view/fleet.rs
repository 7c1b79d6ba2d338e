//! Who is in the fleet, by the files, and what runs there as far as rollouts tell?

use std::collections::{BTreeMap, BTreeSet};

use policy::plan::{RunningVersions, order};
use policy::{Config, Customer, CustomerId, Role, Running};
use rollout::Product;
use rollout::view::MovedView;
use serde::Serialize;

use crate::error::Error;
use crate::{fleet, runs};

/// One customer in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetCustomer {
    /// Its key.
    pub customer: CustomerId,
    /// What people call it.
    pub name: String,
    /// Its tier.
    pub tier: String,
    /// Its zone, or the project's.
    pub timezone: &'static str,
    /// Its services by their roles.
    pub services: Vec<Role>,
    /// The versions that run there.
    pub runs: Vec<String>,
    /// The version that it is kept on.
    pub pinned: Option<String>,
    /// How much it counts.
    pub weight: u64,
}

impl FleetCustomer {
    /// The fleet, in the order of the phases and then of R2.
    pub fn read(config: &Config, product: &Product) -> Vec<Self> {
        let running = runs::running(product);
        let places = tier_places(config);
        let place = |customer: &Customer| {
            let place = places.get(customer.tier.as_str());
            place.copied().unwrap_or(usize::MAX)
        };
        let mut customers: Vec<_> = config.fleet.customers.iter().collect();
        customers.sort_by_key(|(id, customer)| (place(customer), customer.order, *id));
        let listed = customers.into_iter();
        listed
            .map(|(id, customer)| Self::of(config, &running, id, customer))
            .collect()
    }

    fn of(
        config: &Config,
        running: &RunningVersions,
        id: &CustomerId,
        customer: &Customer,
    ) -> Self {
        let running = running.get(id).into_iter();
        let versions = running.flat_map(BTreeMap::values);
        let versions: BTreeSet<&String> = versions.filter_map(|one| one.version.as_ref()).collect();
        Self {
            customer: id.clone(),
            name: customer.name.clone(),
            tier: customer.tier.clone(),
            timezone: customer.timezone.unwrap_or(config.project.timezone).name(),
            services: customer.services.keys().cloned().collect(),
            runs: versions.into_iter().cloned().collect(),
            pinned: customer.pin.as_ref().map(|pin| pin.version.clone()),
            weight: customer.weight,
        }
    }
}

/// Where each tier stands in the order of the phases.
fn tier_places(config: &Config) -> BTreeMap<&str, usize> {
    let Ok(phases) = order(config.policies.values()) else {
        return BTreeMap::new();
    };
    let tiers = phases
        .into_iter()
        .map(|(policy, _)| policy.customers.tier.as_deref());
    tiers
        .enumerate()
        .filter_map(|(place, tier)| Some((tier?, place)))
        .collect()
}

/// One customer, with what runs there as far as the rollouts so far tell.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerCard {
    /// As the files have it; where its secrets come from, never what they are.
    #[serde(flatten)]
    pub customer: Customer,
    /// What each of its services runs.
    pub running: BTreeMap<Role, Running>,
    /// The database that its services read since a `rollback --database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_database: Option<MovedView>,
}

impl CustomerCard {
    /// The customer of that key.
    ///
    /// # Errors
    /// [`Error::UnknownCustomer`] if there is none.
    pub fn read(config: &Config, product: &Product, id: &CustomerId) -> Result<Self, Error> {
        let customer = fleet::customer(config, id)?.clone();
        let mut running = runs::running(product);
        Ok(Self {
            customer,
            running: running.remove(id).unwrap_or_default(),
            restored_database: product.recovered_database(id),
        })
    }
}
