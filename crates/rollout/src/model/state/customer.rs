//! A customer's state, as it is stored.

use std::collections::{BTreeMap, BTreeSet};

use policy::{PersonId, Release, Role, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::ids::DeployId;
use crate::model::recovery::{Recovery, RecoveryState};
use crate::model::state::service::{DeployState, RollbackState, ServiceState};
use crate::model::state::{VariablesState, is_default};

stored! {
    /// One planned customer. A customer without a row waits.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub CustomerState stored as
    #[derive(Default)]
    #[serde(default)]
    CustomerJson, |row, stored| {
        held {
            /// Since when it was healthy, of one that is no more: it has had the release.
            was_healthy_at: Option<Timestamp> =
                stored.healthy_at.filter(|_| !stored.state.is_healthy()),
            status: CustomerStatus = stored.state.since(stored.healthy_at)?,
            failure: Failure = Failure::of(stored.failed, stored.failed_once),
        }
        kept {
            state: CustomerStatus = row.status,
        }
        same {
            batch: Option<u32>,
        }
        kept {
            #[serde(skip_serializing_if = "is_default")]
            failed: bool = row.failure == Failure::Counts,
            #[serde(skip_serializing_if = "is_default")]
            failed_once: bool = row.failure != Failure::None,
        }
        same {
            /// How often it was retried after it had failed: left out after that, it is no mere exclusion (R12).
            #[serde(skip_serializing_if = "is_default")]
            past_failures: u32,
            /// Why it stands where it stands.
            #[serde(skip_serializing_if = "is_default")]
            reason: Option<String>,
            /// What Render gave no usable answer to when the last fact about it was recorded (R11).
            #[serde(skip_serializing_if = "is_default")]
            unanswered: Option<Unanswered>,
            /// Since when it stands there; absent, it has waited from the beginning.
            since: Option<Timestamp>,
            /// When its last attempt here was started, whatever has become of it.
            started_at: Option<Timestamp>,
            /// When the first of its attempts here was started.
            #[serde(skip_serializing_if = "is_default")]
            first_started_at: Option<Timestamp>,
        }
        kept {
            #[serde(skip_serializing_if = "is_default")]
            healthy_at: Option<Timestamp> = row.status.healthy_since().or(row.was_healthy_at),
        }
        same {
            services: BTreeMap<Role, ServiceState>,
            #[serde(skip_serializing_if = "is_default")]
            hooks: Hooks,
            /// A person sends it back over whatever is live (P30).
            #[serde(skip_serializing_if = "is_default")]
            forced: bool,
            /// A person wants the data of an earlier instant too (T15).
            #[serde(skip_serializing_if = "is_default")]
            recovery: Option<Recovery>,
            /// Deploys of the release that this journal did not ask for: they hold it until a person decides (R16). One that
            /// is left out while they hold it keeps them.
            #[serde(skip_serializing_if = "is_default")]
            unknown: BTreeSet<DeployId>,
            /// Those about which a person has decided.
            #[serde(skip_serializing_if = "is_default")]
            accepted: BTreeSet<DeployId>,
            /// How its date was put off.
            #[serde(skip_serializing_if = "is_default")]
            deferral: Option<Deferred>,
        }
    }
}

/// What Render gives no usable answer to, since when, and when it is asked again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unanswered {
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
    pub(crate) again_at: Timestamp,
}

/// How a customer's date was put off, also once that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deferred {
    /// The first date on which it could have gone.
    pub(crate) first: Timestamp,
    /// How often.
    pub(crate) times: u32,
    /// Until when, unless a person has ended it.
    pub(crate) until: Option<Timestamp>,
    pub(crate) since: Timestamp,
    pub(crate) by: PersonId,
    pub(crate) reason: Option<String>,
}

impl Deferred {
    /// Until when it holds the customer at an instant, if it does.
    pub(crate) fn holds_at(&self, at: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > at)
    }
}

/// Where a customer stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CustomerStatus {
    #[default]
    Waiting,
    /// On the way to the release.
    Forward,
    /// Since when; the row tells it beside the state.
    Healthy(#[serde(skip)] Timestamp),
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

/// What its failures count for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It has not failed, or was retried since.
    #[default]
    None,
    /// It failed, or was taken back since others failed: a retry of failed customers means it too.
    Past,
    /// It counts against the phase's tolerance (R12).
    Counts,
}

