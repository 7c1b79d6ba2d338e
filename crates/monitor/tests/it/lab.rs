//! What the tests need: a folder, and patience.

use std::time::{Duration, Instant};

use engine::StateDir;
use tempfile::TempDir;

/// No wait in these tests is expected to come near it.
const LIMIT: Duration = Duration::from_secs(30);

/// A project folder that goes away with the test.
pub(crate) struct Lab {
    _folder: TempDir,
    pub(crate) state: StateDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let state = StateDir::of_project(folder.path());
        Self {
            _folder: folder,
            state,
        }
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::yield_now();
    }
}
