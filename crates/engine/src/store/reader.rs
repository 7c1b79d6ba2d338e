//! Looking on, from any process: readers never block the writer, nor it them.

use policy::Timestamp;
use rollout::command::Sealed;
use rollout::{AttachmentId, Event, Product, RolloutId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::copy_guard::Marked;
use super::{connection, digest, in_file, journal, name};
use crate::error::Error;
use crate::process::state_dir::StateDir;
use crate::store::Head;

/// A read-only view of the database.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// One line of the journal, as exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its sequence number.
    pub seq: u64,
    /// One JSON object.
    pub json: String,
}

impl Reader {
    /// Opens the database for reading, also one of a newer release.
    ///
    /// # Errors
    /// [`Error::Absent`] if nothing was ever stored; a foreign or unreadable file.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            connection: connection::open_for_reading(state).map_err(in_file(state))?,
        })
    }

    /// The state as committed last. Whether somebody has changed its rows is [`Reader::examined`]'s question.
    ///
    /// # Errors
    /// [`Error::Damaged`] if rows and journal do not belong together.
    pub fn product(&self) -> Result<Product, Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        let loaded = journal::rows(&snapshot).and_then(|rows| journal::load(&snapshot, rows));
        loaded.map_err(|error| name(&snapshot, error))
    }

    /// The state as committed last, and what of it an engine would not drive on, if anything: it was changed by hand.
    ///
    /// # Errors
    /// As for [`Reader::product`].
    pub fn examined(&self) -> Result<(Product, Option<Error>), Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        let named = |error| name(&snapshot, error);
        let rows = journal::rows(&snapshot).map_err(named)?;
        let found = match digest::check_rows(&snapshot, &rows).map_err(named) {
            Ok(()) => None,
            Err(error @ Error::Damaged { .. }) => Some(error),
            Err(error) => return Err(error),
        };
        Ok((journal::load(&snapshot, rows).map_err(named)?, found))
    }

    /// Why an engine that opened this database now would hold everything that is open in it, if it would (P40).
    ///
    /// # Errors
    /// The database or its first mark cannot be read.
    pub fn objection(&self, state: &StateDir) -> Result<Option<String>, Error> {
        let marked = Marked::read(&self.connection, state)?;
        let snapshot = self.connection.unchecked_transaction()?;
        marked.objection(&snapshot, state)
    }

    /// The end of the journal, to be kept elsewhere as an anchor.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn head(&self) -> Result<Head, Error> {
        journal::head(&self.connection).map_err(|error| name(&self.connection, error))
    }

    /// Up to `limit` lines behind `after`, of one rollout or operation or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn lines(
        &self,
        run: Option<RolloutId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Line>, Error> {
        let line = |row: &Row<'_>| {
            Ok(Line {
                seq: row.get(0)?,
                json: row.get(1)?,
            })
        };
        let all = "SELECT seq, json FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let of_run =
            "SELECT seq, json FROM events WHERE seq > ?1 AND rollout = ?3 ORDER BY seq LIMIT ?2";
        let mut statement =
            self.connection
                .prepare_cached(if run.is_some() { of_run } else { all })?;
        let lines: Result<_, _> = match run {
            Some(run) => statement
                .query_map(params![after, limit, run.to_string()], line)?
                .collect(),
            None => statement.query_map(params![after, limit], line)?.collect(),
        };
        lines.map_err(|error: rusqlite::Error| name(&self.connection, error.into()))
    }

    /// As [`Reader::lines`], parsed.
    ///
    /// # Errors
    /// The database cannot be read, or a line is not an event.
    pub fn events(
        &self,
        run: Option<RolloutId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let lines = self.lines(run, after, limit)?;
        let parsed = lines.iter();
        let parsed = parsed.map(|line| journal::parse(line.seq, &line.json));
        let parsed: Result<_, Error> = parsed.collect();
        parsed.map_err(|error| name(&self.connection, error))
    }

    /// The number of the last event before an instant; 0 if there is none. The journal's time never runs backwards (P24), so
    /// halving finds it without an index.
    ///
    /// # Errors
    /// The database cannot be read, or a line is not an event.
    pub fn last_before(&self, instant: Timestamp) -> Result<u64, Error> {
        let (mut before, mut from) = (0, self.head()?.seq + 1);
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            let line = journal::line_at(&self.connection, middle)?;
            let is_before = match line {
                Some(json) => journal::parse(middle, &json)?.at < instant,
                None => false,
            };
            if is_before {
                before = middle;
            } else {
                from = middle;
            }
        }
        Ok(before)
    }

    /// A number that changes when something was committed: cheap to ask again and again.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn data_version(&self) -> Result<i64, Error> {
        connection::data_version(&self.connection)
    }

    /// Looks at all sealed bytes, one after the other.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn each_attachment(&self, mut look: impl FnMut(&Sealed)) -> Result<(), Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT bytes FROM attachments")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            look(&Sealed(row.get(0)?));
        }
        Ok(())
    }

    /// Sealed bytes that an event names.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn attachment(&self, id: &AttachmentId) -> Result<Option<Sealed>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT bytes FROM attachments WHERE id = ?1")?;
        Ok(statement
            .query_row([&id.0], |row| row.get(0).map(Sealed))
            .optional()?)
    }
}
