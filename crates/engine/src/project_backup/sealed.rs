//! Which key opens the sealed values of a database, and how many of them?

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::BackupError;
use super::files::{Partial, unwritten};
use crate::error::Error;
use crate::process::state_dir::{self, StateDir};
use crate::store::Reader;
use crate::vault::Vault;

/// Where the key comes from when a backup is put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOnRestore {
    /// From the backup, or from where it lies already.
    Found,
    /// From this file.
    File(PathBuf),
    /// As found; where there is none, nothing that is sealed is opened any more.
    MayBeMissing,
}

/// Sealed backups of variables, and how many of them a key opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SealedValues {
    /// How many there are.
    pub all: u64,
    /// How many of them stay sealed.
    pub lost: u64,
}

impl SealedValues {
    /// How many there are; none of them is tried.
    pub(super) fn count(reader: &Reader) -> Result<u64, Error> {
        let mut all = 0;
        reader.each_attachment(|_| all += 1)?;
        Ok(all)
    }

    /// What this key opens of them, which people know by another name.
    ///
    /// # Errors
    /// [`BackupError::WrongKey`]: none.
    pub(super) fn under(reader: &Reader, key: &Path, named: &Path) -> Result<Self, BackupError> {
        let vault = Vault::of_key(key)?;
        let mut sealed = Self::default();
        reader.each_attachment(|one| {
            sealed.all += 1;
            sealed.lost += u64::from(!vault.opens(one));
        })?;
        if sealed.all > 0 && sealed.all == sealed.lost {
            return Err(BackupError::WrongKey {
                path: named.to_owned(),
                sealed: sealed.all,
            });
        }
        Ok(sealed)
    }
}

/// Chooses the key for a state that is put back, and puts it where it belongs. It may lie there from an earlier attempt.
pub(super) fn provide(
    reader: &Reader,
    state: &StateDir,
    wanted: &KeyOnRestore,
    backup: &Path,
    in_backup: Option<Partial>,
) -> Result<SealedValues, BackupError> {
    let place = state.key();
    let brought = match wanted {
        KeyOnRestore::File(file) => Some(Brought::copy(file, state)?),
        KeyOnRestore::Found | KeyOnRestore::MayBeMissing => in_backup.map(Brought),
    };
    if let Some(brought) = brought {
        let named = wanted.file().unwrap_or(backup);
        let sealed = SealedValues::under(reader, brought.0.path(), named)?;
        return brought.put(&place).map(|()| sealed);
    }
    let all = SealedValues::count(reader)?;
    if all > 0 && place.try_exists().map_err(Error::file("read", &place))? {
        return SealedValues::under(reader, &place, &place);
    }
    if all > 0 && *wanted != KeyOnRestore::MayBeMissing {
        return Err(BackupError::NoKey {
            path: backup.to_owned(),
            place,
            sealed: all,
        });
    }
    Ok(SealedValues { all, lost: all })
}

impl KeyOnRestore {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file),
            Self::Found | Self::MayBeMissing => None,
        }
    }
}

/// A key that is not at its place yet.
struct Brought(Partial);

impl Brought {
    fn copy(file: &Path, state: &StateDir) -> Result<Self, BackupError> {
        let copy = Partial::at(state.restoring().key());
        Vault::of_key(file)?;
        Vault::copy_key(file, copy.path()).map_err(unwritten(&state.key()))?;
        Ok(Self(copy))
    }

    fn put(self, place: &Path) -> Result<(), BackupError> {
        match Vault::is_same_key(self.0.path(), place)? {
            Some(true) => Ok(()),
            Some(false) => Err(BackupError::OtherKey(place.to_owned())),
            None => {
                self.0.put(place)?;
                Ok(state_dir::restrict(place, 0o600)?)
            }
        }
    }
}
