//! The state as rows: what is stored beside the journal, and how it is read back.

use std::sync::Arc;

use policy::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fold::index::Rollout;
use crate::fold::state::{RowKey, State};
use crate::model::ids::RolloutId;
use crate::model::plan_flaw;
use crate::model::state::{
    BatchRow, CustomerState, FilesRow, FleetRow, GateRow, PhaseRow, ProductRow, RolloutRow,
};

/// Stored rows that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A row of an unknown shape.
    #[error("row `{key}` cannot be read")]
    Row {
        /// Which row.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A row that belongs to nothing.
    #[error("row `{key}` belongs to no rollout")]
    Orphan {
        /// Which row.
        key: String,
    },
    /// A row of which this release knows nothing.
    #[error("row `{key}` is unknown")]
    Unknown {
        /// Which row.
        key: String,
    },
    /// A plan by which nobody could be driven.
    #[error("row `{key}` does not hold together: {what}")]
    Unsound {
        /// Which row.
        key: String,
        /// What does not fit.
        what: String,
    },
}

impl State {
    /// Reads the state back from its rows, in any order.
    ///
    /// # Errors
    /// A row of an unknown shape, an unknown one, one that belongs to no rollout, or a plan that does not hold together.
    pub(crate) fn load(
        rows: impl IntoIterator<Item = (RowKey, String)>,
    ) -> Result<Self, LoadError> {
        let mut state = Self::default();
        let (mut files, mut later) = (None, Vec::new());
        for (key, json) in rows {
            match key.0.split_once('/') {
                None if key == RowKey::files() => files = Some(read::<FilesRow>(&key.0, &json)?),
                None if key == RowKey::product() => {
                    state.product = read::<ProductRow>(&key.0, &json)?;
                }
                Some(("fleet", customer)) => {
                    state
                        .fleet
                        .insert(customer.into(), read::<FleetRow>(&key.0, &json)?);
                }
                Some((family, rest)) if is_of_a_rollout(family, rest) => later.push((key.0, json)),
                None | Some(_) => return Err(LoadError::Unknown { key: key.0 }),
            }
        }
        state.product.files = files;
        state.load_rollouts(&later)?;
        Ok(state)
    }

