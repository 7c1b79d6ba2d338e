//! What has a sign-in given to a program? A secret of its own, kept hashed, for some scopes and for a while. It is not a token
//! of the project: it proves nobody by itself, but stands for the proof with which it was given.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::TimeDelta;
use policy::{PersonId, Timestamp};
use rollout::request::{Proof, Scope};
use rusqlite::{Connection, OptionalExtension as _, params};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::sessions::{SessionInfo, SessionKind, instant};
use super::{ServerStore, hashed};
use crate::error::Error;

/// So that secret scanners know one when they see it, and the server knows where to look.
const PREFIX: &str = "tranche_server_";

/// A use is noted once in so long.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What was given, to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The person, or `service:NAME`.
    pub(crate) owner: PersonId,
    /// A program by itself, which is never an approver.
    pub(crate) is_service: bool,
    /// What proved who they are.
    pub(crate) proof: Proof,
    /// For what.
    pub(crate) scopes: BTreeSet<Scope>,
    /// Until when it is for votes too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) votes_until: Option<Timestamp>,
    /// The machine that asked for it, in its own words.
    pub(crate) from: String,
}

impl Grant {
    /// For what it is at that instant.
    pub(crate) fn scopes_at(&self, now: Timestamp) -> BTreeSet<Scope> {
        let mut scopes = self.scopes.clone();
        if self.votes_until.is_some_and(|until| now < until) {
            scopes.insert(Scope::Vote);
        }
        scopes
    }

    fn kind(&self) -> SessionKind {
        match self.is_service {
            true => SessionKind::Ci,
            false => SessionKind::CommandLine,
        }
    }
}

/// Whether it is one of these, by its looks.
pub(crate) fn is_grant(secret: &SecretString) -> bool {
    secret.expose_secret().starts_with(PREFIX)
}

/// 256 random bits, as text.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn draw() -> Result<String, Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

impl ServerStore {
    /// Keeps what is given and makes its secret, which nobody can see again.
    ///
    /// # Errors
    /// It cannot be stored, or the system has no random numbers.
    pub(crate) fn give(
        &self,
        grant: &Grant,
        ends_at: Option<Timestamp>,
    ) -> Result<SecretString, Error> {
        let secret = SecretString::from(format!("{PREFIX}{}", draw()?));
        let id = hashed(secret.expose_secret().as_bytes());
        // Texts, numbers and maps of texts always serialise.
        let data = serde_json::to_string(grant).unwrap_or_default();
        let now = project::now().timestamp_millis();
        let ends_at = ends_at.map(|at| at.timestamp_millis());
        self.connection().execute(
            "INSERT INTO grants (id, owner, data, begun_at, seen_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            params![id, grant.owner.as_str(), data, now, ends_at],
        )?;
        Ok(secret)
    }

    /// What that secret was given for; `None`: it is unknown, was ended or has ended by itself.
    pub(crate) fn granted(&self, secret: &SecretString) -> rusqlite::Result<Option<Grant>> {
        let id = hashed(secret.expose_secret().as_bytes());
        let now = project::now();
        let (begun, seen) = self.limits().oldest(now);
        let connection = self.connection();
        // Only its hash is looked up, so how long that takes tells nothing of the secret.
        let mut statement = connection.prepare_cached(
            "SELECT data, seen_at FROM grants WHERE id = ?1 AND (ends_at > ?4 OR (ends_at IS NULL AND begun_at > ?2 AND seen_at > ?3))",
        )?;
        let found = statement.query_row(params![id, begun, seen, now.timestamp_millis()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        });
        let Some((data, seen_at)) = found.optional()? else {
            return Ok(None);
        };
        if seen_at <= (now - NOTED_EVERY).timestamp_millis() {
            connection.execute(
                "UPDATE grants SET seen_at = ?2 WHERE id = ?1",
                params![id, now.timestamp_millis()],
            )?;
        }
        Ok(serde_json::from_str(&data).ok())
    }

    /// Everybody who is signed in, in browsers and by programs; who was seen last comes first.
    pub(crate) fn sessions(&self) -> rusqlite::Result<Vec<SessionInfo>> {
        let now = project::now();
        let connection = self.connection();
        let mut all = self.browsers(&connection, now)?;
        all.extend(self.programs(&connection, now)?);
        all.sort_by_key(|session| std::cmp::Reverse(session.seen_at));
        Ok(all)
    }

    fn programs(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> rusqlite::Result<Vec<SessionInfo>> {
        let limits = *self.limits();
        let (begun, seen) = limits.oldest(now);
        let mut statement = connection.prepare_cached(
            "SELECT id, data, begun_at, seen_at, ends_at FROM grants WHERE ends_at > ?3 OR (ends_at IS NULL AND begun_at > ?1 AND seen_at > ?2)",
        )?;
        let rows = statement.query_map(params![begun, seen, now.timestamp_millis()], |row| {
            let (data, begun_at) = (row.get::<_, String>(1)?, instant(row.get(2)?));
            let ends_at: Option<i64> = row.get(4)?;
            let Ok(grant) = serde_json::from_str::<Grant>(&data) else {
                return Ok(None);
            };
            Ok(Some(SessionInfo {
                id: row.get(0)?,
                kind: grant.kind(),
                person: grant.owner,
                from: Some(grant.from),
                begun_at,
                seen_at: instant(row.get(3)?),
                ends_at: ends_at.map_or(begun_at + limits.absolute, instant),
                is_this: false,
            }))
        })?;
        rows.filter_map(Result::transpose).collect()
    }

    /// Ends what was given with this secret, if it was.
    pub(crate) fn end_grant(&self, secret: &SecretString) -> rusqlite::Result<()> {
        let id = hashed(secret.expose_secret().as_bytes());
        let connection = self.connection();
        connection.execute("DELETE FROM grants WHERE id = ?1", params![id])?;
        Ok(())
    }

    /// Ends a session of whatever kind; says whether there was one.
    pub(crate) fn end_session(&self, id: &str) -> rusqlite::Result<bool> {
        let connection = self.connection();
        let mut ended = 0;
        for table in ["sessions", "grants"] {
            let sql = format!("DELETE FROM {table} WHERE id = ?1");
            ended += connection.execute(&sql, params![id])?;
        }
        Ok(ended > 0)
    }
}
