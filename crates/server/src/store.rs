//! What does the server itself keep? Nothing about rollouts: who is signed in, and the like, in a database of its own.
//!
//! It may be thrown away: everybody signs in again.

mod answers;
mod grants;
mod sessions;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::settings::server::Sessions;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

pub(crate) use self::answers::{Before, Kept};
pub(crate) use self::grants::{Grant, draw, is_grant};
use self::sessions::Limits;
pub(crate) use self::sessions::{SessionInfo, SignedIn, UNDER_WAY, key};
use crate::error::Error;

/// One file a step; the database knows how many were taken.
const MIGRATIONS: [&str; 3] = [
    include_str!("store/0001-sessions.sql"),
    include_str!("store/0002-grants.sql"),
    include_str!("store/0003-answers.sql"),
];

/// So long another process that writes is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// The server's own database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ServerStore {
    connection: Arc<Mutex<Connection>>,
    limits: Arc<Mutex<Limits>>,
}

impl ServerStore {
    /// Opens it, and brings it up to date.
    ///
    /// # Errors
    /// It cannot be used, or a newer release has written it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;",
        )?;
        migrate(&connection)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            limits: Arc::new(Mutex::new(Sessions::default().into())),
        })
    }

    /// What is read and written is small, so nobody waits long.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerStore {
    /// When sessions end, as the files said last.
    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn migrate(connection: &Connection) -> Result<(), Error> {
    let taken: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if taken > MIGRATIONS.len() {
        return Err(Error::NewerOwnFile);
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(taken) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// What is kept of a secret: enough to know it again.
pub(crate) fn hashed(secret: &[u8]) -> String {
    let digest = Sha256::digest(secret);
    digest
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
