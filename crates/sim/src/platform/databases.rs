//! Postgres databases: what a restoration of data needs.

use policy::Span;
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::ids::{OwnerId, PostgresId, Timestamp};
use crate::requests::ApiError;

/// One database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Database {
    /// Its id.
    pub id: PostgresId,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// Its plan; `free` has no recovery.
    pub plan: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it can be used.
    pub available_from: Timestamp,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Its password.
    password: String,
    pub(crate) exports: Vec<Export>,
    /// What was written and when, in order: as much of its data as a restoration can be checked by.
    #[serde(default)]
    written: Vec<(Timestamp, String)>,
}

/// Password and addresses of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The password.
    pub password: String,
    /// From within Render.
    pub internal: String,
    /// From outside.
    pub external: String,
}

/// A copy of a database as a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Its id.
    pub id: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// From when on it can be fetched.
    pub ready_from: Timestamp,
}

/// Whether a database can be restored to an earlier instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// To any instant since this one.
    Available(Timestamp),
    /// Not yet.
    NotReady,
    /// Not on this plan.
    NotAvailable,
}

/// What a restoration asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoverBody {
    /// The instant.
    pub restore_time: Timestamp,
    /// The new database's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_name: Option<String>,
    /// The new database's plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// How far back a restoration reaches.
const RECOVERY_WINDOW: Span = Span::from_secs(7 * 24 * 60 * 60);
/// How old an instant must be.
const RECOVERY_MARGIN: Span = Span::from_secs(10 * 60);
/// How long an export is kept.
const EXPORT_KEPT: Span = Span::from_secs(7 * 24 * 60 * 60);

impl Database {
    pub(super) fn new(
        id: PostgresId,
        name: String,
        owner: OwnerId,
        plan: String,
        created_at: Timestamp,
        data: Vec<String>,
    ) -> Self {
        Self {
            password: password(&id),
            id,
            name,
            owner,
            plan,
            created_at,
            available_from: created_at,
            suspended: false,
            exports: Vec::new(),
            written: data.into_iter().map(|text| (created_at, text)).collect(),
        }
    }

    /// The name Render gives to its state at an instant.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if self.suspended {
            "suspended"
        } else if now < self.available_from {
            "creating"
        } else {
            "available"
        }
    }

    /// Whether it can be restored, and how far back.
    pub fn recovery(&self, now: Timestamp) -> Recovery {
        if self.plan == "free" {
            Recovery::NotAvailable
        } else if now < self.available_from {
            Recovery::NotReady
        } else {
            let window = now - RECOVERY_WINDOW.to_delta();
            Recovery::Available(window.max(self.created_at))
        }
    }

    /// How to connect to it.
    pub fn connection(&self) -> Connection {
        connection(&self.id, &self.name, &self.password)
    }

    /// Everything that had been written at an instant.
    pub fn data(&self, at: Timestamp) -> Vec<&str> {
        let before = self.written.iter().filter(|(written, _)| *written <= at);
        before.map(|(_, text)| text.as_str()).collect()
    }
}

pub(super) fn password(id: &PostgresId) -> String {
    format!("pw-{id}")
}

pub(super) fn connection(id: &PostgresId, name: &str, password: &str) -> Connection {
    let url = |host: &str| format!("postgresql://{name}:{password}@{host}/{name}");
    Connection {
        password: password.to_owned(),
        internal: url(id.as_str()),
        external: url(&format!("{id}.postgres.example")),
    }
}

impl Platform {
    /// All databases, by id.
    pub fn databases(&self) -> impl Iterator<Item = &Database> {
        self.databases.values()
    }

    /// One database.
    pub fn database(&mut self, now: Timestamp, id: &PostgresId) -> Result<&Database, ApiError> {
        self.advance(now);
        let database = self.databases.get(id);
        database
            .filter(|database| self.reaches(&database.owner))
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    fn database_mut(&mut self, now: Timestamp, id: &PostgresId) -> Result<&mut Database, ApiError> {
        self.database(now, id)?;
        self.databases
            .get_mut(id)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// Restores a database to an earlier instant: a new database appears, the old one stays.
    pub fn recover(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
        body: &RecoverBody,
    ) -> Result<&Database, ApiError> {
        let old = self.database(now, id)?.clone();
        let now = self.now;
        let Recovery::Available(from) = old.recovery(now) else {
            return Err(ApiError::bad_request("recovery is not available"));
        };
        let latest = now - RECOVERY_MARGIN.to_delta();
        if body.restore_time < from || body.restore_time > latest {
            return Err(ApiError::bad_request(
                "restoreTime is outside the recovery window",
            ));
        }
        let id = PostgresId::new(format!("{}-a", self.ids.next("dpg", now)));
        let name = body.restore_name.clone();
        let name = name.unwrap_or_else(|| format!("{}-recovery", old.name));
        let plan = body.plan.clone().unwrap_or(old.plan);
        let mut new = Database::new(id.clone(), name, old.owner, plan, now, Vec::new());
        new.available_from = now + self.settings.recovery.to_delta();
        let kept = old.written.into_iter();
        new.written = kept.filter(|(at, _)| *at <= body.restore_time).collect();
        self.databases.insert(id.clone(), new);
        self.database(now, &id)
    }

    /// Lets an application write into a database.
    pub fn write_data(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
        text: &str,
    ) -> Result<(), ApiError> {
        let now = self.advance(now);
        let written = &mut self.database_mut(now, id)?.written;
        written.push((now, text.to_owned()));
        Ok(())
    }

    /// Asks for an export; one at a time.
    pub fn export(&mut self, now: Timestamp, id: &PostgresId) -> Result<(), ApiError> {
        let now = self.advance(now);
        let ready_from = now + self.settings.export.to_delta();
        let export = Export {
            id: self.ids.next("exp", now),
            created_at: now,
            ready_from,
        };
        let exports = &mut self.database_mut(now, id)?.exports;
        if exports.iter().any(|export| now < export.ready_from) {
            return Err(ApiError::new(409, "an export is in progress"));
        }
        exports.push(export);
        Ok(())
    }

    /// The exports that are kept, newest first.
    pub fn exports(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
    ) -> Result<impl Iterator<Item = &Export>, ApiError> {
        let kept_from = self.advance(now) - EXPORT_KEPT.to_delta();
        let exports = self.database(now, id)?.exports.iter().rev();
        Ok(exports.filter(move |export| export.created_at >= kept_from))
    }

    /// Changes name and plan, where they are given.
    pub(crate) fn update_database(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
        name: Option<String>,
        plan: Option<String>,
    ) -> Result<&Database, ApiError> {
        let database = self.database_mut(now, id)?;
        database.name = name.unwrap_or_else(|| database.name.clone());
        database.plan = plan.unwrap_or_else(|| database.plan.clone());
        Ok(database)
    }

    /// Removes a database.
    pub(crate) fn delete_database(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
    ) -> Result<(), ApiError> {
        self.database(now, id)?;
        self.databases.remove(id);
        Ok(())
    }

    /// Suspends or resumes a database.
    pub fn suspend_database(
        &mut self,
        now: Timestamp,
        id: &PostgresId,
        suspended: bool,
    ) -> Result<(), ApiError> {
        self.database_mut(now, id)?.suspended = suspended;
        Ok(())
    }
}
