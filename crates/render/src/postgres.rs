//! Postgres databases: read, recover to an instant, export. A recovery makes a new database; the old one stays (T15).

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use reqwest::Method;
use rollout::DatabaseId;
use rollout::database_connections::Connection;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{ExportId, OwnerId, PostgresId};
use crate::limit::Class;
use crate::open_enum::open_enum;
use crate::page::listed;
use crate::service::Suspension;
use crate::wire::nullable;

open_enum! {
    /// Where a database stands.
    PostgresStatus {
        /// Not there yet.
        Creating = "creating",
        /// Usable.
        Available = "available",
        /// Not usable.
        Unavailable = "unavailable",
        /// Suspended.
        Suspended = "suspended",
        /// Comes out of a recovery.
        RecoveryInProgress = "recovery_in_progress",
        /// The recovery failed.
        RecoveryFailed = "recovery_failed",
        /// Restarts with another configuration.
        ConfigRestart = "config_restart",
        /// Gets another instance type.
        UpdatingInstance = "updating_instance",
        /// Render will work on it.
        MaintenanceScheduled = "maintenance_scheduled",
        /// Render works on it.
        MaintenanceInProgress = "maintenance_in_progress",
    }
}

open_enum! {
    /// Whether a database can be recovered to an earlier instant.
    RecoveryStatus {
        /// It can.
        Available = "AVAILABLE",
        /// Not yet.
        BackupNotReady = "BACKUP_NOT_READY",
        /// Not on this plan.
        NotAvailable = "NOT_AVAILABLE",
    }
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Postgres {
    /// Its id.
    pub id: PostgresId,
    /// Its name.
    #[serde(default, deserialize_with = "nullable")]
    pub name: String,
    /// Where it stands.
    #[serde(default)]
    pub status: PostgresStatus,
    /// The instance type, a free text.
    #[serde(default)]
    pub plan: Option<String>,
    /// The major version.
    #[serde(default)]
    pub version: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
}

/// Which databases are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresFilter {
    /// Exactly this name.
    pub name: Option<String>,
    /// Only of this workspace.
    pub owner: Option<OwnerId>,
    /// Only in these regions; none: all.
    pub regions: Vec<String>,
    /// Only suspended ones, or only those that run.
    pub suspension: Option<Suspension>,
    /// Read replicas too.
    pub with_replicas: bool,
}

impl PostgresFilter {
    fn call(&self) -> Call {
        Call::get(&["postgres"])
            .maybe("name", self.name.as_deref())
            .maybe("ownerId", self.owner.as_ref().map(OwnerId::to_string))
            .joined("region", self.regions.iter())
            .maybe(
                "suspended",
                self.suspension.as_ref().map(Suspension::as_str),
            )
            .query("includeReplicas", self.with_replicas.to_string())
    }
}

/// What is to be changed of a database; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostgresChanges {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its instance type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

listed!(Postgres: id);

/// How to connect. All of it is secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionInfo {
    /// The password.
    pub password: SecretString,
    /// The URL from within Render.
    pub internal_connection_string: SecretString,
    /// The URL from outside.
    pub external_connection_string: SecretString,
    /// A command line that connects.
    #[serde(default, deserialize_with = "nullable")]
    pub psql_command: SecretString,
}

impl ConnectionInfo {
    /// What variables may hold of it.
    pub fn parts<'c>(&'c self, database: &'c DatabaseId) -> Connection<'c> {
        Connection {
            id: &database.0,
            internal: self.internal_connection_string.expose_secret(),
            external: self.external_connection_string.expose_secret(),
            password: self.password.expose_secret(),
        }
    }
}

/// Whether, and how far back, a database can be recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// Whether.
    #[serde(default, rename = "recoveryStatus")]
    pub status: RecoveryStatus,
    /// The earliest instant.
    #[serde(default)]
    pub starts_at: Option<DateTime<Utc>>,
}

/// A dump of a database, kept for seven days.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Where it can be fetched, once it is ready; whoever knows it has the data.
    #[serde(default)]
    pub url: Option<SecretString>,
}

