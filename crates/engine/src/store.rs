//! The database: one writer, events and the rows they fold to in one transaction.
//!
//! [`Store`] is the writer and needs the [`EngineLock`]; [`Reader`] looks on from any process, also while an engine runs;
//! [`verify`] checks the whole journal against itself and against the rows. The file is never opened outside `SQLite`.

mod connection;
mod copy_guard;
mod digest;
mod journal;
mod journal_check;
mod mark;
mod migrate;
pub(crate) mod notifications;
mod reader;
pub(crate) mod requests;
mod schema;
mod verify;

use std::ops::Deref;
use std::path::Path;

use policy::Timestamp;
use rollout::command::Sealed;
use rollout::fact::{Payload as _, Resumed};
use rollout::{AttachmentId, Event, Kind, Notice, Product, RowKey};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use self::copy_guard::{CopyGuard, Opener};
use self::digest::{ChangedSums, Sum};
pub use self::journal::{BadHead, Head};
pub use self::journal_check::{Problem, Verification};
pub use self::notifications::NewNotification;
pub use self::reader::{Line, Reader};
pub use self::requests::{InboxId, Pending, StoredAnswer};
pub use self::verify::verify;
use crate::error::Error;
use crate::process::lock::EngineLock;
use crate::process::state_dir::StateDir;

pub(crate) use self::connection::{check_known, copy_into, open_for_writing};
pub(crate) use self::digest::{check_tokens, note_tokens};
pub(crate) use self::migrate::keep_token_makers;
pub(crate) use self::schema::has_token_terms;

/// The one writer of events and rows.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    epoch: u64,
    guard: CopyGuard,
}

/// What one commit stores, all of it or nothing.
#[derive(Debug, Default)]
pub struct Changes {
    /// To append.
    pub events: Vec<Event>,
    /// To write, or to delete (`None`).
    pub rows: Vec<(RowKey, Option<String>)>,
    /// Sealed bytes that the events name.
    pub attachments: Vec<(AttachmentId, Sealed)>,
    /// Answers to requests of other processes.
    pub answers: Vec<(InboxId, StoredAnswer)>,
    /// What people and machines are to be told of it.
    pub notifications: Vec<NewNotification>,
}

impl Store {
    /// Opens the database, made if need be, and takes it over from whichever engine had it before.
    ///
    /// # Errors
    /// A damaged, foreign or newer database (P41), or one that cannot be written.
    pub fn open(state: &StateDir, _proof: &EngineLock) -> Result<Self, Error> {
        Self::open_for(state, Opener::Engine)
    }

    /// Opens the database to file requests in it, and no more.
    ///
    /// # Errors
    /// As for [`Store::open`].
    pub(crate) fn open_for_request(state: &StateDir, _proof: &EngineLock) -> Result<Self, Error> {
        Self::open_for(state, Opener::Request)
    }

    fn open_for(state: &StateDir, opener: Opener) -> Result<Self, Error> {
        let (mut connection, guard) = open_checked(state, opener).map_err(in_file(state))?;
        let epoch = take_over(&mut connection).map_err(in_file(state))?;
        requests::forget_old(&connection)?;
        Ok(Self {
            connection,
            epoch,
            guard,
        })
    }

    /// Opens the database again after a failed commit, as the same engine.
    ///
    /// # Errors
    /// As for [`Store::open`]; [`Error::Stale`] if another engine has taken over meanwhile.
    pub(crate) fn reopen(state: &StateDir, epoch: u64) -> Result<Self, Error> {
        let (connection, guard) = open_checked(state, Opener::Engine).map_err(in_file(state))?;
        check_epoch(&connection, epoch)?;
        Ok(Self {
            connection,
            epoch,
            guard,
        })
    }

    /// What the core must be told before anything else, if the database is not the one that its marks name (P40).
    pub(crate) fn copy_notice(&self) -> Option<Notice> {
        let reason = self.guard.held()?.to_owned();
        Some(Notice::Restored { reason })
    }

