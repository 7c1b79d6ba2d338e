//! Which process watches? One at a time: two would count everything twice.

use std::fs::{File, TryLockError};

use engine::Error;
use engine::state_dir::{self, StateDir};

/// The right to watch a project's services. Dropping it gives it back.
#[derive(Debug)]
pub struct MonitorLock {
    _file: File,
}

impl MonitorLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`Error::Watched`] if another process has it.
    pub fn acquire(state: &StateDir) -> Result<Self, Error> {
        state.prepare()?;
        let path = state.monitor_lock();
        let file = state_dir::open_private(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Watched),
            Err(TryLockError::Error(error)) => Err(Error::file("locked", &path)(error)),
        }
    }
}
