//! What the core asks the outside to do, and what comes back.
//!
//! Every request that changes something at Render is a command of its own (P7), so that the simulator and production
//! exercise the same decisions. Reads may be long: following a deploy to its end, probing until a verdict.

pub(crate) mod outcome;
pub(crate) mod views;

use std::collections::BTreeMap;

use policy::health::Profile;
use policy::rules::Hook;
use policy::{CustomerId, Role, ServiceId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::model::command::outcome::{BackupOwner, Outcome, Sealed};
pub use crate::model::command::views::{DeployStatus, DeployView, Observed, ServiceView};
use crate::model::ids::{AttachmentId, CommandId, DatabaseId, DeployId, RolloutId};

/// Something to do, issued once. Its answer is a [`Report`] with the same id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Names the answer.
    pub id: CommandId,
    /// For whom.
    #[serde(rename = "run")]
    pub rollout: RolloutId,
    /// For whom.
    pub customer: CustomerId,
    /// Whether it settles a doubt, judges what is live, or is part of a way back: it may use the part of the request
    /// budget that is kept for that (P44).
    #[serde(default)]
    pub urgent: bool,
    /// What.
    pub kind: CommandKind,
}

/// One Render service as a command names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The role within the customer.
    pub role: Role,
    /// Render's id.
    pub id: ServiceId,
    /// Where it answers.
    pub url: Option<String>,
}

/// A live deploy to probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// Which service.
    pub target: Target,
    /// The deploy that must still be live (P33).
    pub deploy: Option<DeployId>,
    /// The version that must answer; `None`: not asked.
    pub version: Option<String>,
    /// Since when it is live: probes begun before do not count (R20).
    pub live_at: Timestamp,
    /// p95 of the same service before the deploy, milliseconds.
    pub baseline_p95_ms: Option<u32>,
}

