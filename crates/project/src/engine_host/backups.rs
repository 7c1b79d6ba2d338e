//! Where backups of variables are sealed and kept: in the engine's vault, beside its database.

use engine::{Attachments, Error, StateDir, Vault};
use policy::ServiceId;
use render::executor::{BackupError, Backups, Plain};
use rollout::AttachmentId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::SecretString;

/// The vault and the attachments of a project.
pub(super) struct ProjectBackups {
    vault: Vault,
    state: StateDir,
}

impl ProjectBackups {
    /// Opens the vault; its key is made at first use.
    pub(super) fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self {
            vault: Vault::open(state)?,
            state: state.clone(),
        })
    }
}

impl Backups for ProjectBackups {
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
