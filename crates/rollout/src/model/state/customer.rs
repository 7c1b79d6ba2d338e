//! A customer's state, as it is stored.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Release, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::ids::DeployId;
use crate::model::recovery::{Recovery, RecoveryState};
use crate::model::state::service::{DeployState, ServiceState};
use crate::model::state::{VariablesState, is_default};

/// One planned customer. A customer without a row waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CustomerState {
    pub(crate) state: CustomerStatus,
    pub(crate) batch: Option<u32>,
    /// Counts against the phase's tolerance (R12).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) failed: bool,
    /// Failed at some time and was not retried since.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) failed_once: bool,
    /// How often it was retried after it had failed: left out after that, it is no mere exclusion (R12).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) past_failures: u32,
    /// Why it stands where it stands.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) reason: Option<String>,
    /// What Render gave no usable answer to when the last fact about it was recorded (R11).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) unanswered: Option<Unanswered>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    /// When the first of its attempts here was started.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) first_started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) healthy_at: Option<Timestamp>,
    pub(crate) services: BTreeMap<Role, ServiceState>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) hooks: Hooks,
    /// A person sends it back over whatever is live (P30).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) forced: bool,
    /// A person wants the data of an earlier instant too (T15).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) recovery: Option<Recovery>,
    /// Deploys of the release that this journal did not ask for: they hold it until a person decides (R16).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) unknown: BTreeSet<DeployId>,
    /// Those about which a person has decided.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) accepted: BTreeSet<DeployId>,
}

/// What Render gives no usable answer to, since when, and when it is asked again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unanswered {
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
    pub(crate) again_at: Timestamp,
}

/// Where a customer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CustomerStatus {
    #[default]
    Waiting,
    /// On the way to the release.
    Forward,
    Healthy,
    /// On the way back: variables restored, live services rolled back.
    Backward,
    /// Skipped in mid-work: what is not live is tidied up.
    Withdrawing,
    /// A person must decide.
    Held {
        from: HeldFrom,
    },
    Unchanged,
    RolledBack,
    RollbackFailed,
    /// Its variables stand, and nothing was deployed.
    Applied,
    Excluded,
    Skipped,
}

/// What a held customer was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeldFrom {
    Waiting,
    Forward,
    Healthy,
    Backward,
    Withdrawing,
}

/// How far the hooks of a customer have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Hooks {
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) before: HookState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) after: HookState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) on_rollback: HookState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) restore_database: HookState,
}

/// How far one list of hooks has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HookState {
    /// So many are done.
    pub(crate) done: usize,
    /// The next one was begun: its outcome is open.
    pub(crate) begun: bool,
}

impl CustomerState {
    /// A service whose deploy can be taken back by nobody here: it was found, and nothing of before is known (P30).
    pub(crate) fn stays(&self) -> Option<&Role> {
        let mut services = self.services.iter();
        let stays = services.find(|(_, service)| {
            service.found && service.deploy.went_live() && service.rollback == DeployState::None
        });
        stays.map(|(role, _)| role)
    }

    /// Whether it is held because of deploys that this journal did not ask for.
    pub(crate) fn has_met_another(&self) -> bool {
        matches!(self.state, CustomerStatus::Held { .. }) && !self.unknown.is_empty()
    }

    /// Whether Render makes a database for it, and nothing else is under way.
    pub(crate) fn waits_for_database(&self) -> bool {
        let state = self.recovery.as_ref().map(|recovery| &recovery.state);
        matches!(state, Some(RecoveryState::Created { .. }))
    }

    /// Whether services were pointed at a recovered database, and none is any more.
    pub(crate) fn is_pointed_back(&self) -> bool {
        let mut services = self.services.values();
        services.any(|service| service.connections.is_some()) && !self.is_redirected()
    }

    /// Whether a variable of its services names a recovered database by our doing.
    pub(crate) fn is_redirected(&self) -> bool {
        let mut services = self.services.values();
        services.any(|service| service.redirected_keys().is_some())
    }

    /// Whether a deploy or rollback of ours is in flight or in doubt at one of its services (P10, P16).
    pub(crate) fn has_open_request(&self) -> bool {
        let mut services = self.services.values();
        services.any(|service| service.deploy.is_open() || service.rollback.is_open())
            || self.recovery.as_ref().is_some_and(Recovery::is_open)
    }
}

impl CustomerStatus {
    /// Whether commands of this customer may be in flight.
    pub(crate) fn is_working(&self) -> bool {
        matches!(self, Self::Forward | Self::Backward | Self::Withdrawing)
    }

    /// Whether nothing follows by itself any more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Unchanged
                | Self::RolledBack
                | Self::RollbackFailed
                | Self::Applied
                | Self::Excluded
                | Self::Skipped
        )
    }

    /// Whether the customer ended failed.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(
            self,
            Self::Unchanged | Self::RolledBack | Self::RollbackFailed
        )
    }
}

impl CustomerState {
    /// Sends it back with its data; `went_to` is the version to which a `rollback --to` had brought it.
    pub(crate) fn take_back_with(&mut self, recovery: Recovery, went_to: Option<&Release>) {
        // Every attempt has a name of its own, also that of another request.
        let attempt = self.recovery.as_ref().map_or(0, |before| before.attempt);
        self.recovery = Some(Recovery {
            attempt,
            ..recovery
        });
        self.hooks.restore_database = HookState::default();
        for service in self.services.values_mut() {
            match (&service.rollback, &service.deploy, went_to) {
                (DeployState::Live { deploy, .. }, ..) => service.keep(deploy.clone()),
                // That code and its variables stay.
                (_, DeployState::Passed { deploy, .. }, Some(release)) => {
                    service.keep(deploy.clone());
                    service.backup = None;
                    service.variables = VariablesState::Untouched;
                    let baseline = service.baseline.get_or_insert_default();
                    baseline.commit = Some(release.commit.clone());
                    baseline.version = Some(release.version.clone());
                }
                _ => {}
            }
            service.connections = None;
            service.rollback = DeployState::None;
            service.returned = false;
        }
    }
}