impl Failure {
    fn of(counts: bool, past: bool) -> Self {
        match (counts, past) {
            (true, _) => Self::Counts,
            (false, true) => Self::Past,
            (false, false) => Self::None,
        }
    }

    /// Counts no more, whatever comes of it.
    pub(crate) fn pass(&mut self) {
        if *self == Self::Counts {
            *self = Self::Past;
        }
    }
}

/// What a held customer was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldFrom {
    /// Nothing yet.
    Waiting,
    /// On the way to the release.
    Forward,
    /// Watched.
    Healthy,
    /// On the way back.
    Backward,
    /// Being left out.
    Withdrawing,
}

words! {
    /// When hooks run: the lists of a policy.
    HookList {
        /// Before the first deploy.
        Before = "before",
        /// After the last service has passed.
        After = "after",
        /// After the way back.
        OnRollback = "on_rollback",
        /// To bring the data back.
        RestoreDatabase = "restore_database",
    }
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

impl Hooks {
    /// How far one list has come.
    pub(crate) fn of(&self, list: HookList) -> &HookState {
        match list {
            HookList::Before => &self.before,
            HookList::After => &self.after,
            HookList::OnRollback => &self.on_rollback,
            HookList::RestoreDatabase => &self.restore_database,
        }
    }

    /// The same, to be changed.
    pub(crate) fn of_mut(&mut self, list: HookList) -> &mut HookState {
        match list {
            HookList::Before => &mut self.before,
            HookList::After => &mut self.after,
            HookList::OnRollback => &mut self.on_rollback,
            HookList::RestoreDatabase => &mut self.restore_database,
        }
    }
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
    /// Takes another state.
    pub(crate) fn enter(&mut self, status: CustomerStatus) {
        let reached_at = self.reached_at();
        self.was_healthy_at = reached_at.filter(|_| !status.is_healthy());
        self.status = status;
    }

    /// It begins anew, and has not had the release before.
    pub(crate) fn forget_reached(&mut self) {
        self.enter(CustomerStatus::Waiting);
        self.was_healthy_at = None;
    }

    /// When it had the release last, also of one that is healthy no more.
    pub(crate) fn reached_at(&self) -> Option<Timestamp> {
        self.status.healthy_since().or(self.was_healthy_at)
    }

    /// A service whose deploy can be taken back by nobody here: it was found, and nothing of before is known (P30).
    pub(crate) fn stays(&self) -> Option<&Role> {
        let mut services = self.services.iter();
        let stays = services.find(|(_, service)| {
            service.found && service.deploy.went_live() && service.rollback == RollbackState::None
        });
        stays.map(|(role, _)| role)
    }

    /// Whether it is held because of deploys that this journal did not ask for.
    pub(crate) fn has_met_another(&self) -> bool {
        matches!(self.status, CustomerStatus::Held { .. }) && !self.unknown.is_empty()
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
    /// Since when it is healthy; `None`: it is not.
    pub(crate) fn healthy_since(&self) -> Option<Timestamp> {
        match self {
            Self::Healthy(at) => Some(*at),
            Self::Waiting
            | Self::Forward
            | Self::Backward
            | Self::Withdrawing
            | Self::Held { .. }
            | Self::Unchanged
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Applied
            | Self::Excluded
            | Self::Skipped => None,
        }
    }

    /// Whether it is on the release and well.
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy(_))
    }

    /// As it is stored: since when it is healthy stands beside it.
    fn since(self, healthy_at: Option<Timestamp>) -> Result<Self, String> {
        match (self.is_healthy(), healthy_at) {
            (false, _) => Ok(self),
            (true, Some(at)) => Ok(Self::Healthy(at)),
            (true, None) => Err("a healthy customer has no `healthy_at`".to_owned()),
        }
    }

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
                (RollbackState::Live { deploy, .. }, ..) => service.keep(deploy.clone()),
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
            service.rollback = RollbackState::None;
            service.returned = false;
        }
    }
}
