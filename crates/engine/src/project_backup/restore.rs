//! `tranche restore`: puts a backup where no state is, whole or not at all.
//!
//! Everything is put together and checked under names of its own first; the database comes to its place last. Until then no
//! engine begins there, and the same command again takes up where a killed one has ended.

use std::fs::File;
use std::path::{Path, PathBuf};

use policy::Timestamp;
use rollout::RolloutId;
use serde::Serialize;

use super::error::BackupError;
use super::files::{Partial, uncopied, unwritten, with_logs};
use super::make::{last_at, unfinished};
use super::parts::{Part, Parts, damaged};
use super::sealed::{self, KeyOnRestore, SealedValues};
use crate::error::Error;
use crate::process::lock::{EngineLock, LockFor};
use crate::process::state_dir::StateDir;
use crate::store::{self, Reader, verify};

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Where the database is.
    pub database: PathBuf,
    /// When the backup was made.
    pub made_at: Timestamp,
    /// The last event, as an anchor.
    pub head: String,
    /// The instant of that event: what happened since is not known here.
    pub until: Option<Timestamp>,
    /// Rollouts and operations that are not over; they rest.
    pub unfinished: Vec<RolloutId>,
    /// Sealed backups of variables.
    pub sealed: SealedValues,
    /// Whether what the monitor has measured was put back too.
    pub with_monitor: bool,
}

/// How far it has come; for those who look on, and for tests that die there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// Nothing but the lock is there.
    Locked,
    /// All is copied, and not checked.
    Copied,
    /// All is checked, and nothing is at its place.
    Checked,
    /// The key is at its place, if one was brought.
    KeyPlaced,
    /// What the monitor has measured is too. The database is not.
    MonitorPlaced,
}

impl RestoreStep {
    /// Its name in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Copied => "copied",
            Self::Checked => "checked",
            Self::KeyPlaced => "key",
            Self::MonitorPlaced => "monitor",
        }
    }
}

/// Puts a backup where no state is, and tells of each step.
///
/// # Errors
/// There is a state, or an engine at work; the backup is none, is damaged, or was made by a newer release; the key is missing
/// or another; the disk is full. Then nothing is put back.
pub fn restore(
    state: &StateDir,
    from: &Path,
    key: &KeyOnRestore,
    mut tell: impl FnMut(RestoreStep),
) -> Result<Restored, BackupError> {
    check_is_backup(from)?;
    let _lock = lock(state)?;
    refuse_occupied(state)?;
    tell(RestoreStep::Locked);
    let restoring = state.restoring();
    let copy = Partial::at(restoring.database().to_owned());
    store::copy_into(from, copy.path()).map_err(|error| {
        if let Error::Damaged { what } = error {
            return damaged(from, what);
        }
        uncopied(state.database())(error)
    })?;
    let parts = Parts::open(copy.path(), from)?;
    let made_at = parts.made_at();
    let monitor = extract(&parts, Part::Monitor, &restoring.monitor())?;
    let in_backup = extract(&parts, Part::Key, &restoring.key())?;
    parts.remove().map_err(unwritten(state.database()))?;
    tell(RestoreStep::Copied);
    check(&restoring, from)?;
    tell(RestoreStep::Checked);
    let reader = Reader::open(&restoring)?;
    let restored = Restored {
        database: state.database().to_owned(),
        made_at,
        head: reader.head()?.to_string(),
        until: last_at(&reader)?,
        unfinished: unfinished(&reader.product()?),
        sealed: sealed::provide(&reader, state, key, from, in_backup)?,
        with_monitor: monitor.is_some(),
    };
    drop(reader);
    tell(RestoreStep::KeyPlaced);
    if let Some(monitor) = monitor {
        // What a killed restore has put there is ours.
        drop(Partial::at(state.monitor()));
        monitor.put(&state.monitor()).map_err(occupied(state))?;
    }
    tell(RestoreStep::MonitorPlaced);
    copy.put(state.database()).map_err(occupied(state))?;
    Ok(restored)
}

/// Said before anything is made.
fn check_is_backup(from: &Path) -> Result<(), BackupError> {
    let opened = File::open(from).and_then(|file| file.metadata());
    let metadata = opened.map_err(|source| BackupError::Unread {
        path: from.to_owned(),
        source,
    })?;
    if !metadata.is_file() {
        return Err(BackupError::NoBackup(from.to_owned()));
    }
    match store::check_known(&StateDir::of_database(from)) {
        Ok(()) => Ok(()),
        Err(Error::Damaged { what }) => Err(damaged(from, what)),
        Err(Error::Absent { .. } | Error::Foreign { .. }) => {
            Err(BackupError::NoBackup(from.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

fn lock(state: &StateDir) -> Result<EngineLock, BackupError> {
    EngineLock::acquire(state, LockFor::Request).map_err(|error| {
        if let Error::Held { pid, .. } = error {
            return BackupError::Driven { pid };
        }
        BackupError::State(error)
    })
}

/// What the monitor has measured may come from a restore that was killed; while that is so, its database is not at its place.
fn refuse_occupied(state: &StateDir) -> Result<(), BackupError> {
    let was_begun = state.restoring().database().exists();
    let monitor = [state.monitor()].into_iter().filter(|_| !was_begun);
    let found = with_logs(state.database())
        .chain([state.mark()])
        .chain(monitor)
        .find(|path| path.exists());
    match found {
        None => Ok(()),
        Some(path) => Err(occupied(state)(BackupError::Exists(path))),
    }
}

/// What is there belongs to a state.
fn occupied(state: &StateDir) -> impl Fn(BackupError) -> BackupError {
    let way_out = away(state);
    move |error| {
        let BackupError::Exists(path) = error else {
            return error;
        };
        let way_out = way_out.clone();
        BackupError::Occupied { path, way_out }
    }
}

/// How a state is moved away.
fn away(state: &StateDir) -> String {
    let folder = state.folder().display();
    match state.prefix() {
        None => format!("mv {folder} {folder}-before, then the same command"),
        Some(prefix) => format!(
            "another file with `--db`; or move away `{}` and all beside it whose name begins with `{prefix}`, then the same command",
            state.database().display()
        ),
    }
}

fn extract(parts: &Parts, part: Part, to: &Path) -> Result<Option<Partial>, BackupError> {
    let file = Partial::at(to.to_owned());
    Ok(parts.extract(part, to)?.then_some(file))
}

fn check(restoring: &StateDir, from: &Path) -> Result<(), BackupError> {
    match verify(restoring, None)?.problems.first() {
        None => Ok(()),
        Some(problem) => Err(damaged(from, problem.to_string())),
    }
}
