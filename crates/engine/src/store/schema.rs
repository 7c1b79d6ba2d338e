//! Is this database ours, and how old is it? Migrations are SQL files, counted by `user_version`.
//!
//! An engine of an older release may be running while a newer one is already installed: what it would not take part in is
//! migrated only by who holds the engine's lock.

use std::path::Path;

use rusqlite::Connection;

use super::{digest, verify};
use crate::error::Error;

/// `tran`, so that `file` and we tell our databases from others.
const APPLICATION_ID: i64 = 0x7472_616e;

/// The schema that this release writes.
const KNOWN: usize = MIGRATIONS.len();

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001-initial.sql"),
    include_str!("../../migrations/0002-notifications.sql"),
    include_str!("../../migrations/0003-digests.sql"),
    TOKEN_MAKERS,
];

/// A table of its own, which an engine of any release goes on with.
const TOKEN_MAKERS: &str = include_str!("../../migrations/0004-makers-of-tokens.sql");

/// Of the name of a database: 128 bits.
const NAME_CHARS: usize = 32;

/// The first schema in which every writer of rows keeps their sums.
const DIGESTS: usize = 3;

/// What an engine of any release goes on with when it is brought up to date beneath it.
const BESIDE_ENGINES: usize = 2;

/// Refuses what is not ours, and what a newer release has written (P41). Changes nothing.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = version(connection)?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION_ID && !is_new(connection)? {
        return Err(Error::Foreign {
            path: path.to_owned(),
        });
    }
    if found > KNOWN {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: KNOWN,
        });
    }
    Ok(())
}

/// Whether nothing was ever stored in it: somebody is just making it, or was stopped before it was made.
pub(super) fn is_new(connection: &Connection) -> Result<bool, Error> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(number("PRAGMA application_id")? == 0
        && version(connection)? == 0
        && number("SELECT count(*) FROM sqlite_schema")? == 0)
}

/// Whether sums over the rows are kept, in a way that this release knows.
pub(super) fn has_digests(connection: &Connection) -> Result<bool, Error> {
    Ok((DIGESTS..=KNOWN).contains(&version(connection)?))
}

/// The name of a database, which its copies share; one of an older schema has none.
pub(super) fn database_name(connection: &Connection) -> Result<String, Error> {
    if version(connection)? < DIGESTS {
        return Ok(String::new());
    }
    Ok(connection.query_row("SELECT database FROM meta", [], |row| row.get(0))?)
}

/// Whether the makers of tokens are kept.
pub(super) fn has_token_makers(connection: &Connection) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'token_makers'";
    let tables: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(tables > 0)
}

/// Has the makers of tokens kept, also in a database that is not brought up to date yet, since an engine drives it.
pub(crate) fn keep_token_makers(connection: &Connection) -> Result<(), Error> {
    if !has_token_makers(connection)? {
        connection.execute_batch(TOKEN_MAKERS)?;
    }
    Ok(())
}

/// Whether there is anything to migrate.
pub(super) fn is_behind(connection: &Connection) -> Result<bool, Error> {
    Ok(version(connection)? < KNOWN)
}

/// Brings the schema up to date, for whoever holds the engine's lock.
///
/// # Errors
/// [`Error::Damaged`]: the rows do not follow from the journal, so nothing may rest on them.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    migrate_to(connection, path, |_| KNOWN)
}

/// Brings the schema as far up to date as an engine of an older release does not mind. Several processes may try at once;
/// one does it. A new database has no older engine.
pub(super) fn migrate_beside(connection: &Connection, path: &Path) -> Result<(), Error> {
    let is_new = |found| found == 0;
    migrate_to(connection, path, |found| {
        if is_new(found) { KNOWN } else { BESIDE_ENGINES }
    })
}

fn migrate_to(
    connection: &Connection,
    path: &Path,
    to: impl FnOnce(usize) -> usize,
) -> Result<(), Error> {
    if !is_behind(connection)? {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = check(connection, path).and_then(|()| {
        let found = version(connection)?;
        apply(connection, found, to(found))
    });
    connection.execute_batch(if migrated.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    })?;
    migrated
}

fn apply(connection: &Connection, found: usize, to: usize) -> Result<(), Error> {
    if found >= to {
        return Ok(());
    }
    for migration in &MIGRATIONS[found..to] {
        connection.execute_batch(migration)?;
    }
    if (found..to).contains(&(DIGESTS - 1)) {
        name_database(connection)?;
        verify::check_rows(connection)?;
        digest::begin(connection)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", to)?;
    Ok(())
}

/// A database that has a past is named after its first event, so that copies which were made before it had a name get the
/// same one.
fn name_database(connection: &Connection) -> Result<(), Error> {
    let first = super::journal::line_at(connection, 1)?;
    let first = first
        .map(|json| super::journal::parse(1, &json))
        .transpose()?;
    match first
        .as_ref()
        .and_then(|event| event.hash.get(..NAME_CHARS))
    {
        Some(name) => connection.execute("UPDATE meta SET database = ?1", [name])?,
        None => connection.execute("UPDATE meta SET database = lower(hex(randomblob(16)))", [])?,
    };
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, Error> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
