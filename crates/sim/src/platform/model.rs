//! What Render holds: services and their deploys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::agenda::Slot;
use super::events::{Event, EventKind};
use super::jobs::Job;
use crate::fault::Symptom;
use crate::ids::{DeployId, OwnerId, ServiceId, Timestamp};
use crate::terms::{ServiceKind, Source, Status, Trigger};

/// Environment variables. Their values are never shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One deploy of one service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deploy {
    /// Its id.
    pub id: DeployId,
    /// Where it stands.
    pub status: Status,
    /// Who began it.
    pub trigger: Trigger,
    /// What it makes run.
    pub source: Source,
    /// The deploy a rollback returns to.
    pub target: Option<DeployId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began to run.
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it became live, failed or was canceled.
    pub finished_at: Option<Timestamp>,
    /// When a later deploy took over.
    pub deactivated_at: Option<Timestamp>,
    /// The variables it runs with, as they were when it began.
    pub variables: Arc<Variables>,
    /// The image that was pulled when it began.
    #[serde(default)]
    pub digest: Option<String>,
    /// The artefact is gone: no rollback to it.
    pub purged: bool,
    pub(super) order: Order,
    pub(super) stages: Vec<Stage>,
    pub(super) slot: Option<Slot>,
    pub(super) listed_from: Timestamp,
    pub(super) hidden: bool,
    pub(super) sick: Vec<Sickness>,
}

/// What a deploy needs to know until it begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) trigger: Trigger,
    pub(crate) source: Source,
    pub(crate) target: Option<DeployId>,
    pub(crate) builds: bool,
    pub(crate) clear_cache: bool,
    /// The deploy whose variables it runs with; absent: those stored when it begins.
    pub(crate) variables_of: Option<DeployId>,
    /// From its begin to `live`; absent: as the settings say.
    pub(crate) pace: Option<policy::Span>,
}

/// A later status and its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) at: Timestamp,
    pub(crate) status: Status,
}

/// A time in which a deploy misbehaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sickness {
    pub(crate) symptom: Symptom,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

/// Why a service is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspender {
    /// A person or the API.
    User,
    /// An unpaid bill.
    Billing,
    /// Render's staff.
    Admin,
}

/// One service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name, unique in the workspace.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// Its type.
    pub kind: ServiceKind,
    /// Where it answers.
    pub url: Option<String>,
    /// Further names it answers to.
    pub domains: Vec<String>,
    /// Whether a push deploys it.
    pub auto_deploy: bool,
    /// Upon what it does so: `commit` or `checksPass`.
    pub auto_deploy_trigger: String,
    /// The linked repository.
    pub repo: Option<String>,
    /// The linked branch.
    pub branch: Option<String>,
    /// The folder within the repository.
    pub root_dir: String,
    /// The configured image, if it is backed by one.
    pub image: Option<String>,
    /// The command before each deploy.
    pub pre_deploy: Option<String>,
    /// What `serviceDetails` shows besides what has a field here.
    pub details: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Why it is suspended; none: it is not.
    pub suspenders: BTreeSet<Suspender>,
    /// The stored variables, which the next deploy will use.
    pub variables: Arc<Variables>,
    /// The stored secret files.
    pub secret_files: Variables,
    /// The newest commit of its branch, or its image.
    pub head: Source,
    /// All deploys, oldest first.
    pub deploys: Vec<Deploy>,
    /// The deploy that serves traffic.
    pub live: Option<DeployId>,
    /// The deploy that runs.
    pub running: Option<DeployId>,
    /// The deploy that waits.
    pub waiting: Option<DeployId>,
    pub(super) events: Vec<Event>,
    pub(super) jobs: Vec<Job>,
}

impl Service {
    /// One of its deploys.
    pub fn deploy(&self, id: &DeployId) -> Option<&Deploy> {
        self.deploys.iter().rev().find(|deploy| deploy.id == *id)
    }

    pub(super) fn deploy_mut(&mut self, id: &DeployId) -> Option<&mut Deploy> {
        self.deploys
            .iter_mut()
            .rev()
            .find(|deploy| deploy.id == *id)
    }

    /// The deploy that serves traffic.
    pub fn live_deploy(&self) -> Option<&Deploy> {
        self.live.as_ref().and_then(|id| self.deploy(id))
    }

    /// The deploy that served traffic at an instant.
    pub fn live_at(&self, at: Timestamp) -> Option<&Deploy> {
        self.deploys.iter().rev().find(|deploy| {
            deploy.status.was_live()
                && deploy.finished_at.is_some_and(|from| from <= at)
                && deploy.deactivated_at.is_none_or(|until| at < until)
        })
    }

    /// What happened to it, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        !self.suspenders.is_empty()
    }

    /// Whether visitors are shown the maintenance page.
    pub fn in_maintenance(&self) -> bool {
        self.details
            .get("maintenanceMode")
            .and_then(|mode| mode.get("enabled"))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }
}

impl Deploy {
    /// What is told when it begins to run.
    pub(super) fn started(&self, first: bool) -> EventKind {
        EventKind::DeployStarted {
            deploy: self.id.clone(),
            trigger: self.trigger,
            commit: self.source.commit().cloned(),
            target: self.target.clone(),
            first,
            clear_cache: self.order.clear_cache,
        }
    }

    /// The symptoms it shows at an instant.
    pub(crate) fn symptoms(&self, at: Timestamp) -> impl Iterator<Item = &Symptom> {
        self.sick
            .iter()
            .filter(move |sick| sick.from <= at && sick.until.is_none_or(|until| at < until))
            .map(|sick| &sick.symptom)
    }

    /// The instants at which its symptoms begin or end.
    pub(crate) fn turns(&self) -> impl Iterator<Item = Timestamp> {
        self.sick
            .iter()
            .flat_map(|sick| [Some(sick.from), sick.until])
            .flatten()
    }
}
