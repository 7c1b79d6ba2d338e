//! `tranche backup`: everything in one file, as it is at one instant, whoever drives meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use policy::Timestamp;
use rollout::RolloutId;
use serde::Serialize;

use super::error::BackupError;
use super::files::{Partial, uncopied, unwritten};
use super::parts::{self, Part};
use super::sealed::SealedValues;
use crate::error::Error;
use crate::process::state_dir::StateDir;
use crate::store::{self, Reader, verify};

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The file.
    pub file: PathBuf,
    /// The last event in it, as an anchor.
    pub head: String,
    /// The instant of that event.
    pub until: Option<Timestamp>,
    /// Rollouts and operations that are not over.
    pub unfinished: Vec<RolloutId>,
    /// Sealed backups of variables.
    pub sealed: u64,
    /// Whether the key that opens them is in it.
    pub with_key: bool,
    /// Whether it holds what the monitor has measured.
    pub with_monitor: bool,
    /// What people should hear about it.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// Writes a new file that holds everything which is needed to go on; the key of the sealed values only if that is asked for.
///
/// # Errors
/// There is such a file; the state is damaged, or was written by a newer release; the disk is full. Then there is no file.
pub fn back_up(state: &StateDir, to: &Path, with_key: bool) -> Result<BackedUp, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    store::check_known(state)?;
    let copy = Partial::beside(to, "");
    store::copy_into(state.database(), copy.path()).map_err(uncopied(to))?;
    let (monitor, notes) = monitor(state, to)?;
    let key = state.key();
    let has_key = with_key && key.try_exists().map_err(Error::file("read", &key))?;
    let mut beside = Vec::new();
    beside.extend(monitor.as_ref().map(|file| (Part::Monitor, file.path())));
    beside.extend(has_key.then_some((Part::Key, key.as_path())));
    parts::write(copy.path(), &beside).map_err(unwritten(to))?;
    let copied = StateDir::of_database(copy.path());
    check(state, &copied)?;
    let reader = Reader::open(&copied)?;
    let product = reader.product()?;
    let made = BackedUp {
        file: to.to_owned(),
        head: reader.head()?.to_string(),
        until: last_at(&reader)?,
        unfinished: unfinished(&product),
        sealed: SealedValues::count(&reader)?,
        with_key: has_key,
        with_monitor: monitor.is_some(),
        notes,
    };
    if has_key {
        SealedValues::under(&reader, &key, &key)?;
    } else if with_key && made.sealed > 0 {
        return Err(BackupError::NoKey {
            path: state.database().to_owned(),
            place: key,
            sealed: made.sealed,
        });
    }
    drop(reader);
    copy.put(to)?;
    Ok(made)
}

/// What the monitor has measured, as far as it can be read: no rollout rests on it.
fn monitor(state: &StateDir, to: &Path) -> Result<(Option<Partial>, Vec<String>), BackupError> {
    let path = state.monitor();
    if !path.exists() {
        return Ok((None, Vec::new()));
    }
    let copy = Partial::beside(to, ".monitor");
    match store::copy_into(&path, copy.path()) {
        Ok(()) => Ok((Some(copy), Vec::new())),
        Err(error @ (Error::Full(_) | Error::File { .. })) => Err(unwritten(to)(error)),
        Err(error) => {
            let note = format!(
                "warning: what the monitor has measured is not in it, since `{}` cannot be read ({error})",
                path.display()
            );
            Ok((None, vec![note]))
        }
    }
}

/// Nobody is to rely on a backup of what is damaged.
fn check(state: &StateDir, copied: &StateDir) -> Result<(), BackupError> {
    match verify(copied, None)?.problems.first() {
        None => Ok(()),
        Some(problem) => Err(BackupError::Damaged {
            path: state.database().to_owned(),
            what: problem.to_string(),
            way_out: "`tranche verify` names all of it, and `tranche events` exports what can still be read; an earlier backup is put back by `tranche restore FILE`",
        }),
    }
}

/// Rollouts and operations that go on.
pub(super) fn unfinished(product: &rollout::Product) -> Vec<RolloutId> {
    let runs = product.overview().into_iter();
    runs.filter(|run| !run.has_ended())
        .map(|run| run.id)
        .collect()
}

/// The instant of the last event.
pub(super) fn last_at(reader: &Reader) -> Result<Option<Timestamp>, Error> {
    let before = reader.head()?.seq.saturating_sub(1);
    let last = reader.events(None, before, 1)?;
    Ok(last.first().map(|event| event.at))
}
