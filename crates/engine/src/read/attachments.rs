//! What sealed bytes does an event name? For executors, which run beside the engine's thread.

use std::sync::{Arc, Mutex, PoisonError};

use rollout::AttachmentId;
use rollout::command::Sealed;

use crate::error::Error;
use crate::process::state_dir::StateDir;
use crate::store::Reader;

/// Reads committed attachments over a connection of its own. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Attachments {
    reader: Arc<Mutex<Reader>>,
}

impl Attachments {
    /// Opens the database of an engine that has started, or is about to.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            reader: Arc::new(Mutex::new(Reader::open(state)?)),
        })
    }

    /// The bytes. A command that names them leaves only after they were committed, so they are there.
    ///
    /// # Errors
    /// The database cannot be read, or holds no such attachment.
    pub fn get(&self, id: &AttachmentId) -> Result<Sealed, Error> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.attachment(id)?.ok_or_else(|| Error::Damaged {
            what: format!("attachment `{id}` is missing"),
        })
    }
}
