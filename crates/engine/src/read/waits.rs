//! What does the engine wait for that no event tells? A note beside the database, which nothing but `status` and the like read.
//!
//! It is no part of the state: nothing is decided by it, and nobody misses it. It is believed only while a process is the
//! engine, and each wait only until the instant that it names, so a note that outlives its engine says nothing.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use policy::Timestamp;
use rollout::LimitWaits;

use crate::error::Error;
use crate::process::lock::EngineLock;
use crate::process::state_dir::{self, StateDir};

/// No note of ours is longer; a longer one is somebody else's.
const LONGEST: u64 = 16 << 20;

/// The note of the process that is the engine.
#[derive(Debug)]
pub struct WaitsNote {
    path: PathBuf,
    written: LimitWaits,
}

impl WaitsNote {
    /// A new engine waits for nothing: what the one before has left is removed.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn begin(state: &StateDir) -> Result<Self, Error> {
        let path = state.waits();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("removed", &path)(error))
            }
            Ok(()) | Err(_) => Ok(Self {
                path,
                written: LimitWaits::default(),
            }),
        }
    }

    /// Says what is waited for now. Whoever reads sees the note before or this one, never half of it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, waits: LimitWaits) -> Result<(), Error> {
        if waits == self.written {
            return Ok(());
        }
        let draft = self.path.with_extension("waits.new");
        let text = serde_json::to_vec(&waits).expect("texts and instants serialise");
        let mut file = state_dir::open_private(&draft)?;
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(&text))
            .and_then(|()| fs::rename(&draft, &self.path));
        written.map_err(Error::file("written", &self.path))?;
        self.written = waits;
        Ok(())
    }
}

/// What the engine waits for at an instant, as far as it has told.
pub fn waits(state: &StateDir, at: Timestamp) -> LimitWaits {
    let told = read(state).unwrap_or_default().at(at);
    // The lock is looked at only where something depends on it.
    match told.is_empty() || !is_driven(state) {
        true => LimitWaits::default(),
        false => told,
    }
}

fn read(state: &StateDir) -> Option<LimitWaits> {
    let path = state.waits();
    let metadata = fs::metadata(&path).ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return None;
    }
    serde_json::from_slice(&fs::read(&path).ok()?).ok()
}

fn is_driven(state: &StateDir) -> bool {
    let holder = EngineLock::holder(state).ok().flatten();
    holder.is_some_and(|holder| holder.is_engine)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
mod tests {
    use rollout::{Limit, LimitWait, RolloutId};

    use super::*;
    use crate::process::lock::LockFor;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn wait() -> LimitWaits {
        let wait = LimitWait {
            run: RolloutId::Rollout(1),
            customer: "acme".into(),
            limit: Limit::Service.of(10),
            since: at(0),
            until: at(60),
        };
        LimitWaits::from_iter([wait])
    }

    #[test]
    fn a_wait_is_told_while_there_is_an_engine_and_until_its_instant() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::of_project(folder.path());
        let lock = EngineLock::acquire(&state, LockFor::Engine).unwrap();
        let mut note = WaitsNote::begin(&state).unwrap();
        assert!(waits(&state, at(0)).is_empty());
        note.write(wait()).unwrap();
        assert_eq!(waits(&state, at(59)), wait());
        assert!(waits(&state, at(60)).is_empty(), "its instant has come");
        drop(lock);
        assert!(waits(&state, at(0)).is_empty(), "the engine has gone");
        let request = EngineLock::acquire(&state, LockFor::Request).unwrap();
        assert!(waits(&state, at(0)).is_empty(), "a request is no engine");
        drop(request);
        let _lock = EngineLock::acquire(&state, LockFor::Engine).unwrap();
        WaitsNote::begin(&state).unwrap();
        assert!(waits(&state, at(0)).is_empty(), "another engine has begun");
    }

    #[test]
    fn a_wait_that_is_over_is_told_no_more_and_a_note_that_nobody_can_read_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::of_project(folder.path());
        let _lock = EngineLock::acquire(&state, LockFor::Engine).unwrap();
        let mut note = WaitsNote::begin(&state).unwrap();
        note.write(wait()).unwrap();
        note.write(LimitWaits::default()).unwrap();
        assert!(waits(&state, at(0)).is_empty());
        fs::write(state.waits(), "[{").unwrap();
        assert!(waits(&state, at(0)).is_empty());
    }
}
