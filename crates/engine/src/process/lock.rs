//! Which process is the engine? The one that holds the operating system's lock on `engine.lock` (P40).
//!
//! The lock vanishes with its process, however that ends. The file stays; its text only names the holder.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::limits::{LOCK_OF_ENGINE, LOCK_OF_REQUEST};
use crate::process::state_dir::{self, StateDir};

const RETRY_EVERY: Duration = Duration::from_millis(10);
const TEXT_LIMIT: u64 = 64;

/// The right to append to the journal. Dropping it gives it back.
#[derive(Debug)]
pub struct EngineLock {
    _file: File,
}

/// What the lock is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockFor {
    /// To drive rollouts until the process ends.
    Engine,
    /// To file requests, for an instant.
    Request,
}

impl LockFor {
    /// As it stands in the file.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Request => "request",
        }
    }
}

/// The process that holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, as far as it is known.
    pub pid: Option<u32>,
    /// Whether it drives rollouts.
    pub is_engine: bool,
}

impl EngineLock {
    /// Takes the lock. A holder that only files a request is waited for, for a moment; an engine is not.
    ///
    /// # Errors
    /// [`Error::Held`] names the process that has it.
    pub fn acquire(state: &StateDir, wanted: LockFor) -> Result<Self, Error> {
        let begun = Instant::now();
        loop {
            if let Some(lock) = Self::try_acquire(state, wanted)? {
                return Ok(lock);
            }
            let holder = read_holder(state)?;
            let patience = if holder.is_engine {
                LOCK_OF_ENGINE
            } else {
                LOCK_OF_REQUEST
            };
            if begun.elapsed() >= patience {
                return Err(Error::Held {
                    path: state.lock(),
                    pid: holder.pid,
                });
            }
            thread::sleep(RETRY_EVERY);
        }
    }

    /// Takes the lock if it is free at this moment.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn try_acquire(state: &StateDir, wanted: LockFor) -> Result<Option<Self>, Error> {
        state.prepare()?;
        let path = state.lock();
        let mut file = state_dir::open_private(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(Error::file("locked", &path)(error)),
        }
        sign(&mut file, wanted).map_err(Error::file("written", &path))?;
        Ok(Some(Self { _file: file }))
    }

    /// Who holds the lock now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn holder(state: &StateDir) -> Result<Option<Holder>, Error> {
        let path = state.lock();
        if !path.exists() {
            return Ok(None);
        }
        let file = state_dir::open_private(&path)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => read_holder(state).map(Some),
            Err(TryLockError::Error(error)) => Err(Error::file("locked", &path)(error)),
        }
    }
}

fn sign(file: &mut File, wanted: LockFor) -> std::io::Result<()> {
    let word = wanted.as_str();
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{word} {}", std::process::id())
}

fn read_holder(state: &StateDir) -> Result<Holder, Error> {
    let path = state.lock();
    let mut text = String::new();
    let file = state_dir::open_private(&path)?;
    file.take(TEXT_LIMIT)
        .read_to_string(&mut text)
        .map_err(Error::file("read", &path))?;
    let mut words = text.split_whitespace();
    let is_engine = words.next() == Some(LockFor::Engine.as_str());
    Ok(Holder {
        is_engine,
        pid: words.next().and_then(|pid| pid.parse().ok()),
    })
}