/// What to do. Any may also be answered by `Trouble`, and what concerns one service by `Gone`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum CommandKind {
    /// Read everything that must hold before the customer is started (R5). Answer: `Inspected` with one view a service, in order, or `SecretMissing`, or `Failed`.
    Preflight {
        /// In the order in which they will go.
        services: Vec<Target>,
        /// Templates whose secrets must resolve, by role.
        variables: BTreeMap<Role, BTreeMap<String, String>>,
        /// The addresses that `${ROLE_url}` stands for, as frozen into the plan (P38).
        urls: BTreeMap<Role, String>,
        /// The profile by which the latency baseline is measured; absent: it is not measured.
        baseline: Option<Box<Profile>>,
    },
    /// Read one service and its newest deploys. Answer: `Inspected`, `Failed`.
    Inspect {
        /// Which.
        service: Target,
    },
    /// Read until this deploy of somebody else is over. Answer: `Ended`, or `Unfinished` at `until`.
    AwaitQuiet {
        /// Which.
        service: Target,
        /// The foreign deploy.
        deploy: DeployId,
        /// Give up then.
        until: Option<Timestamp>,
    },
    /// Read all variables (every page) and seal old and new values of the planned keys (P27). Answer: `BackedUp`, `SecretMissing`, `NamesLeft`, `Failed`.
    BackUp {
        /// Which.
        service: Target,
        /// The planned keys and their templates.
        variables: BTreeMap<String, String>,
        /// What `${version}`, `${commit}` stand for.
        version: String,
        /// The commit of the release.
        commit: String,
        /// What `${ROLE_url}` stands for, as frozen into the plan (P38).
        urls: BTreeMap<Role, String>,
        /// A database that the customer does not read any more: no planned value may name it (T15).
        left: Option<DatabaseId>,
    },
    /// Write the planned keys whose value differs, one by one, then read back (P28). Answer: `VariablesSet`, `Failed`.
    SetVariables {
        /// Which.
        service: Target,
        /// Where the new values are.
        backup: AttachmentId,
        /// The keys to write.
        keys: Vec<String>,
    },
    /// Put the old values back where ours still stand; leave what others changed (P29). Answer: `VariablesRestored`, `Failed`.
    RestoreVariables {
        /// Which.
        service: Target,
        /// Where the old values are.
        backup: AttachmentId,
        /// The keys we wrote.
        keys: Vec<String>,
    },
    /// Switch auto-deploy. Answer: `AutoDeploySet`, `Refused`, `NotSent`, `Unknown`.
    SetAutoDeploy {
        /// Which.
        service: Target,
        /// On or off.
        on: bool,
        /// Upon what, as it was recorded; absent: Render's default (P32).
        trigger: Option<String>,
    },
    /// `POST /services/{id}/deploys`. Answer: `Created`, `Accepted`, `Refused`, `NotSent`, `Unknown`.
    CreateDeploy {
        /// Which.
        service: Target,
        /// The pinned commit (P13).
        commit: String,
        /// Whether the build cache is cleared.
        clear_cache: bool,
        /// The attempt; not sent, but a second attempt is another command.
        attempt: u32,
    },
    /// `POST /services/{id}/rollback`. Answers as for `CreateDeploy`.
    CreateRollback {
        /// Which.
        service: Target,
        /// The deploy to return to (R19).
        deploy: DeployId,
        /// The attempt.
        attempt: u32,
    },
    /// Read the newest deploys, at least back to one of `known`. Answer: `Listed`, `Failed`.
    ListDeploys {
        /// Which.
        service: Target,
        /// Deploys known at the intent.
        known: Vec<DeployId>,
    },
    /// Read a deploy until it is over. Answer: `Ended`; `Unfinished` on a status read at or after `until`.
    FollowDeploy {
        /// Which.
        service: Target,
        /// The deploy.
        deploy: DeployId,
        /// The time-out (R11).
        until: Option<Timestamp>,
    },
    /// Cancel a deploy of ours (P14). Answer: `CancelSent`, `Refused`, `NotSent`, `Unknown`.
    CancelDeploy {
        /// Which.
        service: Target,
        /// The deploy.
        deploy: DeployId,
    },
    /// Probe until a verdict on this service. Answer: `Judged`.
    Verify {
        /// What.
        probed: Probed,
        /// How.
        profile: Profile,
    },
    /// Probe a healthy customer until it is unhealthy or this command is stopped. Answer: `Judged` (unhealthy), or `Replaced`.
    Watch {
        /// All its services.
        probed: Vec<Probed>,
        /// How.
        profile: Profile,
    },
    /// Probe until one cycle passes on every service, or one is unhealthy (R17). Answer: `Judged`, or `Replaced`.
    Confirm {
        /// All its services.
        probed: Vec<Probed>,
        /// How.
        profile: Profile,
    },
    /// `POST /postgres/{id}/recovery`: a new database. Answer: `DatabaseCreated`, `Refused`, `NotSent`, `Unknown`.
    Recover {
        /// The old one, which stays.
        database: DatabaseId,
        /// The instant whose data the new one has.
        to: Timestamp,
        /// The new one's name, which is ours alone.
        name: String,
    },
    /// Find the databases of exactly this name. Answer: `DatabasesFound`, `Failed`.
    FindDatabases {
        /// The name.
        name: String,
    },
    /// Read a database until it can be used. Answer: `DatabaseReady`, `DatabaseUnfinished`, `DatabaseFailed`, or `Failed` when
    /// it cannot be read.
    AwaitDatabase {
        /// Which.
        database: DatabaseId,
        /// The time limit; judged by a status read at or after it.
        until: Timestamp,
    },
    /// Read all variables and seal those that hold a connection of the old database, with the new one's. Answer: `BackedUp`, `Failed`.
    BackUpConnections {
        /// Which.
        service: Target,
        /// The old database.
        from: DatabaseId,
        /// The new one.
        to: DatabaseId,
    },
    /// Run a hook. Answer: `HookFinished`, `Unknown`, `NotSent`.
    RunHook {
        /// What.
        hook: Hook,
        /// The service of a job.
        service: Option<Target>,
        /// The environment it sees: `TRANCHE_CUSTOMER`, `TRANCHE_VERSION`, ...
        environment: BTreeMap<String, String>,
    },
    /// Stop this command: its answer is no longer wanted.
    Stop {
        /// Which.
        command: CommandId,
    },
}

impl CommandKind {
    /// The services that it is about.
    pub fn services(&self) -> Vec<&Target> {
        match self {
            Self::Preflight { services, .. } => services.iter().collect(),
            Self::Inspect { service }
            | Self::AwaitQuiet { service, .. }
            | Self::BackUp { service, .. }
            | Self::SetVariables { service, .. }
            | Self::RestoreVariables { service, .. }
            | Self::SetAutoDeploy { service, .. }
            | Self::CreateDeploy { service, .. }
            | Self::CreateRollback { service, .. }
            | Self::ListDeploys { service, .. }
            | Self::FollowDeploy { service, .. }
            | Self::CancelDeploy { service, .. }
            | Self::BackUpConnections { service, .. } => vec![service],
            Self::Verify { probed, .. } => vec![&probed.target],
            Self::Watch { probed, .. } | Self::Confirm { probed, .. } => {
                probed.iter().map(|probed| &probed.target).collect()
            }
            Self::RunHook { service, .. } => service.iter().collect(),
            Self::Recover { .. }
            | Self::FindDatabases { .. }
            | Self::AwaitDatabase { .. }
            | Self::Stop { .. } => Vec::new(),
        }
    }