    /// What people should hear about the marks of the database.
    pub(crate) fn notes(&self) -> Vec<String> {
        let held = self.guard.held().map(|reason| {
            format!(
                "everything open is held: {reason}; see to it that no other engine drives this product, then: tranche resume --moved"
            )
        });
        self.guard.notes().iter().cloned().chain(held).collect()
    }

    /// Which writer this is, counted from 1.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Reads the state back from its rows, and checks that they are those that were stored and belong to the end of the
    /// journal (P36).
    ///
    /// # Errors
    /// [`Error::Damaged`] if not.
    pub fn load(&self) -> Result<Product, Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        load_checked(&snapshot).map_err(|error| name(&snapshot, error))
    }

    /// The instant of the last event.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_at(&self) -> Result<Option<Timestamp>, Error> {
        journal::last_at(&self.connection)
    }

    /// Stores everything that one instant gave, in one transaction.
    ///
    /// # Errors
    /// Nothing may leave (P42): memory is to be discarded and loaded again. [`Error::Stale`] if another engine has taken over (P40).
    pub fn commit(&mut self, changes: &Changes) -> Result<(), Error> {
        self.guard.check()?;
        let transaction = Writing::begin(&self.connection)?;
        check_epoch(&transaction, self.epoch)?;
        let is_claimed = changes.events.iter().any(is_moved);
        let before = is_claimed
            .then(|| journal::head(&transaction))
            .transpose()?;
        write_events(&transaction, &changes.events)?;
        let mut sums = ChangedSums::default();
        write_rows(&transaction, &changes.rows, &mut sums)?;
        write_attachments(&transaction, &changes.attachments, &mut sums)?;
        sums.write(&transaction)?;
        for (id, answer) in &changes.answers {
            requests::answer_claimed(&transaction, *id, answer)?;
        }
        notifications::insert(&transaction, &changes.notifications)?;
        if let Some(before) = before {
            self.guard.claim(&before)?;
        }
        transaction.commit()?;
        match changes.events.last() {
            Some(event) => self.guard.advance(&Head::of(event)),
            None => Ok(()),
        }
    }

    /// Claims the requests of other processes that wait for an answer, in order of arrival. If there are any, the database is
    /// kept locked until the commit that answers them, or [`Store::let_go`]: until then nobody can withdraw them.
    pub(crate) fn claim(&self) -> Result<Vec<Pending>, Error> {
        if requests::pending(&self.connection)?.is_empty() {
            return Ok(Vec::new());
        }
        self.connection.execute_batch(BEGIN)?;
        let pending = requests::pending(&self.connection);
        if !pending.as_ref().is_ok_and(|pending| !pending.is_empty()) {
            self.let_go();
        }
        pending
    }

    /// Lets go of requests that were claimed and will not be answered now.
    pub(crate) fn let_go(&self) {
        let_go(&self.connection);
    }

    /// Answers a request, unless nobody waits for it any more.
    pub(crate) fn answer_if_wanted(&self, id: InboxId, answer: &StoredAnswer) -> Result<(), Error> {
        requests::write_answer(&self.connection, id, answer).map(drop)
    }

    /// A number that changes when another process writes.
    pub(crate) fn data_version(&self) -> Result<i64, Error> {
        connection::data_version(&self.connection)
    }

    /// Refuses to grow past so many pages, as if the disk ended there.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn limit_pages(&self, pages: u32) -> Result<(), Error> {
        let set =
            self.connection
                .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        set.map_err(Error::from)
    }
}

fn in_file(state: &StateDir) -> impl Fn(Error) -> Error {
    let path = state.database().to_owned();
    move |error| error.in_file(&path)
}

/// Says which file is damaged.
fn name(connection: &Connection, error: Error) -> Error {
    match connection.path() {
        Some(path) => error.in_file(Path::new(path)),
        None => error,
    }
}

fn load_checked(snapshot: &Connection) -> Result<Product, Error> {
    let rows = journal::rows(snapshot)?;
    digest::check_rows(snapshot, &rows)?;
    digest::check_beside_rows(snapshot)?;
    journal::load(snapshot, rows)
}

