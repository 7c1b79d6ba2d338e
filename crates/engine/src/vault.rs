//! Sealed backups of variables (P27, P48): what was there before, and what we are about to write.
//!
//! What they say is the executor's; here they are bytes. They are encrypted before they reach the database, its log or a temporary file, under a key that lies beside it.
//! The names of rollout, customer and service are bound to them, so that no backup opens as another's.

mod key;

use std::path::Path;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use policy::ServiceId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use self::key::Key;
use crate::error::Error;
use crate::hex::hex;
use crate::process::state_dir::StateDir;

/// The layout of what follows; also the first byte.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals and opens backups.
#[derive(Clone, Debug)]
pub struct Vault {
    sealing: Key,
    digesting: Key,
}

impl Vault {
    /// Opens the vault beside a project's database. Its key is made at first use.
    ///
    /// # Errors
    /// The key cannot be read or made, or is damaged.
    pub fn open(state: &StateDir) -> Result<Self, Error> {
        Ok(Self::of(&Key::of_file(state)?))
    }

    /// The vault of a key that is there already, in whichever file.
    ///
    /// # Errors
    /// The file is no key, or cannot be read.
    pub(crate) fn of_key(file: &Path) -> Result<Self, Error> {
        Ok(Self::of(&Key::read(file)?))
    }

    /// Copies a key into a new file of ours.
    ///
    /// # Errors
    /// The first file is no key; the second is there already, or cannot be written.
    pub(crate) fn copy_key(from: &Path, to: &Path) -> Result<(), Error> {
        Key::read(from)?
            .write(to)
            .map_err(Error::file("written", to))
    }

    /// Whether another file holds the same key; `None`: there is none.
    ///
    /// # Errors
    /// One of them is no key, or cannot be read.
    pub(crate) fn is_same_key(one: &Path, other: &Path) -> Result<Option<bool>, Error> {
        if !other.try_exists().map_err(Error::file("read", other))? {
            return Ok(None);
        }
        let (one, other) = (Key::read(one)?, Key::read(other)?);
        Ok(Some(one.bytes() == other.bytes()))
    }

    fn of(master: &Key) -> Self {
        Self {
            sealing: master.derive("tranche backup seal 1"),
            digesting: master.derive("tranche variable digest 1"),
        }
    }

    /// Whether a backup was sealed under this key, and is as it was.
    pub(crate) fn opens(&self, sealed: &Sealed) -> bool {
        let parts = Parts::of(&sealed.0);
        let plain = parts.and_then(|parts| self.decrypted(&parts));
        plain.is_some()
    }

    /// Seals a backup. Whose it is stands readable beside the sealed bytes, and cannot be altered.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, owner: &BackupOwner, plain: &[u8]) -> Result<Sealed, Error> {
        let header = serde_json::to_vec(owner).expect("names serialise");
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(Error::Random)?;
        let head = frame(&header);
        let sealed = self.cipher().encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: plain,
                aad: &head,
            },
        );
        let sealed = sealed.expect("a backup is far below the cipher's limit of 256 GiB");
        Ok(Sealed([head.as_slice(), &nonce, &sealed].concat()))
    }

    /// Opens a backup of this customer's service, whichever rollout made it.
    ///
    /// # Errors
    /// [`Error::Sealed`] if it is another's, was altered, or was sealed under another key.
    pub fn unseal(
        &self,
        owner: &BackupOwner,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let parts = Parts::of(&sealed.0).ok_or(Error::Sealed {
            what: "it is cut off or of an unknown format",
        })?;
        let sealed_for: BackupOwner =
            serde_json::from_slice(parts.header).map_err(|_| Error::Sealed {
                what: "it does not say whose it is",
            })?;
        if (&sealed_for.customer, &sealed_for.service) != (&owner.customer, &owner.service) {
            return Err(Error::Sealed {
                what: "it belongs to another service",
            });
        }
        self.decrypted(&parts).ok_or(Error::Sealed {
            what: "it was altered, or sealed under another key",
        })
    }

    fn decrypted(&self, parts: &Parts<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let plain = self.cipher().decrypt(
            XNonce::from_slice(parts.nonce),
            Payload {
                msg: parts.sealed,
                aad: parts.head,
            },
        );
        plain.ok().map(Zeroizing::new)
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
