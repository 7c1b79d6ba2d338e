//! Render as a state machine on a virtual clock.
//!
//! Every operation takes the present instant and first lets happen what is due by then, so a platform
//! that nobody asked for a while is caught up by the next question. There is no clock, no randomness
//! from outside and no I/O in here: the same calls give the same answers.
//!
//! The operations of this module are what Render *does*. What a client *sees* of them goes through
//! [`Platform::client`] (in-process) or [`Platform::handle`] (HTTP), where requests can meet faults.

mod agenda;
mod bodies;
mod databases;
mod deploys;
mod environment;
mod events;
mod faults;
mod groups;
mod images;
mod jobs;
mod lifecycle;
mod maintenance;
mod model;
mod seed;
mod services;
mod stages;
mod webhook_messages;
mod webhooks;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::{fs, io};

use policy::plan::is_image;
use serde::{Deserialize, Serialize};

use crate::fault::Faults;
use crate::ids::{
    CommitId, EnvGroupId, IdSource, MaintenanceId, OwnerId, PostgresId, ServiceId, Timestamp,
    WebhookId,
};
use crate::requests::{ApiError, Call, Limiter, RequestLog};
use crate::settings::Settings;
use agenda::{Agenda, Due};

pub use crate::terms::{ServiceKind, Source, Status, Trigger};
pub use bodies::{CreateBody, ImageBody, NewVariable, NewVariableValue, UpdateBody, YesNo};
pub use databases::{Connection, Database, Export, RecoverBody, Recovery};
pub use deploys::{ClearCache, DeployFilter, DeployMode, TriggerBody, Triggered};
pub use environment::NewValue;
pub use events::{EndReason, Ended, Event, EventKind};
pub use groups::EnvGroup;
pub(crate) use groups::NewGroup;
pub use jobs::{Job, JobStatus};
pub use maintenance::{MaintenanceRun, MaintenanceState};
pub use model::{Deploy, Service, Suspender, Variables};
pub use seed::{DEFAULT_OWNER, DatabaseSeed, LiveSeed, Owner, Seed, ServiceSeed};
pub(crate) use services::{ServiceFilter, suspended_text};
pub(crate) use webhook_messages::sent_at;
pub use webhook_messages::{Delivered, Outgoing, WebhookMessage};
pub use webhooks::{Webhook, WebhookTarget};

/// The simulated Render.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Platform {
    now: Timestamp,
    settings: Settings,
    owners: Vec<Owner>,
    services: BTreeMap<ServiceId, Service>,
    databases: BTreeMap<PostgresId, Database>,
    #[serde(default)]
    groups: BTreeMap<EnvGroupId, EnvGroup>,
    #[serde(default)]
    webhooks: BTreeMap<WebhookId, Webhook>,
    /// What webhooks are told, oldest first.
    #[serde(default)]
    messages: VecDeque<WebhookMessage>,
    #[serde(default)]
    maintenance: BTreeMap<MaintenanceId, MaintenanceRun>,
    /// What Render tells about, by the id of a workspace or service; absent: as usual.
    #[serde(default)]
    pub(crate) notices: BTreeMap<String, String>,
    /// Versions by commit id or image.
    versions: BTreeMap<String, String>,
    /// What tags of images name, where somebody pushed one.
    #[serde(default)]
    images: BTreeMap<String, String>,
    /// When each commit was first seen.
    commits: BTreeMap<CommitId, Timestamp>,
    ids: IdSource,
    agenda: Agenda,
    pub(crate) faults: Faults,
    pub(crate) limiter: Limiter,
    pub(crate) log: RequestLog,
}

impl Platform {
    /// An empty platform.
    pub fn new(now: Timestamp, settings: Settings) -> Self {
        Self {
            now,
            settings,
            owners: Vec::new(),
            services: BTreeMap::new(),
            databases: BTreeMap::new(),
            groups: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            messages: VecDeque::new(),
            maintenance: BTreeMap::new(),
            notices: BTreeMap::new(),
            versions: BTreeMap::new(),
            images: BTreeMap::new(),
            commits: BTreeMap::new(),
            ids: IdSource::default(),
            agenda: Agenda::default(),
            faults: Faults::default(),
            limiter: Limiter::default(),
            log: RequestLog::default(),
        }
    }

