//! The table of notifications: written with the events, delivered afterwards by whichever process claims one first.

use std::fmt;

use chrono::DateTime;
use policy::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::destinations::{Destination, Destinations};
use super::notification::{Notification, NotificationId, Sink};
use super::retry;
use super::transport::Undelivered;
use crate::error::Error;
use crate::limits::{DELIVERY_TIMEOUT, NOTIFICATIONS_KEPT, REMINDERS};
use crate::process::clock;
use crate::process::state_dir::StateDir;
use crate::store;

/// The notifications of a project.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
}

/// How far a notification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// It is delivered, or tried again, at `due_at`.
    Pending,
    /// Delivered.
    Sent,
    /// Given up until a person sends it again.
    Failed,
}

impl NotificationState {
    /// What a newer release has written under a name of its own is still to be delivered.
    fn of(name: &str) -> Self {
        let known = [Self::Pending, Self::Sent, Self::Failed];
        let found = known.into_iter().find(|state| state.as_str() == name);
        found.unwrap_or(Self::Pending)
    }

    /// As it is stored.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// A notification and what has become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredNotification {
    /// What was written.
    #[serde(flatten)]
    pub notification: Notification,
    /// How far it has come.
    pub state: NotificationState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, while it is pending.
    pub due_at: Option<Timestamp>,
    /// When it was delivered.
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// A notification that this release cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableNotification {
    /// Its name.
    pub id: NotificationId,
    /// What is wrong with it.
    pub reason: String,
}

/// What can be read, and what cannot.
pub type Listed = (Vec<StoredNotification>, Vec<UnreadableNotification>);

/// A notification that this process is to deliver.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) notification: Notification,
    /// How often it was tried, this time included.
    pub(super) attempts: u32,
    pub(super) destination: Destination,
}

const COLUMNS: &str = "letter, state, attempts, due_at, sent_at, error, id";

