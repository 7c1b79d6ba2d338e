//! How does a file come to its place whole or not at all, and without taking another one's?

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::BackupError;
use crate::error::Error;

/// What `SQLite` may leave beside a database.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A file that is gone again unless it comes to its place.
#[derive(Debug)]
pub(super) struct Partial(PathBuf);

impl Partial {
    /// One that nobody else takes for theirs; what an earlier process left there is gone.
    pub(super) fn at(path: PathBuf) -> Self {
        let partial = Self(path);
        partial.remove();
        partial
    }

    /// Beside the file that it will be.
    pub(super) fn beside(path: &Path, what: &str) -> Self {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}{what}.partial", process::id()));
        Self::at(path.with_file_name(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, once all of it is on the disk; whoever has that name already keeps it.
    pub(super) fn put(self, place: &Path) -> Result<(), BackupError> {
        let put = File::open(&self.0)
            .and_then(|file| file.sync_all())
            .and_then(|()| rename(&self.0, place))
            .and_then(|()| File::open(folder_of(place))?.sync_all());
        put.map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return BackupError::Exists(place.to_owned());
            }
            unwritten(place)(Error::file("written", place)(source))
        })
    }

    fn remove(&self) {
        // What is not there need not go.
        let _ = fs::remove_file(&self.0);
        for end in BESIDE {
            let _ = fs::remove_file(with_end(&self.0, end));
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What is written there fails so.
pub(super) fn unwritten(path: &Path) -> impl FnOnce(Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Unwritten { path, source }
}

/// A copy fails so, where it is to be written or because of what is copied.
pub(super) fn uncopied(to: &Path) -> impl FnOnce(Error) -> BackupError {
    let to = to.to_owned();
    move |error| {
        let is_of_the_place = matches!(
            error,
            Error::Full(_) | Error::File { .. } | Error::Storage(_)
        );
        if is_of_the_place {
            return unwritten(&to)(error);
        }
        BackupError::State(error)
    }
}

/// The database, and what `SQLite` may keep beside it.
pub(super) fn with_logs(database: &Path) -> impl Iterator<Item = PathBuf> {
    let logs = BESIDE.map(|end| with_end(database, end));
    [database.to_owned()].into_iter().chain(logs)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Some file systems cannot rename without replacing: there, a look before is all that can be done.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if fs::symlink_metadata(to).is_ok() => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}
