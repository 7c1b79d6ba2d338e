//! Which link that signs in once is still good?

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::store::hashed;

/// The link that is still good, by the hash of its secret.
#[derive(Debug, Default)]
pub(crate) struct OnceLink {
    hash: Mutex<Option<String>>,
}

impl OnceLink {
    /// Draws a new secret; the one before is void.
    pub(crate) fn draw(&self) -> Result<String, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        let mut secret = String::new();
        for byte in bytes {
            // Writing to a text does not fail.
            let _ = write!(secret, "{byte:02x}");
        }
        *self.lock() = Some(hashed(secret.as_bytes()));
        Ok(secret)
    }

    pub(super) fn is(&self, hash: &str) -> bool {
        self.lock().as_deref() == Some(hash)
    }

    /// Uses it up; says whether it was the one.
    pub(super) fn take(&self, hash: &str) -> bool {
        let mut kept = self.lock();
        let is_it = kept.as_deref() == Some(hash);
        if is_it {
            *kept = None;
        }
        is_it
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