    /// Whether it settles a doubt, judges what is live or takes something back, whichever way the customer goes (P44).
    pub(crate) fn is_urgent(&self) -> bool {
        match self {
            Self::ListDeploys { known, .. } => !known.is_empty(),
            Self::RestoreVariables { .. }
            | Self::CreateRollback { .. }
            | Self::CancelDeploy { .. }
            | Self::FindDatabases { .. }
            | Self::Verify { .. } => true,
            Self::Preflight { .. }
            | Self::Inspect { .. }
            | Self::AwaitQuiet { .. }
            | Self::BackUp { .. }
            | Self::SetVariables { .. }
            | Self::SetAutoDeploy { .. }
            | Self::CreateDeploy { .. }
            | Self::FollowDeploy { .. }
            | Self::Watch { .. }
            | Self::Confirm { .. }
            | Self::Recover { .. }
            | Self::AwaitDatabase { .. }
            | Self::BackUpConnections { .. }
            | Self::RunHook { .. }
            | Self::Stop { .. } => false,
        }
    }

    /// Whether repeating it after a restart is harmless (R16): reads, and writes of fixed values.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Preflight { .. }
            | Self::Inspect { .. }
            | Self::AwaitQuiet { .. }
            | Self::BackUp { .. }
            | Self::SetVariables { .. }
            | Self::RestoreVariables { .. }
            | Self::ListDeploys { .. }
            | Self::FollowDeploy { .. }
            | Self::Verify { .. }
            | Self::Watch { .. }
            | Self::Confirm { .. }
            | Self::FindDatabases { .. }
            | Self::AwaitDatabase { .. }
            | Self::BackUpConnections { .. }
            | Self::Stop { .. } => true,
            Self::Recover { .. }
            | Self::SetAutoDeploy { .. }
            | Self::CreateDeploy { .. }
            | Self::CreateRollback { .. }
            | Self::CancelDeploy { .. } => false,
            Self::RunHook { hook, .. } => hook.repeatable,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The command.
    pub command: CommandId,
    /// How.
    pub outcome: Outcome,
}

/// The one seam to the outside: starts a command. The answer comes later through `reply`, once or (for `Stop`) never.
pub trait Executor {
    /// Starts a command without waiting for it.
    fn execute(&mut self, command: Command, reply: Reply);
}

/// Where the answer of a command goes.
pub type Reply = Box<dyn FnOnce(Report) + Send>;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(commit: &str, digest: Option<&str>) -> DeployView {
        DeployView {
            id: DeployId("dep-1".to_owned()),
            status: DeployStatus::Live,
            trigger: "api".to_owned(),
            commit: Some(commit.to_owned()),
            digest: digest.map(Into::into),
        }
    }

    #[test]
    fn a_deploy_of_an_image_is_known_by_its_tag_and_by_its_digest() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let exact = format!("docker.io/acme/api@{digest}");
        let deploy = image("docker.io/acme/api:1.4", Some(&digest));
        assert_eq!(deploy.exact(), Some(exact.clone()));
        assert!(deploy.is_of("docker.io/acme/api:1.4") && deploy.is_of(&exact));
        assert!(deploy.is_exactly(&exact) && !deploy.is_exactly("docker.io/acme/api:1.4"));
        assert!(!deploy.is_of("docker.io/acme/api:1.5"));
        assert!(!image("docker.io/acme/api:1.4", None).is_of(&exact));
        let commit = image("4f1c9a7be0d2635c8f10ab94d7e36251c0ffee42", None);
        assert_eq!(commit.exact(), commit.commit);
    }

    #[test]
    fn a_service_takes_what_it_is_set_to_run() {
        let view = |image: Option<&str>| ServiceView {
            role: Role::new("backend"),
            suspended: false,
            auto_deploy: false,
            auto_deploy_trigger: None,
            image: image.map(str::to_owned),
            deploys: Vec::new(),
            version: None,
            p95_ms: None,
            warnings: Vec::new(),
            refusals: Vec::new(),
        };
        let (built, runs) = (view(None), view(Some("docker.io/acme/api:1.3")));
        assert_eq!(built.unsuited("4f1c9a7"), None);
        assert_eq!(runs.unsuited("docker.io/acme/api:1.4"), None);
        assert!(built.unsuited("docker.io/acme/api:1.4").is_some());
        assert!(runs.unsuited("4f1c9a7").is_some());
        assert!(runs.unsuited("docker.io/acme/other:1.4").is_some());
    }
}
