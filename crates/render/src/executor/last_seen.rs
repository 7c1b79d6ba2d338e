//! In which workspace were services last seen? A project need not name it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::OwnerId;

/// The workspace that services were last seen in; a project need not name it.
#[derive(Debug, Default)]
pub(super) struct LastSeen(Mutex<Option<OwnerId>>);

impl LastSeen {
    pub(super) fn note(&self, owner: &OwnerId) {
        *self.lock() = Some(owner.clone());
    }

    pub(super) fn get(&self) -> Option<OwnerId> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<OwnerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
