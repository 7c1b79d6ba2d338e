//! What the executor asks of its surroundings: no secrets, and backups of variables in the engine's vault.

use engine::{Attachments, Error, StateDir, Vault};
use policy::{CustomerId, ServiceId};
use render::executor::{BackupError, Backups, Plain, Sources};
use rollout::AttachmentId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::SecretString;

/// Keeps backups beside the database.
pub(crate) struct Keeper {
    vault: Vault,
    state: StateDir,
}

impl Keeper {
    /// Opens the vault; its key is made at first use.
    pub(crate) fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            vault: Vault::open(state)?,
            state: state.clone(),
        })
    }
}

impl Sources for Keeper {
    fn secret(&self, _: &CustomerId, _: &str) -> Option<SecretString> {
        None
    }

    fn secrets(&self, _: &CustomerId) -> Vec<SecretString> {
        Vec::new()
    }

    fn version(&self, _: &str) -> Option<String> {
        None
    }
}

impl Backups for Keeper {
    fn seal(&self, owner: &BackupOwner, plain: &[u8]) -> Result<Sealed, BackupError> {
        Ok(self.vault.seal(owner, plain)?)
    }

    fn open(&self, owner: &BackupOwner, id: &AttachmentId) -> Result<Plain, BackupError> {
        let sealed = Attachments::open(&self.state)?.get(id)?;
        Ok(self.vault.unseal(owner, &sealed)?)
    }

    fn digest(&self, service: &ServiceId, key: &str, value: &SecretString) -> String {
        self.vault.digest(service, key, value)
    }
}
