//! Which link that signs in once is still good?

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::store::{self, hashed};

/// The link that is still good, by the hash of its secret.
#[derive(Debug, Default)]
pub(crate) struct OnceLink {
    hash: Mutex<Option<String>>,
}

impl OnceLink {
    /// Draws a new secret; the one before is void.
    pub(crate) fn draw(&self) -> Result<String, Error> {
        let secret = store::draw()?;
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
