//! What was answered before to a request with the same key?

use chrono::TimeDelta;
use policy::PersonId;
use rusqlite::{OptionalExtension as _, params};

use super::ServerStore;

/// An answer is kept for so long.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// One person, or one service, has no more answers kept.
const MOST: i64 = 10_000;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The type of the body.
    pub(crate) kind: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What is known of a request when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing: it is under way from now on.
    New,
    /// It was answered.
    Answered(Kept),
    /// It is under way.
    UnderWay,
    /// The process that had begun it has ended, and nobody knows whether it was done.
    Lost,
    /// The key was used for something else.
    Another,
    /// There are too many.
    TooMany,
}

impl ServerStore {
    /// Looks a request up by its key, and notes that it is under way if it is new.
    pub(crate) fn begin_answer(
        &self,
        who: &PersonId,
        key: &str,
        digest: &str,
        process: &str,
    ) -> rusqlite::Result<Before> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let now = project::now();
        transaction.execute(
            "DELETE FROM answers WHERE begun_at <= ?1",
            [(now - KEPT_FOR).timestamp_millis()],
        )?;
        let found = {
            let mut statement = transaction.prepare_cached(
                "SELECT digest, process, status, kind, body FROM answers WHERE who = ?1 AND key = ?2",
            )?;
            let found = statement.query_row(params![who.as_str(), key], |row| {
                let (of, by): (String, String) = (row.get(0)?, row.get(1)?);
                let status: Option<u16> = row.get(2)?;
                Ok(match status {
                    _ if of != digest => Before::Another,
                    Some(status) => Before::Answered(Kept {
                        status,
                        kind: row.get(3)?,
                        body: row.get(4)?,
                    }),
                    None if by == process => Before::UnderWay,
                    None => Before::Lost,
                })
            });
            found.optional()?
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let sql = "SELECT count(*) FROM answers WHERE who = ?1";
        let kept: i64 = transaction.query_row(sql, [who.as_str()], |row| row.get(0))?;
        if kept >= MOST {
            return Ok(Before::TooMany);
        }
        transaction.execute(
            "INSERT INTO answers (who, key, digest, process, begun_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![who.as_str(), key, digest, process, now.timestamp_millis()],
        )?;
        transaction.commit()?;
        Ok(Before::New)
    }

    /// Keeps what was answered; without an answer nothing was done, and the same key may be used again.
    pub(crate) fn end_answer(
        &self,
        who: &PersonId,
        key: &str,
        answer: Option<&Kept>,
    ) -> rusqlite::Result<()> {
        let connection = self.connection();
        match answer {
            Some(Kept { status, kind, body }) => connection.execute(
                "UPDATE answers SET status = ?3, kind = ?4, body = ?5 WHERE who = ?1 AND key = ?2",
                params![who.as_str(), key, status, kind, body],
            )?,
            None => connection.execute(
                "DELETE FROM answers WHERE who = ?1 AND key = ?2",
                params![who.as_str(), key],
            )?,
        };
        Ok(())
    }
}
