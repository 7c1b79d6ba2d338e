//! Has the end of the journal vanished? A file beside the database names the last event that was surely committed.
//!
//! `SQLite` takes a truncated or swapped write-ahead log for one that ended earlier, and an old copy of the database for a good one;
//! either would make the engine repeat what it has done. The mark is written after each commit and never flushed: after
//! a power cut it may name an earlier event than the last, never a later one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rusqlite::Connection;

use super::journal::{self, Head};
use crate::error::Error;
use crate::place::{self, StateDir};

/// The file that names the last committed event.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    file: Option<File>,
}

impl Mark {
    /// The mark of a database. It is made with the first event that it names, if not before.
    pub(super) fn beside(state: &StateDir) -> Self {
        Self {
            path: state.mark(),
            file: None,
        }
    }

    /// Makes the file unless there is one. That it exists must survive a power cut: a database without it is taken for a
    /// copy.
    pub(super) fn opened(self) -> Result<Self, Error> {
        let is_new = !self.path.exists();
        let file = place::open_private(&self.path)?;
        if is_new {
            let folder = self.path.parent().map(File::open);
            let synced = folder.transpose().and_then(|folder| {
                file.sync_all()?;
                folder.map_or(Ok(()), |folder| folder.sync_all())
            });
            synced.map_err(Error::file("written", &self.path))?;
        }
        Ok(Self {
            file: Some(file),
            ..self
        })
    }

    /// Always the same length in one write, so that no crash leaves half of it.
    pub(super) fn set(&mut self, seq: u64, hash: &str) -> Result<(), Error> {
        if self.file.is_none() {
            let path = self.path.clone();
            *self = Self { path, file: None }.opened()?;
        }
        let text = format!("{seq:020}:{hash}\n");
        let written = self
            .file
            .as_ref()
            .map(|file| file.write_all_at(text.as_bytes(), 0));
        written
            .unwrap_or(Ok(()))
            .map_err(Error::file("written", &self.path))
    }
}

/// What the mark says. Where there is none, or half of one, it says nothing.
///
/// Whoever looks on while an engine commits must read it before the journal: then it may lag behind, but not lead.
pub(super) fn read(state: &StateDir) -> Result<Option<Head>, Error> {
    let path = state.mark();
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

/// Checks that the journal still has the event that was marked.
pub(super) fn check(connection: &Connection, mark: &Head) -> Result<(), Error> {
    let head = journal::head(connection)?;
    if mark.seq > head.seq {
        let what = format!(
            "event {} was committed, but the journal ends with event {} (if an older copy was put back on purpose, delete `journal.mark` beside it: its open rollouts then wait for `tranche resume --moved`)",
            mark.seq, head.seq
        );
        return Err(Error::Damaged { what });
    }
    let line = journal::line_at(connection, mark.seq)?;
    let event = line
        .map(|json| journal::parse(mark.seq, &json))
        .transpose()?;
    if event.is_some_and(|event| event.hash == mark.hash) {
        return Ok(());
    }
    let what = format!("event {} is not the one that was committed", mark.seq);
    Err(Error::Damaged { what })
}
