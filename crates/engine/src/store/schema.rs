//! Is this database ours, and how old is it? Its age is counted by `user_version`, one for each migration.

use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;

/// `tran`, so that `file` and we tell our databases from others.
pub(super) const APPLICATION_ID: i64 = 0x7472_616e;

/// The schema that this release writes.
pub(super) const KNOWN: usize = MIGRATIONS.len();

/// All of them, in order.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001-initial.sql"),
    include_str!("../../migrations/0002-notifications.sql"),
    include_str!("../../migrations/0003-digests.sql"),
    TOKEN_MAKERS,
    include_str!("../../migrations/0005-terms-of-tokens.sql"),
];

/// A table of its own, which an engine of any release goes on with.
pub(super) const TOKEN_MAKERS: &str = include_str!("../../migrations/0004-makers-of-tokens.sql");

/// The first schema in which every writer of rows keeps their sums.
pub(super) const DIGESTS: usize = 3;

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
    has_table(connection, "token_makers")
}

/// Whether it is kept for what tokens were made: not beneath an engine of a release that would not go by it.
pub(crate) fn has_token_terms(connection: &Connection) -> Result<bool, Error> {
    has_table(connection, "token_terms")
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let tables: i64 = connection.query_row(sql, [name], |row| row.get(0))?;
    Ok(tables > 0)
}

/// Whether there is anything to migrate.
pub(super) fn is_behind(connection: &Connection) -> Result<bool, Error> {
    Ok(version(connection)? < KNOWN)
}

/// How many migrations it has been through.
pub(super) fn version(connection: &Connection) -> Result<usize, Error> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
