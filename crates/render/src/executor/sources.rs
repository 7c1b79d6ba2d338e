//! What no command carries and the executor asks for: secrets, addresses, versions, the key, and sealed backups.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;

use chrono::Utc;
use policy::{CustomerId, Role, ServiceId, Timestamp};
use rollout::command::Sealed;
use rollout::{AttachmentId, RunId};
use secrecy::{ExposeSecret, SecretString};

use crate::error::Result;
use crate::settings::key_from_env;

/// Answers what no command carries. `secret`, `secrets`, `environment` and `api_key` may block; the others must not.
pub trait Sources: Send + Sync {
    /// The value of a customer's secret, as it is now; `None`: it does not resolve.
    fn secret(&self, customer: &CustomerId, name: &str) -> Option<SecretString>;

    /// All of a customer's secrets that resolve: nothing that a hook prints may show one.
    fn secrets(&self, customer: &CustomerId) -> Vec<SecretString>;

    /// The version that a commit is known by.
    fn version(&self, commit: &str) -> Option<String>;

    /// A variable of the engine's own environment.
    fn environment(&self, name: &str) -> Option<SecretString> {
        env::var(name).ok().map(SecretString::from)
    }

    /// Addresses of customers who are not on the release of this one: while one of them answers, it is not our own network
    /// that fails (R20).
    fn controls(&self, _customer: &CustomerId) -> Vec<String> {
        Vec::new()
    }

    /// The API key, read anew after the old one was refused (P46).
    ///
    /// # Errors
    /// When there is none.
    fn api_key(&self) -> Result<SecretString> {
        key_from_env()
    }

    /// Engine time, by which commands say until when.
    fn now(&self) -> Timestamp {
        Utc::now()
    }
}

/// Seals and opens backups of variables, and digests values. All of it may block.
pub trait Backups: Send + Sync {
    /// Seals a backup for its owner.
    ///
    /// # Errors
    /// When it cannot be sealed.
    fn seal(&self, owner: &Owned, content: &BackupContent) -> Result<Sealed, BackupError>;

    /// Opens the backup that an event names.
    ///
    /// # Errors
    /// When it is missing, altered, or another's.
    fn open(&self, owner: &Owned, id: &AttachmentId) -> Result<BackupContent, BackupError>;

    /// A keyed digest of a variable's value.
    fn digest(&self, service: &ServiceId, key: &str, value: &SecretString) -> String;
}

/// Why a backup cannot be sealed or opened; holds no value of it.
pub type BackupError = Box<dyn Error + Send + Sync>;

/// Whose backup it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// For which rollout or operation.
    pub run: RunId,
    /// Whose.
    pub customer: CustomerId,
    /// The role of the service.
    pub role: Role,
    /// Render's id of the service.
    pub service: ServiceId,
}

/// All variables of one service, by name.
#[derive(Clone, Debug, Default)]
pub struct BackupContent {
    /// The planned ones.
    pub keys: BTreeMap<String, KeyBackup>,
    /// All others, which are not written.
    pub others: BTreeMap<String, SecretString>,
}

/// One planned variable.
#[derive(Clone, Debug)]
pub struct KeyBackup {
    /// Its value before; `None`: it did not exist.
    pub old: Option<SecretString>,
    /// The value to be written.
    pub new: SecretString,
}

impl KeyBackup {
    /// Whether writing it changes anything.
    pub fn differs(&self) -> bool {
        !is(self.old.as_ref(), &self.new)
    }
}

/// Whether a variable has this value.
pub(super) fn is(found: Option<&SecretString>, value: &SecretString) -> bool {
    found.is_some_and(|found| found.expose_secret() == value.expose_secret())
}
