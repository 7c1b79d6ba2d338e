//! What the executor asks of its surroundings: no secrets, and backups of variables in the engine's vault.

use engine::{Attachments, BackupContext, Error, StateDir, Vault, vault};
use policy::{CustomerId, ServiceId};
use render::executor::{BackupContent, BackupError, Backups, KeyBackup, Owned, Sources};
use rollout::AttachmentId;
use rollout::command::Sealed;
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
    fn seal(&self, owner: &Owned, content: &BackupContent) -> Result<Sealed, BackupError> {
        let whose = BackupContext {
            run: owner.run,
            customer: owner.customer.clone(),
            role: owner.role.clone(),
            service: owner.service.clone(),
        };
        let keys = content.keys.iter().map(|(name, KeyBackup { old, new })| {
            let (old, new) = (old.clone(), new.clone());
            (name.clone(), vault::KeyBackup { old, new })
        });
        let content = vault::BackupContent {
            keys: keys.collect(),
            others: content.others.clone(),
        };
        Ok(self.vault.seal(&whose, &content)?)
    }

    fn open(&self, owner: &Owned, id: &AttachmentId) -> Result<BackupContent, BackupError> {
        let sealed = Attachments::open(&self.state)?.get(id)?;
        let content = self
            .vault
            .unseal(&owner.customer, &owner.service, &sealed)?;
        let keys = content.keys.into_iter();
        let keys = keys.map(|(name, vault::KeyBackup { old, new })| (name, KeyBackup { old, new }));
        Ok(BackupContent {
            keys: keys.collect(),
            others: content.others,
        })
    }

    fn digest(&self, service: &ServiceId, key: &str, value: &SecretString) -> String {
        self.vault.digest(service, key, value)
    }
}
