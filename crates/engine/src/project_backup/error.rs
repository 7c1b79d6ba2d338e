//! Why is a project not backed up, or not put back? What was there before is there still.

use std::io;
use std::path::PathBuf;

use crate::error::Error;

/// Nothing was written, and nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A backup never takes another file's place.
    #[error("there is a file already: `{}`", .0.display())]
    Exists(PathBuf),
    /// It is not there, or not for us.
    #[error("failed to read `{}`", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}` was not made by `tranche backup`", .0.display())]
    NoBackup(PathBuf),
    /// It is not as it was written.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
        /// What to do about it.
        way_out: &'static str,
    },
    /// A state never takes another one's place.
    #[error("there is a state already: `{}`", path.display())]
    Occupied {
        /// What was found of it.
        path: PathBuf,
        /// How it is moved away.
        way_out: String,
    },
    /// An engine, or a request, is at work where a state is to be put back.
    #[error("another process{} drives the rollouts there", show_pid(*pid))]
    Driven {
        /// Which, as far as it is known.
        pid: Option<u32>,
    },
    /// Sealed values without their key.
    #[error(
        "the key of the sealed backups of variables (there are {sealed}) is neither in `{}` nor at `{}`: without it, no rollback puts those values back",
        path.display(), place.display()
    )]
    NoKey {
        /// The backup, or the database.
        path: PathBuf,
        /// Where the key would lie.
        place: PathBuf,
        /// How many values it is the key of.
        sealed: u64,
    },
    /// The key of something else.
    #[error("`{}` opens none of the sealed backups of variables (there are {sealed})", path.display())]
    WrongKey {
        /// The key.
        path: PathBuf,
        /// How many there are.
        sealed: u64,
    },
    /// A key never takes another one's place.
    #[error("another key lies at `{}`", .0.display())]
    OtherKey(PathBuf),
    /// The disk, mostly.
    #[error("failed to write `{}`", path.display())]
    Unwritten {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        #[source]
        source: Error,
    },
    /// As whatever keeps the state says.
    #[error(transparent)]
    State(#[from] Error),
}

impl BackupError {
    /// What a person can do about it.
    pub fn way_out(&self) -> Option<String> {
        let way_out = match self {
            Self::Exists(_) => "the same command with another file, or without that one",
            Self::Unread { .. } => "the same command with a file that can be read",
            Self::NoBackup(_) => "tranche backup FILE, where the project is",
            Self::Damaged { way_out, .. } => way_out,
            Self::Occupied { way_out, .. } => return Some(way_out.clone()),
            Self::Driven { .. } => {
                "stop it (Ctrl-C or SIGTERM), move its state away, then the same command"
            }
            Self::NoKey { .. } => {
                "the same command with `--key FILE`, the `backup.key` that lay beside the database; or with `--without-key`"
            }
            Self::WrongKey { .. } => {
                "the same command with `--key FILE`, the `backup.key` that lay beside the database"
            }
            Self::OtherKey(_) => "move it away, then the same command",
            Self::Unwritten {
                source: Error::Full(_),
                ..
            } => ROOM,
            Self::Unwritten {
                source: Error::File { source, .. },
                ..
            } if is_full(source) => ROOM,
            Self::Unwritten { .. } => {
                "the same command with a file in a folder that you may write to"
            }
            Self::State(error) => return error.way_out(),
        };
        Some(way_out.to_owned())
    }
}

const ROOM: &str = "free some space there, or name a file on another disk";

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn show_pid(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" ({pid})"))
}
