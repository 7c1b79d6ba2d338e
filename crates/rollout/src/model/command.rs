//! What the core asks the outside to do, and what comes back.
//!
//! Every request that changes something at Render is a command of its own (P7), so that the simulator and production
//! exercise the same decisions. Reads may be long: following a deploy to its end, probing until a verdict.

use std::collections::BTreeMap;

use policy::health::Profile;
use policy::plan::{Image, is_image};
use policy::rules::Hook;
use policy::{CustomerId, Role, ServiceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::health::Verdict;
use crate::model::ids::{AttachmentId, CommandId, DatabaseId, DeployId, RolloutId};

/// Something to do, issued once. Its answer is a [`Report`] with the same id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Names the answer.
    pub id: CommandId,
    /// For whom.
    pub run: RolloutId,
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

/// How a command ended: facts about the outside, never a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The views of the services that were asked for, in their order.
    Inspected {
        /// One a service.
        views: Vec<ServiceView>,
    },
    /// A deploy is over.
    Ended {
        /// As last read.
        deploy: DeployView,
    },
    /// A deploy was still unfinished on a status read at or after the time limit.
    Unfinished {
        /// As last read.
        deploy: DeployView,
    },
    /// All variables were read and the planned keys sealed.
    BackedUp {
        /// Every variable's name and keyed digest.
        digests: BTreeMap<String, String>,
        /// The planned keys whose value differs.
        differing: Vec<String>,
        /// The sealed bytes.
        sealed: Sealed,
    },
    /// A `${secret:...}` does not resolve.
    SecretMissing {
        /// Its name.
        name: String,
    },
    /// The keys were written and read back.
    VariablesSet,
    /// The old values are back.
    VariablesRestored {
        /// Keys that somebody else changed meanwhile, left alone.
        foreign: Vec<String>,
    },
    /// Auto-deploy has the wanted value.
    AutoDeploySet,
    /// 201.
    Created {
        /// The deploy in the reply.
        deploy: DeployView,
    },
    /// The planned value of this variable names a database that the customer has left; nothing was written.
    NamesLeft {
        /// The variable's name.
        key: String,
    },
    /// The new database of a recovery, which is not usable yet.
    DatabaseCreated {
        /// Its id.
        database: DatabaseId,
    },
    /// All databases of that name.
    DatabasesFound {
        /// Their ids.
        databases: Vec<DatabaseId>,
    },
    /// The database can be used.
    DatabaseReady,
    /// Render says that the database will never be usable.
    DatabaseFailed,
    /// The database could still not be used on a status read at or after the time limit.
    DatabaseUnfinished {
        /// As last read, in Render's word.
        status: String,
    },
    /// 202 without a body: queued behind another deploy, or not.
    Accepted,
    /// The request may or may not have taken effect.
    Unknown {
        /// What is known.
        reason: String,
    },
    /// A definite refusal: nothing was done.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What Render says.
        message: String,
    },
    /// The request surely never left.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The newest deploys, newest first.
    Listed {
        /// At least back to a known one.
        deploys: Vec<DeployView>,
    },
    /// The cancel request was answered.
    CancelSent,
    /// A health verdict.
    Judged {
        /// Of which service.
        role: Role,
        /// With the deciding cycles (P34).
        verdict: Verdict,
    },
    /// What is watched is no longer live: somebody replaced it.
    Replaced {
        /// Of which service.
        role: Role,
        /// What is live now, if known.
        by: Option<DeployView>,
    },
    /// A hook ended.
    HookFinished {
        /// Exit 0.
        ok: bool,
        /// The end of what it printed, redacted.
        output: String,
    },
    /// Render says clearly that a service is not there, to an account that does see the workspace.
    Gone {
        /// Which.
        role: Role,
        /// What it says.
        reason: String,
    },
    /// Nothing was learned, and nothing done: no answer, or one that says nothing about the service (garbled, not allowed,
    /// an error of Render's own). No verdict follows (R11): it is asked again.
    Trouble {
        /// What came instead.
        reason: String,
    },
    /// It was answered, and can never succeed as it was asked for.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Whose backup it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOwner {
    /// For which rollout or operation it was made.
    pub run: RolloutId,
    /// Whose.
    pub customer: CustomerId,
    /// The role of the service.
    pub role: Role,
    /// Render's id of the service.
    pub service: ServiceId,
}

