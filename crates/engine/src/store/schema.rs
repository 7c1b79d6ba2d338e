//! Is this database ours, and how old is it? Migrations are SQL files, counted by `user_version`.

use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;

/// `tran`, so that `file` and we tell our databases from others.
const APPLICATION_ID: i64 = 0x7472_616e;

/// The schema that this release writes.
const KNOWN: usize = MIGRATIONS.len();

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001-initial.sql"),
    include_str!("../../migrations/0002-notifications.sql"),
    include_str!("../../migrations/0003-makers-of-tokens.sql"),
];

/// Refuses what is not ours, and what a newer release has written (P41). Changes nothing.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let found = version(connection)?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = application == 0 && found == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
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

/// Brings the schema up to date. Several processes may try at once; one does it.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    if version(connection)? == KNOWN {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = check(connection, path).and_then(|()| apply_missing(connection));
    connection.execute_batch(if migrated.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    })?;
    migrated
}

fn apply_missing(connection: &Connection) -> Result<(), Error> {
    for migration in &MIGRATIONS[version(connection)?..] {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", KNOWN)?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, Error> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
