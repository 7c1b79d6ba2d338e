//! What no command carries and the executor asks for: secrets, addresses, versions, the key, and sealed backups.

use std::env;
use std::error::Error;

use chrono::Utc;
use policy::{CustomerId, ServiceId, Timestamp};
use rollout::AttachmentId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

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
    fn seal(&self, owner: &BackupOwner, plain: &[u8]) -> Result<Sealed, BackupError>;

    /// Opens the backup that an event names.
    ///
    /// # Errors
    /// When it is missing, altered, or another's.
    fn open(&self, owner: &BackupOwner, id: &AttachmentId) -> Result<Plain, BackupError>;

    /// A keyed digest of a variable's value.
    fn digest(&self, service: &ServiceId, key: &str, value: &SecretString) -> String;
}

/// An opened backup; wiped when it is dropped.
pub type Plain = Zeroizing<Vec<u8>>;

/// Why a backup cannot be sealed or opened; holds no value of it.
pub type BackupError = Box<dyn Error + Send + Sync>;
