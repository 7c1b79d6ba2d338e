//! What a platform holds at the beginning.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Platform;
use super::databases::{Connection, Database, connection, password};
use super::images::in_full;
use super::maintenance::MaintenanceRun;
use super::model::{Deploy, Order, Service, Suspender, Variables};
use super::services::merge_details;
use crate::ids::{CommitId, DeployId, OwnerId, PostgresId, ServiceId, Timestamp};
use crate::terms::{ServiceKind, Source, Status, Trigger};

/// Everything a platform holds at the beginning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// Workspaces; those that services name are made up if they are missing here.
    pub owners: Vec<Owner>,
    /// Services.
    pub services: Vec<ServiceSeed>,
    /// Databases.
    pub databases: Vec<DatabaseSeed>,
    /// Versions by commit id or image reference.
    pub versions: BTreeMap<String, String>,
    /// Works of Render's own.
    pub maintenance: Vec<MaintenanceRun>,
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// Its name.
    pub name: String,
    /// Its address.
    pub email: String,
    /// The API key does not reach it.
    #[serde(default)]
    pub foreign: bool,
}

impl Owner {
    /// A workspace named after its id.
    pub fn named(id: &OwnerId) -> Self {
        Self {
            id: id.clone(),
            name: format!("workspace {id}"),
            email: "owner@example.com".to_owned(),
            foreign: false,
        }
    }
}

/// A service and what is live there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceSeed {
    /// Its id.
    pub id: ServiceId,
    /// Its name; empty: its id.
    #[serde(default)]
    pub name: String,
    /// Its type.
    #[serde(rename = "type", default = "web_service")]
    pub kind: ServiceKind,
    /// Its workspace.
    #[serde(default = "default_owner")]
    pub owner: OwnerId,
    /// Where it answers; absent: an address at Render.
    #[serde(default)]
    pub url: Option<String>,
    /// Further names.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Whether a push deploys it.
    #[serde(default)]
    pub auto_deploy: bool,
    /// Its repository.
    #[serde(default)]
    pub repo: Option<String>,
    /// Its branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// Its image; absent: it is built from the repository.
    #[serde(default)]
    pub image: Option<String>,
    /// It is suspended.
    #[serde(default)]
    pub suspended: bool,
    /// What is live; absent: it was never deployed.
    #[serde(default)]
    pub live: Option<LiveSeed>,
    /// Its variables, stored and live.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Further `serviceDetails`; `preDeployCommand` is understood.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// What is live at the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveSeed {
    /// Its commit; of image services it is not used.
    pub commit: CommitId,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
}

/// A database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseSeed {
    /// Its id.
    pub id: PostgresId,
    /// Its name.
    pub name: String,
    /// Its workspace.
    #[serde(default = "default_owner")]
    pub owner: OwnerId,
    /// Its plan.
    #[serde(default = "default_plan")]
    pub plan: String,
    /// For how long it has existed, which is how far back it can be restored.
    #[serde(default)]
    pub age: Span,
    /// What was written into it when it was made.
    #[serde(default)]
    pub data: Vec<String>,
}

/// The workspace of what names none.
pub const DEFAULT_OWNER: &str = "tea-simulated00000000000";

fn default_owner() -> OwnerId {
    DEFAULT_OWNER.into()
}

fn default_plan() -> String {
    "basic_1gb".to_owned()
}

fn web_service() -> ServiceKind {
    ServiceKind::WebService
}

impl ServiceSeed {
    /// A web service on which a commit of a version is live.
    pub fn web(id: &str, commit: &str, version: &str) -> Self {
        Self {
            live: Some(LiveSeed {
                commit: commit.into(),
                version: Some(version.to_owned()),
            }),
            ..Self::bare(id)
        }
    }

    /// A web service that was never deployed.
    pub fn bare(id: &str) -> Self {
        Self {
            id: id.into(),
            name: id.to_owned(),
            kind: ServiceKind::WebService,
            owner: default_owner(),
            url: None,
            domains: Vec::new(),
            auto_deploy: false,
            repo: None,
            branch: None,
            image: None,
            suspended: false,
            live: None,
            variables: BTreeMap::new(),
            details: Map::new(),
        }
    }
}

