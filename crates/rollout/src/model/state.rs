//! The stored state: one struct a row. What can be derived from these lives in `index` and is never stored.

#[macro_use]
mod stored;
pub(crate) mod customer;
mod phase;
mod rollout;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use policy::calendar::Freeze;
use policy::settings::Pin;
use policy::{CustomerId, PersonId, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::actor::Directory;
use crate::model::directory::EntryChange;
use crate::model::freeze::ManualFreeze;
use crate::model::ids::{DeployId, RolloutId};
use crate::model::recovery::Moved;
use crate::model::unhealthy::Unhealthy;

pub(crate) use self::customer::{
    CustomerState, CustomerStatus, Deferred, Failure, HookState, Hooks, Unanswered,
};
pub use self::customer::{HeldFrom, HookList};
pub(crate) use self::phase::{
    BatchRow, Delay, GateRequest, GateRow, GateState, Granted, PhaseRow, PhaseState, Vote,
};
pub use self::rollout::{DrainTo, Outcome};
pub(crate) use self::rollout::{Operation, Queued, RolloutRow, RolloutState, Sweep, SweepScope};
pub use self::service::Baseline;
pub(crate) use self::service::{
    AutoDeployState, Backup, Connections, DeployState, InDoubt, Intent, RollbackState,
    ServiceState, VariablesState,
};

/// What spans rollouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProductRow {
    pub(crate) seq: u64,
    pub(crate) hash: String,
    pub(crate) at: Timestamp,
    pub(crate) rollouts: u32,
    pub(crate) operations: u32,
    pub(crate) clock_suspected: Option<String>,
    /// Since when engine time has gone by the journal alone; what began since moves along when it follows the wall clock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) unsure_since: Option<Timestamp>,
    pub(crate) workspace_held: Option<String>,
    /// Another engine, or an older state of this one, may be at work: everything open is held until a person says
    /// `resume --moved` (P40).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) elsewhere: Option<Mark>,
    pub(crate) freezes: BTreeMap<String, ManualFreeze>,
    pub(crate) blocks: BTreeMap<String, Block>,
    /// As last read from the files; `None`: as frozen in each plan. A row of its own: it is as large as the fleet, and the
    /// product's row is written with every event.
    #[serde(skip)]
    pub(crate) files: Option<FilesRow>,
}

impl ProductRow {
    /// Takes in since when engine time is not sure.
    pub(crate) fn is_unsure(&mut self, since: Option<Timestamp>) {
        self.unsure_since = self.unsure_since.into_iter().chain(since).min();
    }

    /// The files as last read, if ever.
    pub(crate) fn read_files(&self) -> Option<&FilesRow> {
        self.files.as_ref().filter(|files| !files.never_read)
    }

    /// Who may do what by the files: as last read, or what broken ones have left of that.
    pub(crate) fn directory(&self) -> Option<&Directory> {
        let left = self
            .files
            .as_ref()
            .and_then(|files| files.in_force.as_ref());
        left.or_else(|| Some(&self.read_files()?.directory))
    }

    /// Whether no gate opens, since `tranche.yaml` cannot be parsed.
    pub(crate) fn gates_shut(&self) -> bool {
        self.files.as_ref().is_some_and(|files| files.gates_shut)
    }
}

impl Default for ProductRow {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: crate::model::event::GENESIS.to_owned(),
            at: Timestamp::default(),
            rollouts: 0,
            operations: 0,
            clock_suspected: None,
            unsure_since: None,
            workspace_held: None,
            elsewhere: None,
            freezes: BTreeMap::new(),
            blocks: BTreeMap::new(),
            files: None,
        }
    }
}

/// What of the files counts at once (R6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FilesRow {
    pub(crate) directory: Directory,
    pub(crate) freezes: Vec<Freeze>,
    pub(crate) pins: BTreeMap<CustomerId, Pin>,
    pub(crate) customers: BTreeSet<CustomerId>,
    pub(crate) unapplied: Vec<String>,
    /// Paths that lead out of the project folder without leave (P53).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) outside: Vec<String>,
    pub(crate) unreadable: Option<String>,
    /// They could not be read so far: nothing above says anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) never_read: bool,
    /// While they do not validate: what they have left of `directory`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) in_force: Option<Directory>,
    /// `tranche.yaml` cannot be parsed: who may open a gate is not known, and none opens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) gates_shut: bool,
    /// People whose entry, groups or roles have changed: the last time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) changed: BTreeMap<PersonId, EntryChange>,
}

/// A blocked version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) by: PersonId,
    pub(crate) since: Timestamp,
    pub(crate) reason: String,
}

/// Who did something, when, why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) by: Option<PersonId>,
    pub(crate) at: Timestamp,
    pub(crate) reason: Option<String>,
}

/// One customer over all rollouts: what runs, and whose work it is (R15).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FleetRow {
    pub(crate) running: BTreeMap<Role, RunningService>,
    pub(crate) owner: Option<RolloutId>,
    /// Variables that an operation set and nothing was deployed with since (T9).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) hidden: BTreeMap<Role, Hidden>,
    /// Which database its services read since a person had it restored (T15).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) moved: Option<Moved>,
    /// What failed its checks there and has not passed them since (R19).
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) unhealthy: BTreeMap<Role, Vec<Unhealthy>>,
    /// The newest rollout at whose start all of its deploys were read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) observed: Option<RolloutId>,
    /// The newest deploys then, where these were not the live ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) newest: BTreeMap<Role, DeployId>,
}

/// Variables that stand without a deploy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hidden {
    pub(crate) by: RolloutId,
    pub(crate) keys: Vec<String>,
    pub(crate) since: Timestamp,
}

/// What is live at one service as far as we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningService {
    pub(crate) deploy: Option<DeployId>,
    pub(crate) version: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) since: Timestamp,
}

/// Rows of customers are written with every step: what has not come yet takes no room in them.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
