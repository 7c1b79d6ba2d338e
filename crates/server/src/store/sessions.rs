//! Who is signed in? Ids are kept hashed; a session ends by itself when nobody uses it, and in any case after a while.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use policy::{PersonId, Timestamp};
use rollout::request::Proof;
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::time;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionStore};

use super::{ServerStore, hashed};

/// A session that nobody uses for so long is over.
const IDLE: TimeDelta = TimeDelta::hours(12);

/// A session is over so long after the sign-in.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// Whoever has signed in, as kept in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    /// Who it was then. Who it is now follows from the proof.
    pub(crate) person: PersonId,
    /// What proved it.
    pub(crate) proof: Proof,
    /// When.
    pub(crate) at: Timestamp,
}

impl SignedIn {
    /// Where it stands in a session.
    pub(crate) const KEY: &str = "signed_in";
}

/// A session, as far as anybody may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SessionInfo {
    /// Names it to who revokes it; nobody can use it.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) person: PersonId,
    /// Since when.
    pub(crate) begun_at: Timestamp,
    /// When it was used last.
    pub(crate) seen_at: Timestamp,
}

impl ServerStore {
    /// How long a browser keeps the cookie; whether it still counts is said by what is stored.
    #[expect(clippy::unused_self, reason = "the limits are those of this store")]
    pub(crate) fn expiry(&self) -> Expiry {
        Expiry::OnInactivity(time::Duration::milliseconds(LONGEST.num_milliseconds()))
    }

    /// Everybody who is signed in.
    pub(crate) fn sessions(&self) -> rusqlite::Result<Vec<SessionInfo>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT id, person, begun_at, seen_at FROM sessions WHERE person IS NOT NULL AND begun_at > ?1 AND seen_at > ?2 ORDER BY seen_at DESC",
        )?;
        let (begun, seen) = oldest(project::now());
        let rows = statement.query_map(params![begun, seen], |row| {
            Ok(SessionInfo {
                id: row.get(0)?,
                person: PersonId::new(row.get::<_, String>(1)?),
                begun_at: instant(row.get(2)?),
                seen_at: instant(row.get(3)?),
            })
        })?;
        rows.collect()
    }

    /// Ends a session, or all of a person; says how many.
    pub(crate) fn end_sessions(&self, id_or_person: &str) -> rusqlite::Result<usize> {
        let connection = self.connection();
        connection.execute(
            "DELETE FROM sessions WHERE id = ?1 OR person = ?1",
            params![id_or_person],
        )
    }

    fn keep(&self, record: &Record) -> rusqlite::Result<()> {
        let person = record.data.get(SignedIn::KEY);
        let person = person.and_then(|value| value.get("person")?.as_str());
        // A map of texts to JSON values always serialises.
        let data = serde_json::to_string(&record.data).unwrap_or_default();
        let now = project::now().timestamp_millis();
        self.connection().execute(
            "INSERT INTO sessions (id, person, data, begun_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (id) DO UPDATE SET person = ?2, data = ?3, seen_at = ?4",
            params![key(&record.id), person, data, now],
        )?;
        Ok(())
    }

    fn find(&self, id: &Id) -> rusqlite::Result<Option<String>> {
        let (now, (begun, seen)) = (project::now(), oldest(project::now()));
        let connection = self.connection();
        connection.execute(
            "DELETE FROM sessions WHERE begun_at <= ?1 OR seen_at <= ?2",
            params![begun, seen],
        )?;
        let mut statement = connection.prepare_cached(
            "UPDATE sessions SET seen_at = max(seen_at, ?2) WHERE id = ?1 RETURNING data",
        )?;
        let found = statement.query_row(params![key(id), now.timestamp_millis()], |row| row.get(0));
        found.optional()
    }
}

/// Sessions that began or were seen earlier are over.
fn oldest(now: Timestamp) -> (i64, i64) {
    (
        (now - LONGEST).timestamp_millis(),
        (now - IDLE).timestamp_millis(),
    )
}

fn key(id: &Id) -> String {
    hashed(&id.0.to_le_bytes())
}

fn instant(millis: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(millis).unwrap_or_default()
}

fn failed(error: rusqlite::Error) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for ServerStore {
    async fn save(&self, record: &Record) -> Result<()> {
        self.keep(record).map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(data) = self.find(id).map_err(failed)? else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let longest = Duration::from_millis(LONGEST.num_milliseconds().unsigned_abs());
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date: time::OffsetDateTime::now_utc() + longest,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let deleted = self
            .connection()
            .execute("DELETE FROM sessions WHERE id = ?1", params![key(id)]);
        deleted.map(drop).map_err(failed)
    }
}