impl DatabaseSeed {
    /// How to connect to it once it exists.
    pub fn connection(&self) -> Connection {
        connection(&self.id, &self.name, &password(&self.id))
    }
}

impl Platform {
    /// Adds all of it.
    pub fn seed(&mut self, now: Timestamp, seed: Seed) {
        for owner in seed.owners {
            self.add_owner(owner);
        }
        for (commit_or_image, version) in &seed.versions {
            self.name_version(commit_or_image, version);
        }
        for service in seed.services {
            self.add_service(now, service);
        }
        for database in seed.databases {
            self.add_database(now, database);
        }
        for run in seed.maintenance {
            self.add_maintenance(run);
        }
    }

    /// Adds a workspace, or changes the one with this id.
    pub fn add_owner(&mut self, owner: Owner) {
        self.owners.retain(|known| known.id != owner.id);
        self.owners.push(owner);
    }

    /// Adds a service, or replaces the one with this id.
    pub fn add_service(&mut self, now: Timestamp, seed: ServiceSeed) {
        let now = self.advance(now);
        self.add_missing_owner(&seed.owner);
        self.cancel_all(now, &seed.id);
        let live = seed.live.clone();
        let mut service = service_of(seed, now);
        if let Some(live) = live {
            let source = service.head.clone();
            if let Some(version) = &live.version {
                self.name_version(source.as_str(), version);
            }
            self.commits.entry(live.commit).or_insert(now);
            let id = DeployId::new(self.ids.next("dep", now));
            service.live = Some(id.clone());
            let digest = self.digest_now(&source);
            let first = first_deploy(id, source, &service, now);
            service.deploys.push(Deploy { digest, ..first });
        }
        self.services.insert(service.id.clone(), service);
    }

    /// Adds a database, or replaces the one with this id.
    pub fn add_database(&mut self, now: Timestamp, seed: DatabaseSeed) {
        self.add_missing_owner(&seed.owner);
        let made = now - seed.age.to_delta();
        let id = seed.id.clone();
        let database = Database::new(id, seed.name, seed.owner, seed.plan, made, seed.data);
        self.databases.insert(seed.id, database);
    }

    fn add_missing_owner(&mut self, id: &OwnerId) {
        if !self.owners.iter().any(|owner| owner.id == *id) {
            self.add_owner(Owner::named(id));
        }
    }
}

fn service_of(seed: ServiceSeed, now: Timestamp) -> Service {
    let name = if seed.name.is_empty() {
        seed.id.to_string()
    } else {
        seed.name
    };
    let commit = seed.live.map(|live| live.commit);
    let commit = commit.unwrap_or_else(|| CommitId::new(format!("head-of-{name}")));
    let image = seed.image.map(|image| in_full(&image).unwrap_or(image));
    let head = image.clone().map_or(Source::Commit(commit), Source::Image);
    let suspended = seed.suspended.then_some(Suspender::User);
    let mut service = Service {
        domains: seed.domains,
        auto_deploy: seed.auto_deploy,
        auto_deploy_trigger: "commit".to_owned(),
        repo: seed.repo.filter(|_| image.is_none()),
        image,
        suspenders: suspended.into_iter().collect(),
        variables: Arc::new(Variables(seed.variables)),
        ..Service::bare(seed.id, name, seed.owner, seed.kind, head, now)
    };
    service.branch = seed.branch.or(service.branch);
    // Only what has an address at all can have another one.
    service.url = service.url.map(|made_up| seed.url.unwrap_or(made_up));
    merge_details(&mut service, &seed.details);
    service
}

/// The deploy that is live at the beginning.
fn first_deploy(id: DeployId, source: Source, service: &Service, now: Timestamp) -> Deploy {
    Deploy {
        status: Status::Live,
        started_at: Some(now),
        finished_at: Some(now),
        variables: Arc::clone(&service.variables),
        ..Deploy::ordered(id, Order::of(Trigger::Manual, source), now)
    }
}
