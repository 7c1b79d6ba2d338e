//! What does a backup hold beside the database? Other files, cut into pieces, in a table of its own.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use policy::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::BackupError;
use crate::error::Error;
use crate::hex::hex;
use crate::process::{clock, state_dir};

/// What this release writes.
const FORMAT: usize = 1;

/// The part that says what the others are.
const ABOUT: &str = "about";

const PIECE: usize = 1 << 20;

const SCHEMA: &str = "CREATE TABLE backup_parts (
    name   TEXT NOT NULL,
    number INTEGER NOT NULL,          -- of a piece, from 0
    bytes  BLOB NOT NULL,
    PRIMARY KEY (name, number)
) STRICT;";

const ANOTHER: &str = "the same command with another backup";

/// A file beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What the monitor has measured.
    Monitor,
    /// The key of the sealed values.
    Key,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "monitor.db",
            Self::Key => "backup.key",
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct About {
    format: usize,
    made_at: Timestamp,
    parts: Vec<Sum>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Sum {
    name: String,
    sha256: String,
}

/// Adds files to the copy of a database.
pub(super) fn write(database: &Path, parts: &[(Part, &Path)]) -> Result<(), Error> {
    let mut connection = Connection::open(database)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    let mut insert = transaction
        .prepare("INSERT INTO backup_parts (name, number, bytes) VALUES (?1, ?2, ?3)")?;
    let mut about = About {
        format: FORMAT,
        made_at: clock::wall(),
        parts: Vec::new(),
    };
    for (part, path) in parts {
        let mut hash = Sha256::new();
        let mut file = File::open(path).map_err(Error::file("read", path))?;
        for number in 0_u64.. {
            let piece = piece(&mut file).map_err(Error::file("read", path))?;
            if piece.is_empty() && number > 0 {
                break;
            }
            hash.update(&piece);
            insert.execute(params![part.name(), number, piece])?;
        }
        about.parts.push(Sum {
            name: part.name().to_owned(),
            sha256: hex(&hash.finalize()),
        });
    }
    let about = serde_json::to_vec(&about).expect("names serialise");
    insert.execute(params![ABOUT, 0, about])?;
    drop(insert);
    Ok(transaction.commit()?)
}

fn piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    file.take(PIECE as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

/// What a backup holds beside the database.
#[derive(Debug)]
pub(super) struct Parts {
    connection: Connection,
    about: About,
    /// As people know it.
    path: PathBuf,
}

impl Parts {
    /// Of a copy of a backup, which is told of by the name of the backup.
    pub(super) fn open(copy: &Path, path: &Path) -> Result<Self, BackupError> {
        let connection = Connection::open(copy).map_err(Error::from)?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'backup_parts'";
        let tables: i64 = connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(Error::from)?;
        if tables == 0 {
            return Err(BackupError::NoBackup(path.to_owned()));
        }
        let sql = "SELECT bytes FROM backup_parts WHERE name = ?1";
        let about = connection.query_row(sql, [ABOUT], |row| row.get::<_, Vec<u8>>(0));
        let about = about.optional().map_err(Error::from)?.unwrap_or_default();
        let about: About = serde_json::from_slice(&about)
            .map_err(|error| damaged(path, format!("it does not say what is in it: {error}")))?;
        if about.format > FORMAT {
            return Err(BackupError::State(Error::Newer {
                path: path.to_owned(),
                found: about.format,
                known: FORMAT,
            }));
        }
        Ok(Self {
            connection,
            about,
            path: path.to_owned(),
        })
    }

    /// When the backup was made.
    pub(super) fn made_at(&self) -> Timestamp {
        self.about.made_at
    }

    /// Writes a part into a new file of ours; says whether there is one.
    pub(super) fn extract(&self, part: Part, to: &Path) -> Result<bool, BackupError> {
        let mut sums = self.about.parts.iter();
        let Some(sum) = sums.find(|sum| sum.name == part.name()) else {
            return Ok(false);
        };
        let unwritten = |source| super::files::unwritten(to)(Error::file("written", to)(source));
        let mut file = state_dir::create_private(to).map_err(unwritten)?;
        let mut hash = Sha256::new();
        let mut pieces = self
            .connection
            .prepare("SELECT bytes FROM backup_parts WHERE name = ?1 ORDER BY number")
            .map_err(Error::from)?;
        let mut rows = pieces.query([part.name()]).map_err(Error::from)?;
        while let Some(row) = rows.next().map_err(Error::from)? {
            let piece: Vec<u8> = row.get(0).map_err(Error::from)?;
            hash.update(&piece);
            file.write_all(&piece).map_err(unwritten)?;
        }
        if hex(&hash.finalize()) != sum.sha256 {
            let what = format!("its {} is not as it was written", part.name());
            return Err(damaged(&self.path, what));
        }
        Ok(true)
    }

    /// Leaves nothing but the database in the copy: no key lies in what was deleted.
    pub(super) fn remove(self) -> Result<(), Error> {
        Ok(self
            .connection
            .execute_batch("PRAGMA secure_delete = ON; DROP TABLE backup_parts; VACUUM;")?)
    }
}

/// A backup that is not as it was written.
pub(super) fn damaged(path: &Path, what: String) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        what,
        way_out: ANOTHER,
    }
}