/// Sealed bytes that the engine stores in the same transaction; opaque to the core and to the journal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What Render says of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Which.
    pub role: Role,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Whether Render deploys new commits by itself.
    pub auto_deploy: bool,
    /// Upon what it does so, as Render writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_deploy_trigger: Option<String>,
    /// The image it is set to run; absent: it is built from a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The newest deploys, newest first, back to the live one.
    pub deploys: Vec<DeployView>,
    /// The version the service reports or its live commit is known by.
    pub version: Option<String>,
    /// p95 latency before the deploy, milliseconds, if it could be measured.
    pub p95_ms: Option<u32>,
    /// What would mean downtime, and other things a person should know.
    pub warnings: Vec<String>,
    /// Reasons why it must not be started (another workspace, a foreign url, ...).
    pub refusals: Vec<String>,
}

impl ServiceView {
    /// The deploy that serves traffic.
    pub fn live(&self) -> Option<&DeployView> {
        self.deploys
            .iter()
            .find(|deploy| deploy.status == DeployStatus::Live)
    }

    /// Why Render would refuse to deploy this commit or image: it builds what the service is set to build, or runs the image
    /// it is set to run, with another tag or digest at most.
    pub fn unsuited(&self, artifact: &str) -> Option<String> {
        let Some(set) = &self.image else {
            let is_built = || "it is built from a repository, so it takes a commit and no image";
            return is_image(artifact).then(is_built).map(str::to_owned);
        };
        if !is_image(artifact) {
            return Some(format!(
                "it runs the image {set}, so it takes an image and no commit"
            ));
        }
        let (ours, wanted): (Image, Image) = (set.parse().ok()?, artifact.parse().ok()?);
        let text =
            || format!("it runs the image {set}, of which only the tag or digest can be another");
        (!ours.is_of_name(&wanted)).then(text)
    }

    /// The newest deploy that is not over.
    pub fn unfinished(&self) -> Option<&DeployView> {
        self.deploys.iter().find(|deploy| !deploy.status.is_over())
    }
}

/// What Render says of one deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployView {
    /// Render's id.
    pub id: DeployId,
    /// Where it stands.
    pub status: DeployStatus,
    /// `api`, `rollback`, `new_commit`, ... as Render writes it.
    pub trigger: String,
    /// The full commit id; of an image deploy, the image as it was asked for, in full.
    pub commit: Option<String>,
    /// Of an image deploy: what its tag named at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Box<str>>,
}

impl DeployView {
    /// What exactly runs: the commit, or the image by its digest where that is known (P13).
    pub fn exact(&self) -> Option<String> {
        let commit = self.commit.as_ref()?;
        let digest = self.digest.as_deref();
        let image = digest.and_then(|digest| Some(commit.parse::<Image>().ok()?.pinned(digest)));
        Some(image.map_or_else(|| commit.clone(), |image| image.to_string()))
    }

    /// Whether it runs exactly this commit or image: a tag may name something else by now (P13).
    pub fn is_exactly(&self, artifact: &str) -> bool {
        let is_fixed = !is_image(artifact) || artifact.contains('@');
        is_fixed && self.exact().as_deref() == Some(artifact)
    }

    /// Whether it is a deploy of this commit or image, by tag or by digest.
    pub fn is_of(&self, artifact: &str) -> bool {
        self.commit.as_deref() == Some(artifact) || self.exact().as_deref() == Some(artifact)
    }
}

/// Where a deploy stands. An unknown status is unfinished, never success (P33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployStatus {
    /// Created, queued, building, updating, or a status we do not know.
    Unfinished,
    /// Serves traffic.
    Live,
    /// Was live; a later deploy took over.
    Deactivated,
    /// The build failed; the old version serves.
    BuildFailed,
    /// The pre-deploy command failed; the old version serves.
    PreDeployFailed,
    /// Start or health check failed; the old version serves.
    UpdateFailed,
    /// Cancelled by a person, the API, or a newer deploy.
    Canceled,
}

impl DeployStatus {
    /// Whether it cannot change any more, except from live to deactivated.
    pub fn is_over(self) -> bool {
        self != Self::Unfinished
    }
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
