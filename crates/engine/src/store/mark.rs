//! Is this the database that was written last? Marks outside of it name the last event that was surely committed, and the file.
//!
//! `SQLite` takes a truncated or swapped write-ahead log for one that ended earlier, and an old copy of the database for a good one;
//! either would make the engine repeat what it has done. The first mark lies beside the database and reveals both, and a copy
//! of the whole folder, since that is another file. The second lies in another place, by the database's name, and reveals a
//! folder that was put back over the original. Marks are written after each commit and never flushed: after
//! a power cut they may name an earlier event than the last, never a later one. Only the database that they name writes
//! them: one that is held writes none until a person has said that it is the one that counts.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rusqlite::Connection;

use super::journal::{self, Head};
use crate::error::Error;
use crate::process::state_dir::{self, Identity, StateDir};

/// What tells a file from its copies, wherever its disk is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not say.
    born: u64,
}

impl FileId {
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let metadata = fs::metadata(path).map_err(Error::file("read", path))?;
        let born = metadata.created().ok();
        let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            inode: metadata.ino(),
            born: born.map_or(0, |born| u64::try_from(born.as_nanos()).unwrap_or(0)),
        })
    }

    /// What is not known, before or now, tells nothing apart.
    fn is(self, other: Self) -> bool {
        let is_born_with = self.born == other.born || self.born == 0 || other.born == 0;
        self.inode == other.inode && is_born_with
    }
}

/// Whose mark it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The name of the database.
    pub(super) database: String,
    /// Its file.
    pub(super) file: FileId,
}

/// What a mark says. Older releases named no owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MarkContent {
    head: Head,
    owner: Option<Owner>,
}

impl MarkContent {
    /// Half a mark says nothing.
    fn parse(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once('\n')?;
        let mut words = rest.split_whitespace();
        let owner = words.next().map(|database| {
            let mut number = || words.next()?.parse().ok();
            Some(Owner {
                database: database.to_owned(),
                file: FileId {
                    inode: number()?,
                    born: number()?,
                },
            })
        });
        Some(Self {
            head: head.parse().ok()?,
            owner: owner.flatten(),
        })
    }

    /// Whether it was written by a release that names the owner.
    pub(super) fn has_owner(&self) -> bool {
        self.owner.is_some()
    }

    /// Always as long for one database, so that no crash leaves half of it.
    fn text(head: &Head, owner: &Owner) -> String {
        let Owner { database, file } = owner;
        format!(
            "{:020}:{}\n{database} {:020} {:020}\n",
            head.seq, head.hash, file.inode, file.born
        )
    }
}

/// A file that names the last committed event.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    file: Option<File>,
    /// As we know it to be.
    text: Option<String>,
}

impl Mark {
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            text: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder that it lies in.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        match self.path.parent().filter(|_| self.file.is_none()) {
            Some(folder) => state_dir::make_folder(folder),
            None => Ok(()),
        }
    }

    /// Makes the file unless there is one. That it exists must survive a power cut: a database without it is taken for a
    /// copy.
    fn open(&mut self) -> Result<(), Error> {
        if self.file.is_some() {
            return Ok(());
        }
        let is_new = !self.path.exists();
        let file = state_dir::open_private(&self.path)?;
        if is_new {
            let folder = self.path.parent().map(File::open);
            let synced = folder.transpose().and_then(|folder| {
                file.sync_all()?;
                folder.map_or(Ok(()), |folder| folder.sync_all())
            });
            synced.map_err(Error::file("written", &self.path))?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Writes it, in one go.
    pub(super) fn set(&mut self, head: &Head, owner: &Owner) -> Result<(), Error> {
        self.open()?;
        let text = MarkContent::text(head, owner);
        let file = self.file.as_ref();
        let written = file.map_or(Ok(()), |file| file.write_all_at(text.as_bytes(), 0));
        written.map_err(Error::file("written", &self.path))?;
        self.text = Some(text);
        Ok(())
    }

    /// Whether somebody else has written since we did. A mark that is gone is made anew with the next event.
    pub(super) fn is_taken(&mut self) -> bool {
        let Some(ours) = &self.text else {
            return false;
        };
        match fs::read(&self.path) {
            Ok(found) => found != ours.as_bytes(),
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.file = None;
                }
                false
            }
        }
    }
}

/// What a mark says. Where there is none, or half of one, it says nothing.
///
/// Whoever looks on while an engine commits must read it before the journal: then it may lag behind, but not lead.
pub(super) fn read(path: &Path) -> Result<Option<MarkContent>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(MarkContent::parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// What speaks against a database being the one that a mark was written by; in words that stay the same for as long as it
/// is so.
pub(super) fn objection(
    connection: &Connection,
    state: &StateDir,
    said: &MarkContent,
    owner: &Owner,
) -> Result<Option<Objection>, Error> {
    if let Some(marked) = &said.owner {
        if marked.database != owner.database {
            return Ok(Some(Objection::OtherDatabase));
        }
        if state.identity() == Identity::File && !marked.file.is(owner.file) {
            return Ok(Some(Objection::OtherFile));
        }
    }
    is_behind(connection, said)
}

/// Whether a database lacks the event that a mark names.
pub(super) fn is_behind(
    connection: &Connection,
    said: &MarkContent,
) -> Result<Option<Objection>, Error> {
    let Head { seq, hash } = &said.head;
    let line = journal::line_at(connection, *seq)?;
    let event = line.map(|json| journal::parse(*seq, &json)).transpose()?;
    let is_there = *seq == 0 || event.is_some_and(|event| event.hash == *hash);
    Ok((!is_there).then_some(Objection::Behind { seq: *seq }))
}

/// What speaks against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// It has another name.
    OtherDatabase,
    /// It is a copy, or another one has taken its place.
    OtherFile,
    /// It lacks what was committed.
    Behind {
        /// The event that the mark names.
        seq: u64,
    },
}

impl Objection {
    /// As a sentence about the database.
    pub(super) fn text(self, mark: &str) -> String {
        match self {
            Self::OtherDatabase => format!("it is not the database that wrote {mark}"),
            Self::OtherFile => format!(
                "the file is another one than that which wrote {mark}: it is a copy, or was put back or moved to another disk"
            ),
            Self::Behind { seq } => format!(
                "event {seq}, which was committed as {mark} says, is not in it: it is an older copy, or has lost its end"
            ),
        }
    }
}
