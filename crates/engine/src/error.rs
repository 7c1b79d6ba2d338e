//! What can go wrong between the core and the disk.

use std::error;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};

use policy::Timestamp;
use rusqlite::ErrorCode;

/// A failure of the shell. What the core refuses is a [`rollout::Rejected`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has ever been stored.
    #[error("there is no database at `{}`", path.display())]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// A second engine (P40).
    #[error("another process{} drives the rollouts of `{}`", show_pid(*pid), folder(path).display())]
    Held {
        /// The lock.
        path: PathBuf,
        /// Who holds it, as far as it is known.
        pid: Option<u32>,
    },
    /// Another process runs the monitor.
    #[error("another process watches these services already")]
    Watched,
    /// Another engine has taken over (P40).
    #[error("another engine has taken over this database (epoch {found}, ours is {ours})")]
    Stale {
        /// The epoch of this engine.
        ours: u64,
        /// The epoch in the database.
        found: u64,
    },
    /// A person has said `resume --moved` in a copy of this database (P40).
    #[error("a copy of this database has become the one that counts")]
    Replaced,
    /// Written by a later release (P41).
    #[error("`{}` was written by a newer release (schema {found}, this release knows {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema that this release knows.
        known: usize,
    },
    /// A database of some other program.
    #[error("`{}` is not a database of tranche", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A backup was about to be put back, and has not come to its end.
    #[error("a restore was begun here and is not finished: `{}`", path.display())]
    HalfRestored {
        /// What it has put together so far.
        path: PathBuf,
    },
    /// The stored data contradicts itself (P41).
    #[error("the database is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// `SQLITE_FULL` (P42).
    #[error("the disk is full")]
    Full(#[source] rusqlite::Error),
    /// Another process has kept the database locked for too long (P42).
    #[error("the database is locked by another process")]
    Busy(#[source] rusqlite::Error),
    /// `SQLITE_READONLY`: files beside the database are written even when somebody only looks on.
    #[error("the database or its folder cannot be written to, which is needed also for looking on")]
    ReadOnly,
    /// Any other failure of the database (P42).
    #[error("the database failed")]
    Storage(#[source] rusqlite::Error),
    /// A file beside the database holds something else than it must.
    #[error("`{}` is damaged: {what}", path.display())]
    Spoiled {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: String,
        /// What to do about it.
        way_out: &'static str,
    },
    /// A file beside the database.
    #[error("`{}` cannot be {doing}", path.display())]
    File {
        /// Past participle: `read`, `created`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing is durable at present, so nothing is done (P42).
    #[error("the engine cannot store anything at present: {reason}")]
    Degraded {
        /// Why.
        reason: String,
    },
    /// Nobody answered in time; the request was withdrawn and has no effect.
    #[error(
        "the engine did not answer in time; the request was withdrawn: it was not carried out and will not be"
    )]
    NoAnswer,
    /// Whoever asked waits no longer; the request was withdrawn and has no effect.
    #[error("interrupted; the request was withdrawn: it was not carried out and will not be")]
    Interrupted,
    /// The request could not be filed or answered; it was withdrawn and has no effect.
    #[error("the request was withdrawn: it was not carried out and will not be")]
    NotDone(#[source] Box<Error>),
    /// The request could neither be answered nor withdrawn.
    #[error(
        "the request could not be taken back: it may still be carried out until {}, and never after that",
        rollout::show_instant(*until)
    )]
    Undecided {
        /// When it lapses by itself.
        until: Timestamp,
        /// Why it cannot be withdrawn.
        #[source]
        source: Box<Error>,
    },
    /// The request was answered, and what the answer is cannot be read.
    #[error("the request was answered, but the answer cannot be read")]
    Unread(#[source] Box<Error>),
    /// The engine has ended, or is ending.
    #[error("the engine has stopped")]
    Stopped,
    /// Nobody that this project knows, or not entitled (exit code 4).
    #[error("{message}")]
    NotPermitted {
        /// Who is missing what.
        message: String,
        /// What to do about it.
        way_out: String,
    },
    /// A sealed backup does not open: wrong key, wrong owner, or altered bytes.
    #[error("the backup cannot be opened: {what}")]
    Sealed {
        /// What does not fit.
        what: &'static str,
    },
    /// The system gives no random numbers.
    #[error("no random numbers are to be had")]
    Random(#[source] getrandom::Error),
    /// A broken invariant.
    #[error("an invariant is broken: {message}")]
    Bug {
        /// What the panic said.
        message: String,
    },
}

impl Error {
    /// Names the file and what was to be done with it.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            doing,
            path,
            source,
        }
    }

    /// Says which file is damaged.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        let path = format!("`{}`", path.display());
        if let Self::Damaged { what } = &self
            && !what.contains(&path)
        {
            return Self::Damaged {
                what: format!("{path}: {what}"),
            };
        }
        self
    }

    /// The same about a file that may be lost without harm to any rollout.
    #[must_use]
    pub fn beside(self, path: &Path, way_out: &'static str) -> Self {
        if let Self::Damaged { what } = self {
            return Self::Spoiled {
                path: path.to_owned(),
                what,
                way_out,
            };
        }
        self
    }

    /// Whether trying again later can help; otherwise an engine must end (P41).
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Full(_)
            | Self::Busy(_)
            | Self::Storage(_)
            | Self::ReadOnly
            | Self::File { .. }
            | Self::Degraded { .. }
            | Self::Replaced
            | Self::Bug { .. } => true,
            Self::Absent { .. }
            | Self::Held { .. }
            | Self::Watched
            | Self::Stale { .. }
            | Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::HalfRestored { .. }
            | Self::Damaged { .. }
            | Self::Spoiled { .. }
            | Self::NoAnswer
            | Self::Interrupted
            | Self::NotDone(_)
            | Self::Undecided { .. }
            | Self::Unread(_)
            | Self::Stopped
            | Self::NotPermitted { .. }
            | Self::Sealed { .. }
            | Self::Random(_) => false,
        }
    }

    /// What a person can do about it.
    pub fn way_out(&self) -> Option<String> {
        match self {
            Self::Absent { .. } => Some("begin with `tranche start VERSION`".to_owned()),
            Self::Held { .. } => {
                Some("use it: all other commands reach the running engine by themselves".to_owned())
            }
            Self::Watched => {
                Some("look at what it sees with `tranche health --history 24h`".to_owned())
            }
            Self::Stale { .. } => {
                Some("see which engine runs with `tranche status`, and keep only one".to_owned())
            }
            Self::Newer { .. } => Some(
                "use that release; `tranche events` and `tranche verify` still read".to_owned(),
            ),
            Self::Foreign { .. } => Some("name another file with `--db`".to_owned()),
            Self::HalfRestored { .. } => Some(
                "tranche restore FILE, with the same backup; or remove that file to begin without a past"
                    .to_owned(),
            ),
            Self::Damaged { .. } => Some(
                "`tranche verify` names what is damaged, and `tranche events` exports what can still be read; move the folder away and put back a backup (`tranche restore FILE`), then `tranche resume --moved`"
                    .to_owned(),
            ),
            Self::Spoiled { way_out, .. } => Some((*way_out).to_owned()),
            Self::Full(_) => Some("free some space; the engine goes on by itself".to_owned()),
            Self::NotPermitted { way_out, .. } => Some(way_out.clone()),
            Self::ReadOnly => {
                Some("use an account that may write there, or name a copy with `--db`".to_owned())
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Some(
                "use an account that may do that, or name another place with `--db`".to_owned(),
            ),
            Self::NoAnswer | Self::Interrupted => Some("ask again".to_owned()),
            Self::Replaced => {
                Some("go on with that copy, or with this one: tranche resume --moved".to_owned())
            }
            Self::NotDone(source) => source.way_out(),
            Self::Undecided { .. } | Self::Unread(_) => Some(
                "see with `tranche events` and `tranche status` whether it was carried out"
                    .to_owned(),
            ),
            Self::Busy(_)
            | Self::Storage(_)
            | Self::File { .. }
            | Self::Degraded { .. }
            | Self::Stopped
            | Self::Sealed { .. }
            | Self::Random(_)
            | Self::Bug { .. } => None,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                what: format!(
                    "its pages do not fit together ({})",
                    plain(&error.to_string())
                ),
            },
            Some(ErrorCode::NotADatabase) => Self::Damaged {
                what: "it is no SQLite database, or its beginning was overwritten".to_owned(),
            },
            Some(_) | None => match what_is_missing(&error) {
                Some(what) => Self::Damaged { what },
                None => Self::Storage(error),
            },
        }
    }
}