/// Nobody else writes from here on.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// One transaction: that of the claim if one is open, or else a new one. Dropping it undoes it.
struct Writing<'c>(&'c Connection);

impl<'c> Writing<'c> {
    fn begin(connection: &'c Connection) -> Result<Self, Error> {
        if connection.is_autocommit() {
            connection.execute_batch(BEGIN)?;
        }
        Ok(Self(connection))
    }

    fn commit(self) -> Result<(), Error> {
        Ok(self.0.execute_batch("COMMIT")?)
    }
}

impl Deref for Writing<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let_go(self.0);
    }
}

/// Undoes an open transaction. One that cannot be undone ends with its connection, which is given up then.
fn let_go(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::warn!(%error, "a transaction could not be undone");
    }
}

/// Damage is found before anything is written (P41).
fn open_checked(state: &StateDir, opener: Opener) -> Result<(Connection, CopyGuard), Error> {
    let connection = connection::open_as_engine(state)?;
    connection::check_pages(&connection)?;
    let guard = CopyGuard::of(&connection, state, opener)?;
    Ok((connection, guard))
}

/// Whether a person has said that this database is the one that counts (`resume --moved`).
fn is_moved(event: &Event) -> bool {
    event.line.kind == Kind::Resumed
        && Resumed::read(&event.line).is_ok_and(|resumed| resumed.moved)
}

/// Begins the next epoch.
fn take_over(connection: &mut Connection) -> Result<u64, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    digest::check_meta(&transaction)?;
    let sql = "UPDATE meta SET epoch = epoch + 1 RETURNING epoch";
    let epoch = transaction.query_row(sql, [], |row| row.get(0))?;
    digest::note_meta(&transaction)?;
    transaction.commit()?;
    Ok(epoch)
}

fn check_epoch(connection: &Connection, ours: u64) -> Result<(), Error> {
    let mut statement = connection.prepare_cached("SELECT epoch FROM meta")?;
    let found = statement.query_row([], |row| row.get(0))?;
    if found == ours {
        Ok(())
    } else {
        Err(Error::Stale { ours, found })
    }
}

fn write_events(transaction: &Connection, events: &[Event]) -> Result<(), Error> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO events (seq, at, rollout, kind, json) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for event in events {
        let rollout = event.line.rollout.map(|run| run.to_string());
        insert.execute(params![
            event.seq,
            rollout::show_instant(event.at),
            rollout,
            event.line.kind.as_str(),
            journal::line(event)
        ])?;
    }
    Ok(())
}

fn write_rows(
    transaction: &Connection,
    rows: &[(RowKey, Option<String>)],
    changed: &mut ChangedSums,
) -> Result<(), Error> {
    let mut find = transaction.prepare_cached("SELECT hash FROM rows WHERE key = ?1")?;
    let mut put =
        transaction.prepare_cached("INSERT INTO rows (key, json, hash) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET json = excluded.json, hash = excluded.hash")?;
    let mut delete = transaction.prepare_cached("DELETE FROM rows WHERE key = ?1")?;
    for (key, json) in rows {
        let old = find.query_row([&key.0], |row| digest::sum_in(row, 0));
        let new = json.as_ref().map(|json| Sum::of_row(key, json));
        changed.row(key, old.optional()?, new);
        match (json, new) {
            (Some(json), Some(new)) => put.execute(params![key.0, json, new.bytes()])?,
            (None, _) | (_, None) => delete.execute([&key.0])?,
        };
    }
    Ok(())
}

fn write_attachments(
    transaction: &Connection,
    attachments: &[(AttachmentId, Sealed)],
    changed: &mut ChangedSums,
) -> Result<(), Error> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO attachments (id, bytes) VALUES (?1, ?2)")?;
    for (id, sealed) in attachments {
        insert.execute(params![id.0, sealed.0])?;
        changed.attachment(&id.0, &sealed.0);
    }
    Ok(())
}
