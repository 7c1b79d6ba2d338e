//! What `SQLite` takes at least: the same bytes, appended in groups of the same size, flushed as often.

use std::path::Path;

use rusqlite::Connection;

/// One table without keys, to which everything is appended.
pub(crate) struct Floor(Connection);

impl Floor {
    pub(crate) fn open(folder: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(folder.join("floor.db"))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE texts (text TEXT NOT NULL) STRICT")?;
        Ok(Self(connection))
    }

    /// Appends in one transaction.
    pub(crate) fn append(&mut self, texts: &[String]) -> rusqlite::Result<()> {
        let transaction = self.0.transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO texts (text) VALUES (?1)")?;
        for text in texts {
            insert.execute([text])?;
        }
        drop(insert);
        transaction.commit()
    }
}
