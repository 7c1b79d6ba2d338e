//! Have the project's files been edited (R6)? Their times are looked at once a heartbeat; only then they are read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rollout::Product;
use rollout::request::FilesRead;

/// Reads and checks the project's files. Runs on the engine's thread.
pub type ReadFiles = Box<dyn FnMut(&Product) -> FilesRead + Send>;

/// Says which files there are to watch.
pub type ListFiles = Box<dyn Fn() -> Vec<PathBuf> + Send>;

/// The project's files, and how to read them.
pub struct WatchedFiles {
    paths: Vec<PathBuf>,
    /// Asked anew after each edit, since files name others.
    names: Option<ListFiles>,
    read: ReadFiles,
    seen: Option<Fingerprint>,
    told: Option<FilesRead>,
}

/// Times and lengths by path; folders by what is in them. Another one says that something may read otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, Option<Stamp>>);

/// When a file was written and when anything about it was changed, such as who may read it, in seconds and nanoseconds; and
/// its length.
type Stamp = ((i64, i64), (i64, i64), u64);

impl WatchedFiles {
    /// Watches files, and folders with the files directly in them.
    pub fn new(paths: Vec<PathBuf>, read: ReadFiles) -> Self {
        Self {
            paths,
            names: None,
            read,
            seen: None,
            told: None,
        }
    }

    /// Watches what the files themselves name, as they read now and after each edit.
    pub fn listed_by(names: ListFiles, read: ReadFiles) -> Self {
        Self {
            names: Some(names),
            ..Self::new(Vec::new(), read)
        }
    }

    /// What has changed for the core since the last look; the first look always tells.
    pub(crate) fn look(&mut self, product: &Product) -> Option<FilesRead> {
        let found = Fingerprint::of(&self.paths);
        if self.seen.as_ref() == Some(&found) {
            return None;
        }
        // What is edited while it is read is found by the next look.
        self.seen = Some(match &self.names {
            Some(names) => {
                self.paths = names();
                Fingerprint::of(&self.paths)
            }
            None => found,
        });
        let read = (self.read)(product);
        if self.told.as_ref() == Some(&read) {
            return None;
        }
        self.told = Some(read.clone());
        Some(read)
    }

    /// Tells everything again: the core has forgotten.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
        self.told = None;
    }
}

impl fmt::Debug for WatchedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedFiles")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

impl Fingerprint {
    /// Of files as they are now, and of the files directly in folders.
    pub fn of(paths: &[PathBuf]) -> Self {
        let mut found = BTreeMap::new();
        for path in paths {
            found.insert(path.clone(), stamp(path));
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                found.insert(entry.path(), stamp(&entry.path()));
            }
        }
        Self(found)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let written = (metadata.mtime(), metadata.mtime_nsec());
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Some((written, changed, metadata.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_may_be_read_again_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "a").unwrap();
        let paths = [folder.path().to_owned()];
        let before = Fingerprint::of(&paths);
        assert_eq!(before, Fingerprint::of(&paths));
        // The clock of a file system may stand for some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_ne!(before, Fingerprint::of(&paths));
    }
}
