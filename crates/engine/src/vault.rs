//! Sealed backups of variables (P27, P48): what was there before, and what we are about to write.
//!
//! Values are encrypted before they reach the database, its log or a temporary file, under a key that lies beside it.
//! The names of rollout, customer and service are bound to them, so that no backup opens as another's.

mod key;

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use policy::{CustomerId, Role, ServiceId};
use rollout::RunId;
use rollout::command::Sealed;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use sha2::Sha256;

use self::key::Key;
use crate::error::Error;
use crate::hex::hex;
use crate::place::StateDir;

/// The layout of what follows; also the first byte.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals and opens backups.
#[derive(Clone, Debug)]
pub struct Vault {
    sealing: Key,
    digesting: Key,
}

/// Whose backup it is. Stands readable beside the sealed values, and cannot be altered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupContext {
    /// For which rollout or operation it was made.
    pub run: RunId,
    /// Whose.
    pub customer: CustomerId,
    /// The role of the service.
    pub role: Role,
    /// Render's id of the service.
    pub service: ServiceId,
}

/// All variables of one service, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BackupContent {
    /// The planned ones.
    pub keys: BTreeMap<String, KeyBackup>,
    /// All others; we do not write them, but a full restoration needs them.
    #[serde(serialize_with = "expose_map")]
    pub others: BTreeMap<String, SecretString>,
}

/// One planned variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyBackup {
    /// Its value before; `None`: it did not exist.
    #[serde(serialize_with = "expose_option")]
    pub old: Option<SecretString>,
    /// The value we are about to write.
    #[serde(serialize_with = "expose")]
    pub new: SecretString,
}

impl Vault {
    /// Opens the vault beside a project's database. Its key is made at first use.
    ///
    /// # Errors
    /// The key cannot be read or made, or is damaged.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        let master = Key::of_file(state)?;
        Ok(Self {
            sealing: master.derive("tranche backup seal 1"),
            digesting: master.derive("tranche variable digest 1"),
        })
    }

    /// Seals a backup.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, context: &BackupContext, backup: &BackupContent) -> Result<Sealed, Error> {
        let header = serde_json::to_vec(context).expect("contexts serialise");
        let plain = Zeroizing::new(serde_json::to_vec(backup).expect("backups serialise"));
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(Error::Random)?;
        let head = frame(&header);
        let sealed = self.cipher().encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: &plain,
                aad: &head,
            },
        );
        let sealed = sealed.expect("a backup is far below the cipher's limit of 256 GiB");
        Ok(Sealed([head.as_slice(), &nonce, &sealed].concat()))
    }

    /// Opens a backup of this customer's service.
    ///
    /// # Errors
    /// [`Error::Sealed`] if it is another's, was altered, or was sealed under another key.
    pub fn unseal(
        &self,
        customer: &CustomerId,
        service: &ServiceId,
        sealed: &Sealed,
    ) -> Result<BackupContent, Error> {
        let parts = Parts::of(&sealed.0).ok_or(Error::Sealed {
            what: "it is cut off or of an unknown format",
        })?;
        let context: BackupContext =
            serde_json::from_slice(parts.header).map_err(|_| Error::Sealed {
                what: "it does not say whose it is",
            })?;
        if (&context.customer, &context.service) != (customer, service) {
            return Err(Error::Sealed {
                what: "it belongs to another service",
            });
        }
        let plain = self.cipher().decrypt(
            XNonce::from_slice(parts.nonce),
            Payload {
                msg: parts.sealed,
                aad: parts.head,
            },
        );
        let plain = Zeroizing::new(plain.map_err(|_| Error::Sealed {
            what: "it was altered, or sealed under another key",
        })?);
        serde_json::from_slice(&plain).map_err(|_| Error::Sealed {
            what: "it holds no backup",
        })
    }

    /// A digest of a variable's value that says nothing without the key: equal values of one variable of one service have
    /// equal digests.
    pub fn digest(&self, service: &ServiceId, name: &str, value: &SecretString) -> String {
        let parts = [
            service.as_str().as_bytes(),
            name.as_bytes(),
            value.expose_secret().as_bytes(),
        ];
        hex(&self.digesting.authenticate(&parts))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.sealing.bytes().into())
    }
}

/// Sealed bytes: format, length of the header, header; nonce; encrypted content.
struct Parts<'a> {
    head: &'a [u8],
    header: &'a [u8],
    nonce: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (prefix, rest) = bytes.split_at_checked(3)?;
        let [FORMAT, high, low] = *prefix else {
            return None;
        };
        let (header, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        Some(Self {
            head: &bytes[..3 + header.len()],
            header,
            nonce,
            sealed,
        })
    }
}

fn frame(header: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).expect("names are far below 64 KiB");
    let [high, low] = length.to_be_bytes();
    [&[FORMAT, high, low], header].concat()
}

/// HMAC-SHA-256 over parts, each with its length, so that no two lists of parts are the same message.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn expose<S: Serializer>(value: &SecretString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value.expose_secret())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn expose_option<S: Serializer>(value: &Option<SecretString>, to: S) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(SecretString::expose_secret)
        .serialize(to)
}

fn expose_map<S: Serializer>(
    values: &BTreeMap<String, SecretString>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(
        values
            .iter()
            .map(|(name, value)| (name, value.expose_secret())),
    )
}