    fn load_rollouts(&mut self, rows: &[(String, String)]) -> Result<(), LoadError> {
        let of = |family: &'static str| {
            rows.iter().filter_map(move |(key, json)| {
                let rest = key.strip_prefix(family)?.strip_prefix('/')?;
                let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
                Some((key, id.parse::<RolloutId>().ok()?, rest, json))
            })
        };
        let mut plans = std::collections::BTreeMap::new();
        for (key, id, _, json) in of("plan") {
            let plan = read::<Plan>(key, json)?;
            if let Some(what) = plan_flaw::flaw(&plan) {
                let key = key.clone();
                return Err(LoadError::Unsound { key, what });
            }
            plans.insert(id, Arc::new(plan));
        }
        for (key, id, _, json) in of("rollout") {
            let row = read::<RolloutRow>(key, json)?;
            let rollout = match plans.remove(&id) {
                Some(plan) => Rollout::new(row, plan),
                None if row.state.asked().is_some() => Rollout::queued(row),
                None => return Err(orphan(key)),
            };
            self.rollouts.insert(id, rollout);
        }
        if let Some(id) = plans.keys().next() {
            return Err(orphan(&RowKey::plan(*id).0));
        }
        for (key, id, name, json) in of("phase") {
            let rollout = self.rollout_of(key, id)?;
            let phase = rollout
                .phase_index(&name.into())
                .ok_or_else(|| orphan(key))?;
            rollout.phases[phase] = read::<PhaseRow>(key, json)?;
        }
        for (key, id, rest, json) in of("batch") {
            let rollout = self.rollout_of(key, id)?;
            let (name, batch) = rest.rsplit_once('/').ok_or_else(|| orphan(key))?;
            let phase = rollout
                .phase_index(&name.into())
                .ok_or_else(|| orphan(key))?;
            let batch = batch.parse().map_err(|_| orphan(key))?;
            rollout
                .batches
                .insert((phase, batch), read::<BatchRow>(key, json)?);
        }
        for (key, id, gate, json) in of("gate") {
            let rollout = self.rollout_of(key, id)?;
            let (gate, _) = rollout.find_gate(gate).ok_or_else(|| orphan(key))?;
            rollout.gates.insert(gate, read::<GateRow>(key, json)?);
        }
        for (key, id, customer, json) in of("customer") {
            self.rollout_of(key, id)?
                .load_customer(customer.into(), read::<CustomerState>(key, json)?);
        }
        self.rollouts.values_mut().for_each(Rollout::derive);
        Ok(())
    }

    fn rollout_of(&mut self, key: &str, id: RolloutId) -> Result<&mut Rollout, LoadError> {
        self.rollouts.get_mut(&id).ok_or_else(|| orphan(key))
    }

    /// The stored form of a row; `None`: it does not exist.
    pub(crate) fn row(&self, key: &RowKey) -> Option<String> {
        let (family, rest) = match key.0.split_once('/') {
            None if *key == RowKey::files() => return self.product.files.as_ref().map(write),
            None => return Some(write(&self.product)),
            Some(("fleet", customer)) => return self.fleet.get(&customer.into()).map(write),
            Some(parts) => parts,
        };
        let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let rollout = self.rollouts.get(&id.parse().ok()?)?;
        match family {
            "rollout" => Some(write(&rollout.row)),
            "plan" => rollout
                .row
                .started_at
                .is_some()
                .then(|| write(&*rollout.plan)),
            "phase" => rollout
                .phase_index(&rest.into())
                .map(|phase| write(&rollout.phases[phase])),
            "batch" => {
                let (name, batch) = rest.rsplit_once('/')?;
                let phase = rollout.phase_index(&name.into())?;
                rollout
                    .batches
                    .get(&(phase, batch.parse().ok()?))
                    .map(write)
            }
            "gate" => rollout.gates.get(&rollout.find_gate(rest)?.0).map(write),
            "customer" => {
                let customer = rest.into();
                rollout
                    .has_customer(&customer)
                    .then(|| write(rollout.customer(&customer)))
            }
            _ => None,
        }
    }

    /// The keys of all rows.
    pub(crate) fn row_keys(&self) -> Vec<RowKey> {
        let mut keys = vec![RowKey::product()];
        keys.extend(self.product.files.iter().map(|_| RowKey::files()));
        keys.extend(self.fleet.keys().map(RowKey::fleet));
        for (id, rollout) in &self.rollouts {
            keys.push(RowKey::rollout(*id));
            if rollout.row.started_at.is_some() {
                keys.extend(rollout.plan_rows(*id));
            }
            keys.extend(
                rollout
                    .customers()
                    .map(|(customer, _)| RowKey::customer(*id, customer)),
            );
        }
        keys
    }
}

impl Rollout {
    /// The rows that come and go with the plan.
    pub(crate) fn plan_rows(&self, id: RolloutId) -> Vec<RowKey> {
        let name = |phase: usize| &self.plan.phases[phase].policy.name;
        let phases = (0..self.phases.len()).map(|phase| RowKey::phase(id, name(phase)));
        let batches = self.batches.keys();
        let batches = batches.map(|(phase, batch)| RowKey::batch(id, name(*phase), *batch));
        let gates = self.gates.keys().map(|gate| RowKey::gate(id, gate));
        let mut rows = vec![RowKey::plan(id)];
        rows.extend(phases.chain(batches).chain(gates));
        rows
    }
}

/// Whether a row belongs to a rollout or operation, as far as its key tells.
fn is_of_a_rollout(family: &str, rest: &str) -> bool {
    const FAMILIES: [&str; 6] = ["rollout", "plan", "phase", "batch", "gate", "customer"];
    let id = rest.split('/').next().unwrap_or(rest);
    FAMILIES.contains(&family) && id.parse::<RolloutId>().is_ok()
}

fn orphan(key: &str) -> LoadError {
    LoadError::Orphan {
        key: key.to_owned(),
    }
}

fn read<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, LoadError> {
    serde_json::from_str(json).map_err(|source| LoadError::Row {
        key: key.to_owned(),
        source,
    })
}

fn write<T: Serialize>(row: &T) -> String {
    serde_json::to_string(row).expect("rows serialise")
}
