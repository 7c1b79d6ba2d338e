//! Postgres databases: read, recover to an instant, export. A recovery makes a new database; the old one stays (T15).

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{ExportId, PostgresId};
use crate::limit::Class;
use crate::wire::nullable;
use crate::words::words;

words! {
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
        /// Render works on it.
        MaintenanceInProgress = "maintenance_in_progress",
    }
}

words! {
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
    /// Reads one database.
    pub async fn postgres(&self, database: &PostgresId) -> Result<Postgres> {
        self.json(Call::get(&["postgres", &database.to_string()]))
            .await
    }

    /// Reads how to connect to it.
    pub async fn connection_info(&self, database: &PostgresId) -> Result<ConnectionInfo> {
        self.json(Call::get(&[
            "postgres",
            &database.to_string(),
            "connection-info",
        ]))
        .await
    }

    /// Reads whether, and how far back, it can be recovered.
    pub async fn recovery(&self, database: &PostgresId) -> Result<Recovery> {
        self.json(Call::get(&["postgres", &database.to_string(), "recovery"]))
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
        let path = ["postgres", &database.to_string(), "recovery"];
        self.json(Call::change(Method::POST, &path, Class::Create).body(&body))
            .await
    }

    /// Lists the exports.
    pub async fn exports(&self, database: &PostgresId) -> Result<Vec<Export>> {
        self.json(Call::get(&["postgres", &database.to_string(), "export"]))
            .await
    }

    /// Asks for an export. The answer has no id: find it among the exports by when it was made.
    pub async fn start_export(&self, database: &PostgresId) -> Result<()> {
        let path = ["postgres", &database.to_string(), "export"];
        self.done(Call::change(Method::POST, &path, Class::Write))
            .await
    }
}
