//! A database of before, and the services' connections to it.

use policy::Timestamp;
use rollout::command::{Sealed, Target};
use rollout::database_connections::{self, Redirected, redirected, unclear};
use rollout::{DatabaseId, Outcome};

use super::deploys::{refusal, unknown};
use super::variables::{Backup, Saved, digest};
use super::{Progress, SimExecutor};
use crate::ids::PostgresId;
use crate::network_faults::Delivery;
use crate::platform::{Connection, RecoverBody};

impl SimExecutor {
    pub(super) fn recover(&mut self, database: &DatabaseId, to: Timestamp, name: &str) -> Outcome {
        let body = RecoverBody {
            restore_time: to,
            restore_name: Some(name.to_owned()),
            plan: None,
        };
        let reply = self
            .platform
            .client(self.now)
            .recover(&dpg(database), &body);
        match reply {
            Delivery::Delivered(Ok(new)) => Outcome::DatabaseCreated {
                database: DatabaseId(new.id.to_string()),
            },
            Delivery::Delivered(Err(error)) => refusal(&error),
            Delivery::Lost | Delivery::NeverSent => unknown("no answer"),
            Delivery::Unreachable { .. } => self.not_sent(),
        }
    }

    pub(super) fn find_databases(&mut self, name: &str) -> Result<Outcome, Progress> {
        let reply = self.platform.client(self.now).databases_named(name);
        let found = self.learn(reply)?.into_iter();
        let databases = found.map(|id| DatabaseId(id.to_string())).collect();
        Ok(Outcome::DatabasesFound { databases })
    }

    pub(super) fn await_database(
        &mut self,
        database: &DatabaseId,
        until: Timestamp,
    ) -> Result<Outcome, Progress> {
        let reply = self.platform.client(self.now).database(&dpg(database));
        let found = self.learn(reply)?;
        if found.available_from <= self.now {
            return Ok(Outcome::DatabaseReady);
        }
        if until <= self.now {
            let status = found.status(self.now).to_owned();
            return Ok(Outcome::DatabaseUnfinished { status });
        }
        Err(Progress::LookAt(found.available_from.min(until)))
    }

    /// Saves the variables that hold the connection of the old database.
    pub(super) fn back_up_connections(
        &mut self,
        service: &Target,
        from: &DatabaseId,
        to: &DatabaseId,
    ) -> Result<Outcome, Progress> {
        let reply = self.platform.client(self.now).database(&dpg(from));
        let old = self.learn(reply)?.connection();
        let reply = self.platform.client(self.now).database(&dpg(to));
        let new = self.learn(reply)?.connection();
        let reply = self.platform.client(self.now).env_vars(&service.id);
        let stored = self.learn(reply)?;
        let mut backup = Backup::new();
        for (key, value) in &stored {
            match redirected(value, &shown(from, &old), &shown(to, &new)) {
                Redirected::To(new) => backup.insert(key.clone(), Saved::changed(value, &new)),
                Redirected::Untouched => continue,
                Redirected::Unclear => {
                    let reason = unclear(key, from);
                    return Ok(Outcome::Failed { reason });
                }
            };
        }
        let digests = stored.iter();
        Ok(Outcome::BackedUp {
            digests: digests
                .map(|(key, value)| (key.clone(), digest(value)))
                .collect(),
            differing: backup.keys().cloned().collect(),
            sealed: Sealed(serde_json::to_vec(&backup).expect("texts serialise")),
        })
    }
}

fn shown<'c>(
    id: &'c DatabaseId,
    connection: &'c Connection,
) -> database_connections::Connection<'c> {
    database_connections::Connection {
        id: &id.0,
        internal: &connection.internal,
        external: &connection.external,
        password: &connection.password,
    }
}

/// The same id, as the platform calls it.
fn dpg(id: &DatabaseId) -> PostgresId {
    PostgresId::new(&id.0)
}