/// Databases.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::RecoveryStatus;
///
/// let database = "dpg-cukouhrtq21c73e9scng-a".into();
/// if client.recovery(&database).await?.status == RecoveryStatus::Available {
///     let before = chrono::Utc::now() - chrono::TimeDelta::hours(1);
///     let restored = client.recover(&database, before, Some("acme-restored")).await?;
///     println!("{} is {}", restored.id, restored.status);
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lists databases.
    pub async fn databases(&self, filter: &PostgresFilter, most: usize) -> Result<Vec<Postgres>> {
        self.first(filter.call(), most).await
    }

    /// All databases, page by page as they are taken.
    pub fn databases_stream(
        &self,
        filter: &PostgresFilter,
    ) -> impl Stream<Item = Result<Postgres>> + Send + use<> {
        self.stream(filter.call())
    }

    /// Reads one database.
    pub async fn postgres(&self, database: &PostgresId) -> Result<Postgres> {
        self.json(Call::get(&["postgres", database.as_str()])).await
    }

    /// Reads how to connect to it.
    pub async fn connection_info(&self, database: &PostgresId) -> Result<ConnectionInfo> {
        self.json(Call::get(&[
            "postgres",
            database.as_str(),
            "connection-info",
        ]))
        .await
    }

    /// Reads whether, and how far back, it can be recovered.
    pub async fn recovery(&self, database: &PostgresId) -> Result<Recovery> {
        self.json(Call::get(&["postgres", database.as_str(), "recovery"]))
            .await
    }

    /// Makes a new database with the data of an earlier instant, not within the last ten minutes. At most once.
    pub async fn recover(
        &self,
        database: &PostgresId,
        to: DateTime<Utc>,
        name: Option<&str>,
    ) -> Result<Postgres> {
        let mut body = json!({ "restoreTime": to.to_rfc3339_opts(SecondsFormat::Secs, true) });
        if let Some(name) = name {
            body["restoreName"] = name.into();
        }
        let path = ["postgres", database.as_str(), "recovery"];
        self.json(Call::change(Method::POST, &path, Class::Create).body(&body))
            .await
    }

    /// Lists the exports.
    pub async fn exports(&self, database: &PostgresId) -> Result<Vec<Export>> {
        self.json(Call::get(&["postgres", database.as_str(), "export"]))
            .await
    }

    /// Asks for an export. The answer has no id: find it among the exports by when it was made.
    pub async fn start_export(&self, database: &PostgresId) -> Result<()> {
        let path = ["postgres", database.as_str(), "export"];
        self.done(Call::change(Method::POST, &path, Class::Write))
            .await
    }
}

/// Changing databases.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// client.admin().restart_database(&"dpg-cukouhrtq21c73e9scng-a".into()).await?;
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Changes what `changes` names.
    pub async fn update_database(
        &self,
        database: &PostgresId,
        changes: &PostgresChanges,
    ) -> Result<Postgres> {
        let path = ["postgres", database.as_str()];
        let call = Self::change(Method::PATCH, &path, &json!(changes));
        self.0.json(call).await
    }

    /// Deletes a database with all its data; one that is already gone counts as deleted.
    pub async fn delete_database(&self, database: &PostgresId) -> Result<()> {
        self.delete(&["postgres", database.as_str()]).await
    }

    /// Suspends a database; read it back to see when.
    pub async fn suspend_database(&self, database: &PostgresId) -> Result<()> {
        self.post(&["postgres", database.as_str(), "suspend"]).await
    }

    /// Lifts a suspension; read it back to see when.
    pub async fn resume_database(&self, database: &PostgresId) -> Result<()> {
        self.post(&["postgres", database.as_str(), "resume"]).await
    }

    /// Restarts a database; connections break.
    pub async fn restart_database(&self, database: &PostgresId) -> Result<()> {
        self.post(&["postgres", database.as_str(), "restart"]).await
    }

    /// Switches to the standby; connections break.
    pub async fn fail_over_database(&self, database: &PostgresId) -> Result<()> {
        self.post(&["postgres", database.as_str(), "failover"])
            .await
    }
}
