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
    file: File,
}

impl Mark {
    pub(super) fn open(state: &StateDir) -> Result<Self, Error> {
        let path = state.mark();
        let file = place::open_private(&path)?;
        Ok(Self { path, file })
    }

    /// Always the same length in one write, so that no crash leaves half of it.
    pub(super) fn set(&self, seq: u64, hash: &str) -> Result<(), Error> {
        let text = format!("{seq:020}:{hash}\n");
        self.file
            .write_all_at(text.as_bytes(), 0)
            .map_err(Error::file("written", &self.path))
    }

    pub(super) fn check(&self, connection: &Connection) -> Result<(), Error> {
        let text = fs::read_to_string(&self.path).map_err(Error::file("read", &self.path))?;
        check_text(connection, &text, &self.path)
    }
}

/// The same check for those who only look on.
pub(super) fn check(connection: &Connection, state: &StateDir) -> Result<(), Error> {
    let path = state.mark();
    match fs::read_to_string(&path) {
        Ok(text) => check_text(connection, &text, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

fn check_text(connection: &Connection, text: &str, path: &std::path::Path) -> Result<(), Error> {
    let Ok(mark) = text.parse::<Head>() else {
        return Ok(());
    };
    let head = journal::head(connection)?;
    let path = path.display();
    if mark.seq > head.seq {
        let what = format!(
            "event {} was committed, but the journal ends with event {} (if an older copy was put back on purpose, delete `{path}`)",
            mark.seq, head.seq
        );
        return Err(Error::Damaged { what });
    }
    let stored = journal::line_at(connection, mark.seq)?
        .map(|json| journal::parse(mark.seq, &json))
        .transpose()?;
    if stored.is_some_and(|event| event.hash == mark.hash) {
        return Ok(());
    }
    Err(Error::Damaged {
        what: format!(
            "event {} is not the one that was committed (`{path}`)",
            mark.seq
        ),
    })
}