impl Outbox {
    /// Opens it, from whichever process.
    ///
    /// # Errors
    /// [`Error::Absent`] if nothing was ever stored; a damaged, foreign or newer database.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        if !state.database().exists() {
            return Err(Error::Absent {
                path: state.database().to_owned(),
            });
        }
        Self::open_or_make(state)
    }

    /// Opens it, in a new database if there is none.
    ///
    /// # Errors
    /// A damaged, foreign or newer database.
    pub fn open_or_make(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            connection: store::open_for_writing(state)?,
        })
    }

    /// Adds notifications that belong to no event, such as those about alerts.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn post(&mut self, notifications: &[Notification]) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        let rows: Vec<_> = notifications.iter().map(Notification::row).collect();
        store::notifications::insert(&transaction, &rows)?;
        Ok(transaction.commit()?)
    }

    /// Notifications in the order in which they were written, the newest `limit` of them. Those that cannot be read are left
    /// out, and named in the log.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn list(&self, only_failed: bool, limit: u32) -> Result<Vec<StoredNotification>, Error> {
        let (notifications, unreadable) = self.list_all(only_failed, limit)?;
        for UnreadableNotification { id, reason } in unreadable {
            tracing::error!(letter = %id, reason, "a notification cannot be read, and is not listed");
        }
        Ok(notifications)
    }

    /// As [`Outbox::list`], and which of them cannot be read.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn list_all(&self, only_failed: bool, limit: u32) -> Result<Listed, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications WHERE NOT ?1 OR state = 'failed' OR (state = 'pending' AND error IS NOT NULL) ORDER BY at DESC, rowid DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![only_failed, limit])?;
        let (mut notifications, mut unreadable) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            match notification(row) {
                Ok(_) => notifications.push(stored(row)?),
                Err(error) => unreadable.push(UnreadableNotification {
                    id: NotificationId(row.get(6)?),
                    reason: error.to_string(),
                }),
            }
        }
        notifications.reverse();
        unreadable.reverse();
        Ok((notifications, unreadable))
    }

    /// One notification.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find(&self, id: &NotificationId) -> Result<Option<StoredNotification>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM notifications WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([&id.0], stored).optional()?)
    }

    /// Has a notification delivered once more, from now. `false`: there is none of that name.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn resend(&self, id: &NotificationId, now: Timestamp) -> Result<bool, Error> {
        let changed = self.connection.execute(
            "UPDATE notifications SET state = 'pending', attempts = 0, due_at = ?2, error = NULL WHERE id = ?1",
            params![id.0, now.timestamp_millis()],
        )?;
        Ok(changed == 1)
    }

    /// Takes notifications that are due and whose destination is free, the oldest for each. Nobody else takes them for as long
    /// as an attempt may take; after a crash they are due again.
    pub(super) fn claim(
        &self,
        now: Timestamp,
        destinations: &mut Destinations,
    ) -> Result<Vec<Claimed>, Error> {
        let now_millis = now.timestamp_millis();
        let sql = "SELECT id, iif(json_valid(letter), json_extract(letter, '$.to.target'), NULL), iif(json_valid(letter), json_extract(letter, '$.to.sink'), NULL) FROM notifications WHERE state = 'pending' AND due_at <= ?1 ORDER BY due_at, rowid";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut due = statement.query([now_millis])?;
        let mut chosen: Vec<(String, Destination)> = Vec::new();
        let mut unreadable: Vec<String> = Vec::new();
        while destinations.have_room()
            && let Some(row) = due.next()?
        {
            let (Ok(target), Ok(sink)) = (row.get(1), row.get::<_, String>(2)) else {
                unreadable.push(row.get(0)?);
                continue;
            };
            // Whatever has no sink that is known stays for a release that knows it.
            let Some(sink) = Sink::of(&sink) else {
                continue;
            };
            let destination = Destination { sink, target };
            if destinations.are_free_for(&destination, now) {
                destinations.take(destination.clone());
                chosen.push((row.get(0)?, destination));
            }
        }
        drop(due);
        for id in unreadable {
            self.give_up(&NotificationId(id), "it names nobody to whom it goes")?;
        }
        let lease = now_millis + clock::millis(2 * DELIVERY_TIMEOUT);
        // Another process may have been quicker.
        let sql = "UPDATE notifications SET attempts = attempts + 1, due_at = ?3 WHERE id = ?1 AND state = 'pending' AND due_at <= ?2 RETURNING letter, attempts";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut claimed = Vec::new();
        for (id, destination) in chosen {
            let taken = statement.query_row(params![id, now_millis, lease], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?))
            });
            let Some((json, attempts)) = taken.optional()? else {
                destinations.leave(&destination, None);
                continue;
            };
            match serde_json::from_str(&json) {
                Ok(notification) => claimed.push(Claimed {
                    notification,
                    attempts,
                    destination,
                }),
                Err(error) => {
                    destinations.leave(&destination, None);
                    self.give_up(&NotificationId(id), error)?;
                }
            }
        }
        Ok(claimed)
    }

    /// One that cannot be read keeps no other from being delivered.
    fn give_up(&self, id: &NotificationId, error: impl fmt::Display) -> Result<(), Error> {
        let reason = format!("the stored letter cannot be read: {error}");
        tracing::error!(letter = %id, reason, "a notification is given up");
        let sql =
            "UPDATE notifications SET state = 'failed', error = ?2, remind_at = NULL WHERE id = ?1";
        self.connection.execute(sql, params![id.0, reason])?;
        Ok(())
    }

    /// Whether any notification is due; cheap to ask again and again.
    pub(super) fn is_due(&self, now: Timestamp) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM notifications WHERE state = 'pending' AND due_at <= ?1) OR EXISTS (SELECT 1 FROM notifications WHERE remind_at <= ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([now.timestamp_millis()], |row| row.get(0))?)
    }

    pub(super) fn delivered(&self, id: &NotificationId, now: Timestamp) -> Result<(), Error> {
        let sql =
            "UPDATE notifications SET state = 'sent', sent_at = ?2, error = NULL WHERE id = ?1";
        self.connection
            .prepare_cached(sql)?
            .execute(params![id.0, now.timestamp_millis()])?;
        Ok(())
    }

    /// Notes why an attempt failed, and when there is another, if there is.
    pub(super) fn undelivered(
        &self,
        id: &NotificationId,
        attempts: u32,
        why: &Undelivered,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        let next = retry::next_attempt(id, attempts, why.retry_after, now);
        let next = next.filter(|_| !why.is_permanent);
        let sql = "UPDATE notifications SET state = CASE WHEN ?3 IS NULL THEN 'failed' ELSE 'pending' END, due_at = coalesce(?3, due_at), error = ?2 WHERE id = ?1";
        let due_at = next.map(|at| at.timestamp_millis());
        self.connection
            .prepare_cached(sql)?
            .execute(params![id.0, why.reason, due_at])?;
        Ok(next)
    }

    /// Notifications whose reminder is due. One that cannot be read is said again no more, and keeps no other back.
    pub(super) fn to_remind(&self, now: Timestamp) -> Result<Vec<Notification>, Error> {
        let sql =
            "SELECT letter, id FROM notifications WHERE remind_at <= ?1 ORDER BY remind_at, rowid";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([now.timestamp_millis()])?;
        let (mut due, mut unreadable) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            match notification(row) {
                Ok(notification) => due.push(notification),
                Err(error) => unreadable.push((NotificationId(row.get(1)?), error)),
            }
        }
        for (id, error) in unreadable {
            tracing::error!(letter = %id, %error, "a notification that cannot be read is not said again");
            self.end_reminders(&id)?;
        }
        Ok(due)
    }

    fn end_reminders(&self, id: &NotificationId) -> Result<(), Error> {
        let sql = "UPDATE notifications SET remind_at = NULL WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute([&id.0])?;
        Ok(())
    }

    /// Ends the wait for an answer to `asked`, and says it again if it is still to be answered.
    pub(super) fn remind(
        &mut self,
        asked: &NotificationId,
        again: Option<&Notification>,
    ) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "UPDATE notifications SET remind_at = NULL WHERE id = ?1",
            [&asked.0],
        )?;
        if let Some(again) = again.filter(|again| again.reminder <= REMINDERS) {
            store::notifications::insert(&transaction, &[again.row()])?;
        }
        Ok(transaction.commit()?)
    }

    /// Removes what was delivered long ago. What was not is never removed.
    pub(super) fn forget_old(&self, now: Timestamp) -> Result<(), Error> {
        let before = now.timestamp_millis() - clock::millis(NOTIFICATIONS_KEPT);
        self.connection.execute(
            "DELETE FROM notifications WHERE state = 'sent' AND at < ?1 AND remind_at IS NULL",
            [before],
        )?;
        Ok(())
    }
}

fn notification(row: &Row<'_>) -> rusqlite::Result<Notification> {
    let json: String = row.get(0)?;
    serde_json::from_str(&json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredNotification> {
    let state = NotificationState::of(&row.get::<_, String>(1)?);
    let due_at: i64 = row.get(3)?;
    let sent_at: Option<i64> = row.get(4)?;
    Ok(StoredNotification {
        notification: notification(row)?,
        state,
        attempts: row.get(2)?,
        due_at: DateTime::from_timestamp_millis(due_at)
            .filter(|_| state == NotificationState::Pending),
        sent_at: sent_at.and_then(DateTime::from_timestamp_millis),
        error: row.get(5)?,
    })
}
