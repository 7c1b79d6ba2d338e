//! Where backups of variables are sealed and kept: in the engine's vault, beside its database.

use engine::{Attachments, BackupContext, Error, StateDir, Vault, vault};
use policy::ServiceId;
use render::executor::{BackupContent, BackupError, Backups, KeyBackup, Owned};
use rollout::AttachmentId;
use rollout::command::Sealed;
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
    fn seal(&self, owner: &Owned, content: &BackupContent) -> Result<Sealed, BackupError> {
        let whose = BackupContext {
            run: owner.run,
            customer: owner.customer.clone(),
            role: owner.role.clone(),
            service: owner.service.clone(),
        };
        Ok(self.vault.seal(&whose, &stored(content))?)
    }

    fn open(&self, owner: &Owned, id: &AttachmentId) -> Result<BackupContent, BackupError> {
        let sealed = Attachments::open(&self.state)?.get(id)?;
        Ok(loaded(self.vault.unseal(
            &owner.customer,
            &owner.service,
            &sealed,
        )?))
    }

    fn digest(&self, service: &ServiceId, key: &str, value: &SecretString) -> String {
        self.vault.digest(service, key, value)
    }
}

fn stored(content: &BackupContent) -> vault::BackupContent {
    let keys = content.keys.iter().map(|(name, key)| {
        (
            name.clone(),
            vault::KeyBackup {
                old: key.old.clone(),
                new: key.new.clone(),
            },
        )
    });
    vault::BackupContent {
        keys: keys.collect(),
        others: content.others.clone(),
    }
}

fn loaded(content: vault::BackupContent) -> BackupContent {
    let keys = content.keys.into_iter();
    let keys = keys.map(|(name, key)| {
        (
            name,
            KeyBackup {
                old: key.old,
                new: key.new,
            },
        )
    });
    BackupContent {
        keys: keys.collect(),
        others: content.others,
    }
}
