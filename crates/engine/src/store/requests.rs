//! The `inbox` table: requests of other processes, and their answers.
//!
//! A row is *pending*, then either *answered* or *withdrawn*, never both, and stays so. Whoever is the engine claims the
//! pending rows by taking the database's write lock before it reads them, and answers them in the transaction that stores
//! what followed; whoever asked withdraws a row by one write. The lock puts the two in order: a request that was withdrawn is
//! never stepped, one that is being answered cannot be withdrawn any more. A row whose asker has died counts until
//! `expires_at`, by when the asker would have given up; after that it never takes effect.

use std::time::Duration;

use chrono::TimeDelta;
use policy::Timestamp;
use rollout::{Event, Rejected, Request};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{ANSWERS_KEPT, REQUESTS_A_COMMIT};
use crate::process::clock;

/// A row of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxId(i64);

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    /// Its row.
    pub id: InboxId,
    /// The request, or why it cannot be read.
    pub request: Result<Box<Request>, String>,
}

/// An answer as stored: it names events instead of repeating them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The sequence number before the first event.
    pub after: u64,
    /// How many events.
    pub events: u32,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// Why it could not be judged at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl StoredAnswer {
    /// The answer to a request that was judged.
    pub fn of(events: &[Event], rejected: Option<Rejected>) -> Self {
        let after = events
            .first()
            .map_or(0, |event| event.seq.saturating_sub(1));
        let events = u32::try_from(events.len()).unwrap_or(u32::MAX);
        Self {
            after,
            events,
            rejected,
            trouble: None,
        }
    }

    /// The answer to a request that could not be judged.
    pub fn trouble(trouble: String) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::default()
        }
    }
}

/// Files a request, and says until when it counts; whoever sent it has gone by then.
pub(crate) fn insert(
    connection: &Connection,
    request: &Request,
    patience: Duration,
) -> Result<(InboxId, Timestamp), Error> {
    let json = serde_json::to_string(request).expect("requests serialise");
    let now = clock::wall();
    let until = now
        .checked_add_signed(TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX))
        .unwrap_or(Timestamp::MAX_UTC);
    let at = rollout::show_instant(now);
    let by = request.by.name.as_str();
    let sql = "INSERT INTO inbox (at, actor, request, expires_at) VALUES (?1, ?2, ?3, ?4)";
    connection.execute(sql, params![at, by, json, until.timestamp_millis()])?;
    Ok((InboxId(connection.last_insert_rowid()), until))
}

/// The answer, if there is one.
pub(crate) fn answer(connection: &Connection, id: InboxId) -> Result<Option<StoredAnswer>, Error> {
    let mut statement = connection.prepare_cached("SELECT answer FROM inbox WHERE id = ?1")?;
    let json: Option<Option<String>> = statement.query_row([id.0], |row| row.get(0)).optional()?;
    let parse = |json: String| serde_json::from_str(&json);
    json.flatten()
        .map(parse)
        .transpose()
        .map_err(|error| Error::Damaged {
            what: format!("an answer cannot be read: {error}"),
        })
}

/// Takes a request back. `false`: it was answered before.
pub(crate) fn withdraw(connection: &Connection, id: InboxId) -> Result<bool, Error> {
    let withdrawn = connection.execute(
        "UPDATE inbox SET state = 'withdrawn' WHERE id = ?1 AND state = 'pending'",
        [id.0],
    )?;
    Ok(withdrawn == 1)
}

/// Requests that wait for an answer, in order of arrival.
pub(super) fn pending(connection: &Connection) -> Result<Vec<Pending>, Error> {
    let sql = "SELECT id, request FROM inbox WHERE state = 'pending' AND expires_at > ?1 ORDER BY id LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![now_ms(), REQUESTS_A_COMMIT], |row| {
        let json: String = row.get(1)?;
        let request = serde_json::from_str(&json)
            .map_err(|error| format!("the request cannot be read: {error}"));
        Ok(Pending {
            id: InboxId(row.get(0)?),
            request,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Answers a request in the transaction that stores what followed from it.
///
/// It was claimed, so nobody can have withdrawn it since. Should its row be gone all the same, that costs its answer and
/// nothing else: whoever waits for it is told that the answer cannot be read.
pub(super) fn answer_claimed(
    connection: &Connection,
    id: InboxId,
    answer: &StoredAnswer,
) -> Result<(), Error> {
    if !write_answer(connection, id, answer)? {
        tracing::warn!(
            request = id.0,
            "a request has vanished while it was answered"
        );
    }
    Ok(())
}

/// Answers a request that still waits; says whether it did.
pub(super) fn write_answer(
    connection: &Connection,
    id: InboxId,
    answer: &StoredAnswer,
) -> Result<bool, Error> {
    let json = serde_json::to_string(answer).expect("answers serialise");
    let sql =
        "UPDATE inbox SET answer = ?2, state = 'answered' WHERE id = ?1 AND state = 'pending'";
    let mut update = connection.prepare_cached(sql)?;
    Ok(update.execute(params![id.0, json])? == 1)
}

/// Removes what nobody will ask for any more; the journal keeps what mattered.
pub(super) fn forget_old(connection: &Connection) -> Result<(), Error> {
    let before = now_ms().saturating_sub(clock::millis(ANSWERS_KEPT));
    connection.execute("DELETE FROM inbox WHERE expires_at < ?1", [before])?;
    Ok(())
}

fn now_ms() -> i64 {
    clock::wall().timestamp_millis()
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot do its work has failed"
)]
mod tests {
    use rollout::{Actor, Verb};
    use tempfile::TempDir;

    use super::*;
    use crate::process::lock::{EngineLock, LockFor};
    use crate::process::state_dir::StateDir;
    use crate::store::{Changes, Store, open_for_writing};

    fn filed(state: &StateDir) -> (Connection, InboxId) {
        let connection = open_for_writing(state).unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        let request = Request {
            by: Actor::person("ann"),
            rollout: None,
            verb: Verb::ConfirmClock,
        };
        let (id, _) = insert(&connection, &request, Duration::from_mins(1)).unwrap();
        (connection, id)
    }

    #[test]
    fn a_request_is_answered_or_withdrawn_and_never_both() {
        let folder = TempDir::new().unwrap();
        let state = StateDir::of_project(folder.path());
        let lock = EngineLock::acquire(&state, LockFor::Engine).unwrap();
        let mut store = Store::open(&state, &lock).unwrap();

        let (asker, withdrawn) = filed(&state);
        assert!(withdraw(&asker, withdrawn).unwrap());
        assert!(store.claim().unwrap().is_empty(), "never stepped");
        assert!(!write_answer(&asker, withdrawn, &StoredAnswer::default()).unwrap());

        let (asker, claimed) = filed(&state);
        assert_eq!(store.claim().unwrap().len(), 1);
        let refused = withdraw(&asker, claimed).unwrap_err();
        assert!(matches!(refused, Error::Busy(_)), "{refused}");
        let answers = vec![(claimed, StoredAnswer::default())];
        let changes = Changes {
            answers,
            ..Changes::default()
        };
        store.commit(&changes).unwrap();
        assert!(!withdraw(&asker, claimed).unwrap(), "answered before");
        assert!(answer(&asker, claimed).unwrap().is_some());

        let (asker, let_go) = filed(&state);
        assert_eq!(store.claim().unwrap().len(), 1);
        store.let_go();
        assert!(withdraw(&asker, let_go).unwrap());
    }
}
