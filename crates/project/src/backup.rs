//! How is the state of a project copied into one file, and put back from it?

use std::path::Path;

use engine::project_backup::{self, BackupError, RestoreStep};
pub use engine::project_backup::{BackedUp, KeyOnRestore, Restored, SealedValues};

use crate::environment::{CRASH_AT, variable};
use crate::error::{Error, ErrorKind, StateError, of_engine};
use crate::location::Location;

/// Writes a new file that holds the state as it is now, whoever drives meanwhile; the key of the sealed values only if that
/// is asked for.
pub fn back_up(location: &Location, file: &Path, with_key: bool) -> Result<BackedUp, Error> {
    Ok(project_backup::back_up(&location.state()?, file, with_key)?)
}

/// Puts such a file where no state is. Everything open in it is held until a person says that it is the one that counts.
pub fn restore(location: &Location, file: &Path, key: &KeyOnRestore) -> Result<Restored, Error> {
    let dies_at = variable(CRASH_AT);
    let die = |step: RestoreStep| {
        if dies_at.as_deref() == Some(format!("restore:{}", step.as_str()).as_str()) {
            std::process::abort();
        }
    };
    let state = location.state()?;
    Ok(project_backup::restore(&state, file, key, die)?)
}

impl From<BackupError> for Error {
    fn from(error: BackupError) -> Self {
        Self::State(StateError {
            kind: of_backup(&error),
            way_out: error.way_out(),
            source: Box::new(error),
        })
    }
}

fn of_backup(error: &BackupError) -> ErrorKind {
    match error {
        BackupError::Unread { .. } | BackupError::NoBackup(_) => ErrorKind::Usage,
        BackupError::Exists(_)
        | BackupError::Occupied { .. }
        | BackupError::Driven { .. }
        | BackupError::NoKey { .. }
        | BackupError::WrongKey { .. }
        | BackupError::OtherKey(_) => ErrorKind::Refused,
        BackupError::Damaged { .. } | BackupError::Unwritten { .. } => ErrorKind::Failed,
        BackupError::State(error) => of_engine(error),
    }
}