/// What an answer of `SQLite` says about the stored data, where it is no failure of the machine: trying again will not help.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors are many, and may become more"
)]
fn what_is_missing(error: &rusqlite::Error) -> Option<String> {
    use rusqlite::Error as Sql;
    match error {
        Sql::QueryReturnedNoRows => Some("a row that it must have is missing".to_owned()),
        Sql::FromSqlConversionFailure(..)
        | Sql::IntegralValueOutOfRange(..)
        | Sql::InvalidColumnType(..)
        | Sql::Utf8Error(..) => Some(format!("a value in it has another form: {error}")),
        Sql::SqliteFailure(_, Some(text)) | Sql::SqlInputError { msg: text, .. }
            if text.starts_with("no such table") || text.starts_with("no such column") =>
        {
            Some(format!("a part of it is missing ({text})"))
        }
        _ => None,
    }
}

/// What `SQLite` found, without its frame: `*** in database main ***` tells nobody anything.
pub(crate) fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("*** in database"));
    lines.collect::<Vec<_>>().join("; ")
}

impl From<rollout::LoadError> for Error {
    fn from(error: rollout::LoadError) -> Self {
        Self::Damaged {
            what: with_causes(&error),
        }
    }
}

/// An error with all that caused it, on one line.
pub fn with_causes(error: &dyn error::Error) -> String {
    let causes = iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The folder that a lock is for.
fn folder(lock: &Path) -> &Path {
    lock.parent().unwrap_or(lock)
}

fn show_pid(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" ({pid})"))
}
