//! Who is signed in? Ids are kept hashed; a session ends by itself when nobody uses it, and in any case after a while.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use policy::settings::server::Sessions;
use policy::{PersonId, Timestamp};
use rollout::request::Proof;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::time;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionStore};

use super::{ServerStore, hashed};

/// A browser that has begun to sign in and has not ended it is forgotten after so long.
pub(crate) const UNDER_WAY: TimeDelta = TimeDelta::minutes(15);

/// A use is noted once in so long.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A browser keeps the cookie so long; whether it still counts is said by what is stored.
const COOKIE: TimeDelta = TimeDelta::days(400);

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
    /// Of what.
    pub(crate) kind: SessionKind,
    /// From where, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// Since when.
    pub(crate) begun_at: Timestamp,
    /// When it was used last, to the minute.
    pub(crate) seen_at: Timestamp,
    /// When it ends in any case.
    pub(crate) ends_at: Timestamp,
    /// It is the one that asks.
    pub(crate) is_this: bool,
}

/// Of what a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionKind {
    /// A browser.
    Browser,
    /// A command line.
    CommandLine,
    /// A job of a CI system.
    Ci,
}

/// When sessions end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    idle: TimeDelta,
    pub(super) absolute: TimeDelta,
}

impl From<Sessions> for Limits {
    fn from(sessions: Sessions) -> Self {
        Self {
            idle: sessions.idle.to_delta(),
            absolute: sessions.absolute.to_delta(),
        }
    }
}

impl Limits {
    /// What began or was seen no later than this is over, in milliseconds.
    pub(super) fn oldest(self, now: Timestamp) -> (i64, i64) {
        let before = |length| now.checked_sub_signed(length).unwrap_or_default();
        (
            before(self.absolute).timestamp_millis(),
            before(self.idle).timestamp_millis(),
        )
    }
}

impl ServerStore {
    /// How long a browser keeps the cookie.
    #[expect(clippy::unused_self, reason = "whoever asks has the store")]
    pub(crate) fn expiry(&self) -> Expiry {
        Expiry::OnInactivity(time::Duration::milliseconds(COOKIE.num_milliseconds()))
    }

    /// When sessions end from now on.
    pub(crate) fn limit_sessions(&self, sessions: Sessions) {
        *self.limits() = sessions.into();
    }

    /// Browsers in which somebody is signed in.
    pub(super) fn browsers(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> rusqlite::Result<Vec<SessionInfo>> {
        let limits = *self.limits();
        let mut statement = connection.prepare_cached(
            "SELECT id, person, begun_at, seen_at FROM sessions WHERE person IS NOT NULL AND begun_at > ?1 AND seen_at > ?2",
        )?;
        let (begun, seen) = limits.oldest(now);
        let rows = statement.query_map(params![begun, seen], |row| {
            let begun_at = instant(row.get(2)?);
            Ok(SessionInfo {
                id: row.get(0)?,
                person: PersonId::new(row.get::<_, String>(1)?),
                kind: SessionKind::Browser,
                from: None,
                begun_at,
                seen_at: instant(row.get(3)?),
                ends_at: begun_at + limits.absolute,
                is_this: false,
            })
        })?;
        rows.collect()
    }

    fn begin(&self, record: &Record) -> rusqlite::Result<bool> {
        let (person, data) = written(record);
        let now = project::now();
        let connection = self.connection();
        forget(&connection, *self.limits(), now)?;
        let begun = connection.execute(
            "INSERT INTO sessions (id, person, data, begun_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (id) DO NOTHING",
            params![key(&record.id), person, data, now.timestamp_millis()],
        )?;
        Ok(begun == 1)
    }

    /// What was ended meanwhile stays so.
    fn keep(&self, record: &Record) -> rusqlite::Result<()> {
        let (person, data) = written(record);
        let now = project::now().timestamp_millis();
        self.connection().execute(
            "UPDATE sessions SET person = ?2, data = ?3, seen_at = max(seen_at, ?4) WHERE id = ?1",
            params![key(&record.id), person, data, now],
        )?;
        Ok(())
    }

    fn find(&self, id: &Id) -> rusqlite::Result<Option<String>> {
        let now = project::now();
        let (begun, seen) = self.limits().oldest(now);
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT data, seen_at FROM sessions WHERE id = ?1 AND begun_at > ?2 AND seen_at > ?3",
        )?;
        let found = statement.query_row(params![key(id), begun, seen], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        });
        let Some((data, seen_at)) = found.optional()? else {
            return Ok(None);
        };
        if seen_at <= (now - NOTED_EVERY).timestamp_millis() {
            connection.execute(
                "UPDATE sessions SET seen_at = ?2 WHERE id = ?1",
                params![key(id), now.timestamp_millis()],
            )?;
        }
        Ok(Some(data))
    }
}

/// Drops what is over, and browsers that never came back from the sign-in.
fn forget(connection: &Connection, limits: Limits, now: Timestamp) -> rusqlite::Result<()> {
    let (begun, seen) = limits.oldest(now);
    connection.execute(
        "DELETE FROM sessions WHERE begun_at <= ?1 OR seen_at <= ?2 OR (person IS NULL AND begun_at <= ?3)",
        params![begun, seen, (now - UNDER_WAY).timestamp_millis()],
    )?;
    connection.execute(
        "DELETE FROM grants WHERE ends_at <= ?3 OR (ends_at IS NULL AND (begun_at <= ?1 OR seen_at <= ?2))",
        params![begun, seen, now.timestamp_millis()],
    )?;
    Ok(())
}

fn written(record: &Record) -> (Option<&str>, String) {
    let person = record.data.get(SignedIn::KEY);
    let person = person.and_then(|value| value.get("person")?.as_str());
    // A map of texts to JSON values always serialises.
    (
        person,
        serde_json::to_string(&record.data).unwrap_or_default(),
    )
}

/// What is stored of a session's id.
pub(crate) fn key(id: &Id) -> String {
    hashed(&id.0.to_le_bytes())
}

pub(super) fn instant(millis: i64) -> Timestamp {
    Timestamp::from_timestamp_millis(millis).unwrap_or_default()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` hands it on as it comes"
)]
fn failed(error: rusqlite::Error) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for ServerStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.begin(record).map_err(failed)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.keep(record).map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(data) = self.find(id).map_err(failed)? else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let longest = Duration::from_millis(COOKIE.num_milliseconds().unsigned_abs());
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
