//! How is an older database brought up to date? Migrations are SQL files, each in one transaction with the others.
//!
//! An engine of an older release may be running while a newer one is already installed: what it would not take part in is
//! migrated only by who holds the engine's lock.

use std::path::Path;

use rusqlite::Connection;

use super::schema::{self, APPLICATION_ID, DIGESTS, KNOWN, MIGRATIONS, TOKEN_MAKERS};
use super::{digest, journal, journal_check};
use crate::error::Error;

/// Of the name of a database: 128 bits.
const NAME_CHARS: usize = 32;

/// What an engine of any release goes on with when it is brought up to date beneath it.
const BESIDE_ENGINES: usize = 2;

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
    if !schema::is_behind(connection)? {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = schema::check(connection, path).and_then(|()| {
        let found = schema::version(connection)?;
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
        renew_rows(connection)?;
        digest::begin(connection)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", to)?;
    Ok(())
}

/// From here on the rows are compared with the journal as they are stored, so they are written as this release writes them.
fn renew_rows(connection: &Connection) -> Result<(), Error> {
    let mut put = connection.prepare("UPDATE rows SET json = ?2 WHERE key = ?1 AND json <> ?2")?;
    for (key, json) in journal_check::rows_as_now(connection)? {
        put.execute([key.0, json])?;
    }
    Ok(())
}

/// A database that has a past is named after its first event, so that copies which were made before it had a name get the
/// same one.
fn name_database(connection: &Connection) -> Result<(), Error> {
    let first = journal::line_at(connection, 1)?;
    let first = first.map(|json| journal::parse(1, &json)).transpose()?;
    match first
        .as_ref()
        .and_then(|event| event.hash.get(..NAME_CHARS))
    {
        Some(name) => connection.execute("UPDATE meta SET database = ?1", [name])?,
        None => connection.execute("UPDATE meta SET database = lower(hex(randomblob(16)))", [])?,
    };
    Ok(())
}

/// Has the makers of tokens kept, also in a database that is not brought up to date yet, since an engine drives it.
pub(crate) fn keep_token_makers(connection: &Connection) -> Result<(), Error> {
    if !schema::has_token_makers(connection)? {
        connection.execute_batch(TOKEN_MAKERS)?;
    }
    Ok(())
}
