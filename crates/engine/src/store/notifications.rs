//! The `notifications` table: rows are written with the events that they tell of. What is in one is the outbox's.

use policy::Span;
use policy::Timestamp;
use rusqlite::{Connection, params};

use crate::error::Error;
use crate::process::clock;

/// A row to be written. One that is there already stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// Names it, however often it is written.
    pub id: String,
    /// When what it is about happened.
    pub at: Timestamp,
    /// The whole of it.
    pub json: String,
    /// After how long it is said again.
    pub remind: Option<Span>,
}

/// Writes rows in a transaction of the caller's.
pub(crate) fn insert(connection: &Connection, rows: &[NewNotification]) -> Result<(), Error> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO notifications (id, at, letter, due_at, remind_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    // Engine time may be another; notifications are delivered by the wall clock, whoever delivers them.
    let now = clock::wall().timestamp_millis();
    for row in rows {
        let at = row.at.timestamp_millis();
        let remind_at = row.remind.map(|after| now + after.as_millis());
        insert.execute(params![row.id, at, row.json, now, remind_at])?;
    }
    Ok(())
}
