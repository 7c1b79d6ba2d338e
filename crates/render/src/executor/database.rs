//! A database of before: asked for at most once, found by its name, awaited; and the services' connections to it (T15).

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Timestamp;
use rollout::command::Target;
use rollout::database_connections::{Redirected, redirected, unclear};
use rollout::{DatabaseId, Outcome};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::backup::BackupContent;
use super::command_task::CommandTask;
use super::polling::Backoff;
use super::variables::sealed;
use crate::error::Result;
use crate::ids::PostgresId;
use crate::postgres::{ConnectionInfo, PostgresFilter, PostgresStatus};
use crate::variable::Variables;

/// More databases of one name than this do not exist.
const MOST: usize = 100;
/// How fast the pauses grow.
const GROWTH: f64 = 1.2;

impl CommandTask {
    /// Asks for a new database with the data of an earlier instant.
    pub(super) async fn recover(
        &self,
        database: &DatabaseId,
        to: Timestamp,
        name: &str,
    ) -> Outcome {
        let (retry, id) = (self.retry_policy(), render_id(database));
        let reply = retry.change(|| retry.client.recover(&id, to, Some(name)));
        match reply.await {
            Ok(new) => Outcome::DatabaseCreated {
                database: DatabaseId(new.id.to_string()),
            },
            Err(error) => self.undone(&error).await,
        }
    }

    /// Reads which databases bear a name.
    pub(super) async fn find_databases(&self, name: &str) -> Result<Outcome> {
        let retry = self.retry_policy();
        let filter = PostgresFilter {
            name: Some(name.to_owned()),
            owner: self.worker.settings.owner.clone(),
            ..PostgresFilter::default()
        };
        let found = retry.ask(|| retry.client.databases(&filter, MOST)).await?;
        let of_name = found.into_iter().filter(|database| database.name == name);
        let databases = of_name.map(|database| DatabaseId(database.id.to_string()));
        Ok(Outcome::DatabasesFound {
            databases: databases.collect(),
        })
    }

    /// Reads a database until it can be used, never will be, or takes too long.
    pub(super) async fn await_database(
        &self,
        database: &DatabaseId,
        until: Timestamp,
    ) -> Result<Outcome> {
        let (retry, id) = (self.retry_policy(), render_id(database));
        let settings = &self.worker.settings;
        let deadline = self.deadline(until);
        let mut pauses = Backoff::new(settings.poll_from, settings.poll_to, GROWTH);
        loop {
            let asked_at = Instant::now();
            let status = retry.ask(|| retry.client.postgres(&id)).await?.status;
            if status == PostgresStatus::Available {
                return Ok(Outcome::DatabaseReady);
            }
            if status == PostgresStatus::RecoveryFailed {
                return Ok(Outcome::DatabaseFailed);
            }
            if deadline.is_some_and(|deadline| deadline <= asked_at) {
                let status = status.to_string();
                return Ok(Outcome::DatabaseUnfinished { status });
            }
            sleep(pauses.next()).await;
        }
    }

    /// Seals all variables of a service, and for those that hold a connection of the old database the new one's.
    pub(super) async fn back_up_connections(
        &self,
        service: &Target,
        from: &DatabaseId,
        to: &DatabaseId,
    ) -> Result<Outcome> {
        let retry = self.retry_policy();
        let (old, new) = (render_id(from), render_id(to));
        let old = retry.ask(|| retry.client.connection_info(&old)).await?;
        let new = retry.ask(|| retry.client.connection_info(&new)).await?;
        let stored = retry.ask(|| retry.client.variables(&service.id)).await?;
        let redirected = match connections(&stored, (from, &old), (to, &new)) {
            Ok(redirected) => redirected,
            Err(reason) => return Ok(Outcome::Failed { reason }),
        };
        let backups = Arc::clone(&self.worker.backups);
        // What a person has set to the new one already counts as well: it is written once more.
        let keys = |content: &BackupContent| content.keys.keys().cloned().collect();
        Ok(sealed(backups, self.owned(service), (stored, redirected), keys).await)
    }
}

fn render_id(database: &DatabaseId) -> PostgresId {
    database.0.as_str().into()
}

/// The variables that connect to the old database, with what connects to the new one.
fn connections(
    stored: &Variables,
    (from, old): (&DatabaseId, &ConnectionInfo),
    (to, new): (&DatabaseId, &ConnectionInfo),
) -> std::result::Result<BTreeMap<String, SecretString>, String> {
    let (old, new) = (old.parts(from), new.parts(to));
    let mut connections = BTreeMap::new();
    for (key, value) in stored {
        match redirected(value.expose_secret(), &old, &new) {
            Redirected::To(value) => connections.insert(key.clone(), value.into()),
            Redirected::Untouched => continue,
            Redirected::Unclear => return Err(unclear(key, from)),
        };
    }
    Ok(connections)
}