    /// The instant to which it has advanced.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How it behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it behaves, to be changed. Deploys that run keep their pace.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The requests that arrived.
    pub fn requests(&self) -> &RequestLog {
        &self.log
    }

    /// All services, by id.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// All workspaces.
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// The next instant at which something happens by itself.
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.agenda.next_at()
    }

    /// The next instant at which something happens by itself to one service.
    pub fn next_event_of(&self, service: &ServiceId) -> Option<Timestamp> {
        self.agenda.next_of(service)
    }

    /// Lets happen what is due, each at its own instant, and returns the instant it is now. Time never runs back.
    pub fn advance(&mut self, now: Timestamp) -> Timestamp {
        while let Some((at, due)) = self.agenda.take_due(now) {
            // What happens must find the clock at its own instant, not at the caller's.
            self.now = self.now.max(at);
            self.happen(self.now, due);
        }
        self.now = self.now.max(now);
        self.now
    }

    fn happen(&mut self, at: Timestamp, due: Due) {
        match due {
            Due::Stage { service, deploy } => self.enter_stage(at, &service, &deploy),
            Due::Foreign { service, deploy } => self.deploy_by_another(at, &service, &deploy),
            Due::Suspend { service } => self.put_under(at, &service, Suspender::User),
            Due::Resume { service } => self.lift(at, &service),
            Due::Arrival(call) => self.arrive(at, &call),
        }
    }

    /// One service, as it was when the platform last advanced.
    pub fn service(&self, id: &ServiceId) -> Result<&Service, ApiError> {
        let service = self
            .services
            .get(id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))?;
        if self
            .owners
            .iter()
            .any(|o| o.id == service.owner && o.foreign)
        {
            return Err(self.foreign(id.as_str()));
        }
        Ok(service)
    }

    fn service_mut(&mut self, id: &ServiceId) -> Result<&mut Service, ApiError> {
        self.service(id)?;
        self.services
            .get_mut(id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    fn foreign(&self, id: &str) -> ApiError {
        match self.settings.assumptions.foreign_id {
            404 => ApiError::not_found(id),
            status => ApiError::new(status, "forbidden"),
        }
    }

    /// Whether a workspace is one the API key reaches.
    pub(crate) fn reaches(&self, owner: &OwnerId) -> bool {
        self.owners.iter().any(|o| o.id == *owner && !o.foreign)
    }

    /// Says which version a commit or image is.
    pub fn name_version(&mut self, commit_or_image: &str, version: &str) {
        let image = Some(commit_or_image).filter(|name| is_image(name));
        let name = image.and_then(|image| images::in_full(image).ok());
        let name = name.unwrap_or_else(|| commit_or_image.to_owned());
        self.versions.insert(name, version.to_owned());
    }

    /// The version of what a deploy makes run, if it has a name.
    pub fn version_of(&self, source: &Source) -> Option<&str> {
        let by_name = self.versions.get(source.as_str());
        let by_digest = || {
            let digest = self.digest_now(source)?;
            let mut images = self.versions.iter().filter(|(name, _)| is_image(name));
            let same = |name: &str| {
                self.digest_now(&Source::Image(name.to_owned())) == Some(digest.clone())
            };
            images
                .find(|(name, _)| same(name))
                .map(|(_, version)| version)
        };
        by_name.or_else(by_digest).map(String::as_str)
    }

    /// When a commit was first seen here.
    pub(crate) fn commit_seen_at(&self, commit: &CommitId) -> Timestamp {
        self.commits.get(commit).copied().unwrap_or(self.now)
    }

    /// Lets a request arrive at a later instant.
    pub(crate) fn arrive_later(&mut self, at: Timestamp, call: &Call) {
        self.agenda.add(at, Due::Arrival(Box::new(call.clone())));
    }

    /// The id of one exchange.
    pub(crate) fn request_id(&mut self, now: Timestamp) -> String {
        self.ids.next("req", now)
    }

    /// Writes everything to a file, so that a crash leaves the old content or the new.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_whole(path, &serde_json::to_vec(self)?)
    }

    /// Reads what [`Platform::save`] wrote.
    pub fn load(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }
}

/// Replaces a file in one step.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, content)?;
    fs::rename(&partial, path)
}
