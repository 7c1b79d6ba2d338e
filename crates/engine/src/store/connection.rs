//! How a connection is opened, for writing and for reading.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{migrate, schema};
use crate::error::{Error, plain};
use crate::limits::BUSY;
use crate::process::lock::{EngineLock, LockFor};
use crate::process::state_dir::{self, StateDir};

/// Versions before this one could lose a checkpoint under concurrent writers.
const OLDEST_SQLITE: i32 = 3_051_003;

/// The log is copied into the database when it has grown by so many pages: a large group of steps alone writes thousands.
const CHECKPOINT_PAGES: u32 = 8_000;

/// For processes that file a request, keep tokens or deliver notifications, whether or not an engine runs.
pub(crate) fn open_for_writing(state: &StateDir) -> Result<Connection, Error> {
    open_beside(state).map_err(|error| error.in_file(state.database()))
}

fn open_beside(state: &StateDir) -> Result<Connection, Error> {
    let connection = open(state)?;
    if schema::is_behind(&connection)? {
        match EngineLock::try_acquire(state, LockFor::Request)? {
            Some(_lock) => migrate::migrate(&connection, state.database())?,
            None => migrate::migrate_beside(&connection, state.database())?,
        }
    }
    Ok(connection)
}

/// For who holds the engine's lock.
pub(super) fn open_as_engine(state: &StateDir) -> Result<Connection, Error> {
    let connection = open(state)?;
    migrate::migrate(&connection, state.database())?;
    Ok(connection)
}

fn open(state: &StateDir) -> Result<Connection, Error> {
    assert!(
        rusqlite::version_number() >= OLDEST_SQLITE,
        "SQLite {} is bundled, 3.51.3 is needed",
        rusqlite::version()
    );
    state.prepare()?;
    refuse_half_restored(state)?;
    state_dir::make_private(state.database())?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(state.database(), flags)?;
    settle(&connection)?;
    schema::check(&connection, state.database())?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// A new database where another one was about to come would begin without its past.
fn refuse_half_restored(state: &StateDir) -> Result<(), Error> {
    let restoring = state.restoring();
    if restoring.database().exists() && !state.database().exists() {
        return Err(Error::HalfRestored {
            path: restoring.database().to_owned(),
        });
    }
    Ok(())
}

/// For looking on. A newer schema is let through: its journal can still be read (P41).
pub(super) fn open_for_reading(state: &StateDir) -> Result<Connection, Error> {
    if !state.database().exists() {
        return Err(Error::Absent {
            path: state.database().to_owned(),
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(state.database(), flags)?;
    settle(&connection)?;
    // One look, so that it is not made between two questions.
    let looked = connection.unchecked_transaction()?;
    let is_new = schema::is_new(&looked)?;
    let checked = schema::check(&looked, state.database());
    drop(looked);
    match checked {
        Ok(()) if is_new => Err(Error::Absent {
            path: state.database().to_owned(),
        }),
        Ok(()) | Err(Error::Newer { .. }) => Ok(connection),
        Err(error) => Err(error),
    }
}

/// Refuses what is no database of ours, or one that this release does not know all of. Changes nothing.
pub(crate) fn check_known(state: &StateDir) -> Result<(), Error> {
    let connection = open_for_reading(state)?;
    schema::check(&connection, state.database())
}

/// Copies any database of `SQLite` into a new file as it is at one instant, without what was deleted from it. Nobody waits
/// for it: neither whoever writes meanwhile, nor it for them.
pub(crate) fn copy_into(from: &Path, to: &Path) -> Result<(), Error> {
    state_dir::create_private(to).map_err(Error::file("created", to))?;
    let name = to.to_str().ok_or_else(|| {
        let source = io::Error::other("its name is no UTF-8");
        Error::file("written", to)(source)
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(from, flags)?;
    settle(&connection)?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// Checks the pages and the order within them; an engine does not start on damaged ones (P41).
pub(super) fn check_pages(connection: &Connection) -> Result<(), Error> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        let what = format!("its pages do not fit together ({})", plain(&verdict));
        Err(Error::Damaged { what })
    }
}

/// Changes when another connection has written.
pub(super) fn data_version(connection: &Connection) -> Result<i64, Error> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The cache holds what a large group of steps changes; pages that do not fit would be written twice.
fn settle(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(
        "PRAGMA mmap_size = 0; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;",
    )?;
    Ok(())
}
