//! Everything that is stored, and which rows a fact has touched.

use std::collections::{BTreeMap, BTreeSet};

use policy::{CustomerId, PolicyId};
use serde::{Deserialize, Serialize};

use crate::fold::index::Rollout;
use crate::model::ids::{GateId, RolloutId};
use crate::model::state::{FleetRow, ProductRow};

/// The key of a stored row: `product`, `files`, `rollout/r1`, `plan/r1`, `phase/r1/NAME`, `batch/r1/NAME/2`, `gate/r1/GATE`,
/// `customer/r1/KEY`, `fleet/KEY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(pub String);

impl RowKey {
    pub(crate) fn product() -> Self {
        Self("product".to_owned())
    }

    pub(crate) fn files() -> Self {
        Self("files".to_owned())
    }

    pub(crate) fn rollout(id: RolloutId) -> Self {
        Self(format!("rollout/{id}"))
    }

    pub(crate) fn plan(id: RolloutId) -> Self {
        Self(format!("plan/{id}"))
    }

    pub(crate) fn phase(id: RolloutId, phase: &PolicyId) -> Self {
        Self(format!("phase/{id}/{phase}"))
    }

    pub(crate) fn batch(id: RolloutId, phase: &PolicyId, batch: u32) -> Self {
        Self(format!("batch/{id}/{phase}/{batch}"))
    }

    /// A customer's gate and a phase's gate cannot share a name: validation refuses a customer called like a policy.
    pub(crate) fn gate(id: RolloutId, gate: &GateId) -> Self {
        Self(format!("gate/{id}/{gate}"))
    }

    pub(crate) fn customer(id: RolloutId, customer: &CustomerId) -> Self {
        Self(format!("customer/{id}/{customer}"))
    }

    pub(crate) fn fleet(customer: &CustomerId) -> Self {
        Self(format!("fleet/{customer}"))
    }
}

/// Everything that is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) product: ProductRow,
    pub(crate) rollouts: BTreeMap<RolloutId, Rollout>,
    pub(crate) fleet: BTreeMap<CustomerId, FleetRow>,
    pub(crate) touched: BTreeSet<RowKey>,
    /// The first event that did not fold as it was meant.
    pub(crate) damage: Option<Damage>,
}

impl State {
    pub(crate) fn touch(&mut self, key: RowKey) {
        self.touched.insert(key);
    }

    /// A rollout or operation, if there is one by this name.
    pub(crate) fn find(&self, id: RolloutId) -> Option<&Rollout> {
        self.rollouts.get(&id)
    }

    /// Rollouts and operations that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&RolloutId, &Rollout)> {
        self.rollouts
            .iter()
            .filter(|(_, rollout)| !rollout.is_ended())
    }
}

/// An event that does not fold as it was meant, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which event.
    pub seq: u64,
    /// What is wrong, as a sentence fragment about the event.
    pub what: String,
}
