//! What only one kind of service has.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ServiceKind;
use crate::wire::nullable;

/// What only one kind of service has. The kind decides, since the shapes overlap (T18).
#[derive(Clone, Debug, PartialEq)]
pub enum Details {
    /// Of a static site.
    StaticSite(StaticSite),
    /// Of a web service, a private service or a background worker.
    Server(Server),
    /// Of a cron job.
    CronJob(CronJob),
    /// Of a kind that this release does not know.
    Other(Value),
}

/// What a static site has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StaticSite {
    /// Where it answers.
    pub url: Option<String>,
    /// What builds it.
    pub build_command: Option<String>,
    /// Which folder is served.
    pub publish_path: Option<String>,
}

/// What a web service, a private service or a background worker has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// Where it answers.
    pub url: Option<String>,
    /// `docker`, `node`, ...
    pub runtime: Option<String>,
    /// `oregon`, `frankfurt`, ...
    pub region: Option<String>,
    /// The instance type, a free text.
    pub plan: Option<String>,
    /// How many instances run while autoscaling is off.
    pub num_instances: Option<u32>,
    /// What Render's own health check asks; web services only.
    pub health_check_path: Option<String>,
    /// Whether the public gets a page instead of the service.
    pub maintenance_mode: Option<MaintenanceMode>,
    /// Between how many instances it scales by itself.
    pub autoscaling: Option<Autoscaling>,
    /// A disk, which rules out deploys without downtime.
    pub disk: Option<Disk>,
}

/// Whether the public gets a page instead of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceMode {
    /// It does.
    #[serde(deserialize_with = "nullable")]
    pub enabled: bool,
    /// The page; empty: Render's own.
    #[serde(deserialize_with = "nullable")]
    pub uri: String,
}

/// Between how many instances a service scales by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Autoscaling {
    /// It does.
    #[serde(deserialize_with = "nullable")]
    pub enabled: bool,
    /// At least.
    pub min: Option<u32>,
    /// At most.
    pub max: Option<u32>,
}

/// A persistent disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disk {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its size.
    #[serde(rename = "sizeGB")]
    pub size_gb: Option<u32>,
    /// Where it is mounted.
    pub mount_path: Option<String>,
}

/// What a cron job has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CronJob {
    /// When it runs.
    pub schedule: Option<String>,
    /// When it last ran well.
    pub last_successful_run_at: Option<DateTime<Utc>>,
    /// The instance type.
    pub plan: Option<String>,
    /// Where it runs.
    pub region: Option<String>,
}

impl Details {
    pub(super) fn of(kind: &ServiceKind, details: Value) -> serde_json::Result<Self> {
        let details = if details.is_null() {
            Value::Object(Map::new())
        } else {
            details
        };
        match kind {
            ServiceKind::StaticSite => serde_json::from_value(details).map(Self::StaticSite),
            ServiceKind::WebService
            | ServiceKind::PrivateService
            | ServiceKind::BackgroundWorker => serde_json::from_value(details).map(Self::Server),
            ServiceKind::CronJob => serde_json::from_value(details).map(Self::CronJob),
            ServiceKind::Other(_) => Ok(Self::Other(details)),
        }
    }
}
