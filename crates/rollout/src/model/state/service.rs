//! What is stored of one service of a customer, and how far a request for it has come (R16, R19).

use policy::Timestamp;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::model::ids::{AttachmentId, DeployId};

/// One service of a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServiceState {
    pub(crate) baseline: Option<Baseline>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) auto_deploy: AutoDeployState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) backup: Option<Backup>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) variables: VariablesState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) attempt: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) deploy: DeployState,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) rollback_attempt: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) rollback: RollbackState,
    /// The rollback's target is gone: its commit is deployed instead (R19).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) target_gone: bool,
    /// The rolled-back service was seen healthy.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) returned: bool,
    /// Its deploy was there before we asked for any: nothing is known that it could be returned to (P30).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) found: bool,
    /// The variables that connect it to a recovered database, apart from those of the release (T15).
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) connections: Option<Connections>,
}

/// What was there when we began (R19).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The live deploy.
    pub deploy: Option<DeployId>,
    /// Its commit.
    pub commit: Option<String>,
    /// The version that answered.
    pub version: Option<String>,
    /// Whether Render deploys new commits by itself.
    pub auto_deploy: bool,
    /// Upon what, as Render writes it (P32).
    #[serde(default, skip_serializing_if = "is_default")]
    pub auto_deploy_trigger: Option<String>,
    /// How long it took to answer, in the slowest twentieth of requests.
    pub p95_ms: Option<u32>,
}

/// What connects a service to a recovered database, and how far that is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Connections {
    pub(crate) backup: Backup,
    pub(crate) state: VariablesState,
    /// They could not be put back when the customer was left out.
    pub(crate) stays: bool,
}

/// Where the old variables are, and which keys we write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) id: AttachmentId,
    pub(crate) keys: Vec<String>,
}

/// Whether we switched auto-deploy off (P32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AutoDeployState {
    #[default]
    Untouched,
    OffIntended,
    Off,
    OnIntended,
    Restored,
}

/// Whether our variables stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariablesState {
    #[default]
    Untouched,
    Intended,
    Set,
    RestoreIntended,
    Restored,
}

/// A request that has not left, as far as is known: when it was intended, and which deploys were there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) at: Timestamp,
    pub(crate) known: Vec<DeployId>,
}

/// A request that may or may not have taken effect; nothing of it can appear any more after `until`, or behind another deploy
/// if Render has queued it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InDoubt {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) queued: bool,
    pub(crate) known: Vec<DeployId>,
}

/// Where the return of a service to what was live before stands (R16, R19).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RollbackState {
    #[default]
    None,
    Intended(Intent),
    Unknown(InDoubt),
    Running {
        deploy: DeployId,
        deadline: Timestamp,
    },
    Live {
        deploy: DeployId,
        at: Timestamp,
    },
    /// Over without having gone live.
    Ended,
}

impl RollbackState {
    /// Whether something may have been requested whose end is not known (P10, P16).
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Intended(_) | Self::Unknown(_) | Self::Running { .. } => true,
            Self::None | Self::Live { .. } | Self::Ended => false,
        }
    }

    /// Whether the old version serves again.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// The deploy's id, once known.
    pub(crate) fn id(&self) -> Option<&DeployId> {
        match self {
            Self::Running { deploy, .. } | Self::Live { deploy, .. } => Some(deploy),
            Self::None | Self::Intended(_) | Self::Unknown(_) | Self::Ended => None,
        }
    }
}

/// Where the request for a deploy to the release stands (R16).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeployState {
    #[default]
    None,
    Intended(Intent),
    Unknown(InDoubt),
    Running {
        deploy: DeployId,
        deadline: Timestamp,
    },
    CancelIntended {
        deploy: DeployId,
    },
    Live {
        deploy: DeployId,
        at: Timestamp,
    },
    Passed {
        deploy: DeployId,
        at: Timestamp,
    },
    /// Cancelled or replaced by somebody else (R18).
    Lost {
        deploy: DeployId,
    },
    /// Over without having gone live.
    Ended,
}

impl DeployState {
    /// Whether this deploy of ours went live and may still be.
    pub(crate) fn went_live(&self) -> bool {
        matches!(self, Self::Live { .. } | Self::Passed { .. })
    }

    /// Whether something may have been requested whose end is not known (P10, P16).
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Intended(_)
            | Self::Unknown(_)
            | Self::Running { .. }
            | Self::CancelIntended { .. } => true,
            Self::None
            | Self::Live { .. }
            | Self::Passed { .. }
            | Self::Lost { .. }
            | Self::Ended => false,
        }
    }

    /// The deploy's id, once known.
    pub(crate) fn id(&self) -> Option<&DeployId> {
        match self {
            Self::Running { deploy, .. }
            | Self::CancelIntended { deploy }
            | Self::Live { deploy, .. }
            | Self::Passed { deploy, .. }
            | Self::Lost { deploy } => Some(deploy),
            Self::None | Self::Intended(_) | Self::Unknown(_) | Self::Ended => None,
        }
    }
}

impl ServiceState {
    /// The variables that name the recovered database; `None`: none does.
    pub(crate) fn redirected_keys(&self) -> Option<&[String]> {
        let connections = self.connections.as_ref()?;
        let back = connections.state == VariablesState::Restored && !connections.stays;
        let keys = &connections.backup.keys;
        (!back && !keys.is_empty()).then_some(keys)
    }

    /// What is live is what is to run.
    pub(crate) fn keep(&mut self, live: DeployId) {
        self.baseline.get_or_insert_default().deploy = Some(live);
        self.deploy = DeployState::None;
    }

    /// The keys whose values from before have still to come back.
    pub(crate) fn to_restore(&self) -> &[String] {
        let restored = matches!(
            self.variables,
            VariablesState::Untouched | VariablesState::Restored
        );
        match &self.backup {
            Some(backup) if !restored => &backup.keys,
            Some(_) | None => &[],
        }
    }
}
