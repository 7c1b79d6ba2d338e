//! May this database go on by itself? What its marks say of it, and keeping them in step (P40).
//!
//! Nothing here is lost for good: what speaks against a database becomes a hold of everything that is open in it, which a
//! person lifts with `resume --moved`. From then on its marks name it, and whichever other copy they named is held in turn.

use std::path::PathBuf;

use rusqlite::Connection;

use super::journal::{self, Head};
use super::mark::{self, FileId, Mark, MarkContent, Owner};
use super::schema;
use crate::error::{Error, with_causes};
use crate::process::state_dir::{Marks, StateDir};

/// What a missing first mark says.
const NO_MARK: &str =
    "`journal.mark` is missing beside the database, so it is a copy that was put in place";

/// What is said where the second mark has no place.
const NO_PLACE: &str = "warning: there is no place for the second mark of the database, since neither HOME nor XDG_STATE_HOME is set; name one with TRANCHE_MARK";

/// A database's marks, and whether it may go on.
#[derive(Debug)]
pub(super) struct CopyGuard {
    owner: Owner,
    first: Mark,
    /// `None`: there is no place for it.
    second: Option<Mark>,
    held: Option<String>,
    notes: Vec<String>,
}

/// Who opens a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opener {
    /// Who drives it, and tells people what is odd.
    Engine,
    /// Who files a request, for an instant.
    Request,
}

/// What the marks say.
pub(super) struct Marked {
    owner: Owner,
    first: Option<MarkContent>,
    second: Option<MarkContent>,
}

impl CopyGuard {
    /// Looks at the marks; those of a database that may go on are brought up to date.
    pub(super) fn of(
        connection: &Connection,
        state: &StateDir,
        opener: Opener,
    ) -> Result<Self, Error> {
        let marks = Marked::read(connection, state)?;
        let head = journal::head(connection)?;
        let mut guard = Self {
            held: marks.objection(connection, state)?,
            first: Mark::at(state.mark()),
            second: second_path(state, &marks.owner.database).map(Mark::at),
            owner: marks.owner,
            notes: Vec::new(),
        };
        if *state.marks() == Marks::Nowhere {
            guard.notes.push(NO_PLACE.to_owned());
        }
        if guard.held.is_some() {
            return Ok(guard);
        }
        guard.first.set(&head, &guard.owner)?;
        // A database that is new, or was never marked so, has lost nothing.
        let was_marked = marks.first.is_some_and(|first| first.has_owner());
        let is_lost = marks.second.is_none() && head.seq > 0 && was_marked;
        if is_lost && opener == Opener::Request {
            // Left to the engine, which says so.
            guard.second = None;
        }
        guard.set_second(&head);
        if let Some(second) = guard.second.as_ref().filter(|_| is_lost) {
            let path = second.path().display();
            let note =
                format!("the second mark of the database was missing, and is made anew: {path}");
            guard.notes.push(note);
        }
        Ok(guard)
    }

    /// Why everything open is held.
    pub(super) fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// What people should hear about the marks.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// To be asked before a commit.
    ///
    /// # Errors
    /// [`Error::Replaced`]: another copy has become the one that counts.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let second = self.second.as_mut().filter(|_| self.held.is_none());
        if second.is_some_and(Mark::is_taken) {
            return Err(Error::Replaced);
        }
        Ok(())
    }

    /// A person has said that this database is the one that counts. Before the commit that says so: if that fails, the
    /// hold stays in the rows, and other copies are held all the same.
    pub(super) fn claim(&mut self, head: &Head) -> Result<(), Error> {
        self.held = None;
        self.advance(head)
    }

    /// After a commit. A database that is held leaves its marks alone.
    pub(super) fn advance(&mut self, head: &Head) -> Result<(), Error> {
        if self.held.is_some() {
            return Ok(());
        }
        self.first.set(head, &self.owner)?;
        self.set_second(head);
        Ok(())
    }

    /// Without the second mark there is one safeguard less; that is no reason to leave everybody without an engine. What
    /// another copy has written in the meantime stays, and is found before the next commit.
    fn set_second(&mut self, head: &Head) {
        let Some(second) = self.second.as_mut() else {
            return;
        };
        if second.is_taken() {
            return;
        }
        let set = second
            .prepare()
            .and_then(|()| second.set(head, &self.owner));
        if let Err(error) = set {
            let why = with_causes(&error);
            let note = format!(
                "warning: the second mark of the database cannot be kept ({why}), so that an older folder which is put back over this one would not be noticed by it; name another place with TRANCHE_MARK"
            );
            tracing::warn!("{note}");
            self.notes.push(note);
            self.second = None;
        }
    }
}

impl Marked {
    /// Reads them. Whoever looks on while an engine commits does so before it begins its snapshot.
    pub(super) fn read(connection: &Connection, state: &StateDir) -> Result<Self, Error> {
        let owner = Owner {
            database: schema::database_name(connection)?,
            file: FileId::of(state.database())?,
        };
        // One that may not be read is made anew, if that is allowed, and said not to be otherwise.
        let second = second_path(state, &owner.database);
        let second = second.and_then(|path| mark::read(&path).ok().flatten());
        Ok(Self {
            first: mark::read(&state.mark())?,
            second,
            owner,
        })
    }

    /// Why everything open is held, if it is to be. Changes nothing.
    pub(super) fn objection(
        &self,
        connection: &Connection,
        state: &StateDir,
    ) -> Result<Option<String>, Error> {
        if journal::head(connection)?.seq > 0 && !state.mark().exists() {
            return Ok(Some(NO_MARK.to_owned()));
        }
        let second = second_path(state, &self.owner.database);
        let second_name = second.map(|path| format!("`{}`", path.display()));
        let first = self.first.as_ref().zip(Some("`journal.mark`"));
        let second = self.second.as_ref().zip(second_name.as_deref());
        for (said, name) in first.into_iter().chain(second) {
            let found = mark::objection(connection, state, said, &self.owner)?;
            if let Some(found) = found {
                return Ok(Some(found.text(name)));
            }
        }
        Ok(None)
    }

    /// Whether the database lacks what its first mark names.
    pub(super) fn lost_end(&self, connection: &Connection) -> Result<Option<String>, Error> {
        let Some(first) = &self.first else {
            return Ok(None);
        };
        let found = mark::is_behind(connection, first)?;
        Ok(found.map(|found| found.text("`journal.mark`")))
    }
}

fn second_path(state: &StateDir, database: &str) -> Option<PathBuf> {
    match state.marks() {
        Marks::In(folder) if !database.is_empty() => Some(folder.join(format!("{database}.mark"))),
        Marks::In(_) | Marks::Beside | Marks::Nowhere => None,
    }
}
