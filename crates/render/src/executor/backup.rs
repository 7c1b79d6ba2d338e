//! What a backup of variables says (P27): the sealed bytes, once they are opened.

use std::collections::BTreeMap;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::sources::{BackupError, Plain};

/// All variables of one service, by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct BackupContent {
    /// The planned ones.
    pub(super) keys: BTreeMap<String, KeyBackup>,
    /// All others; they are not written, but a full restoration needs them.
    #[serde(serialize_with = "expose_map")]
    pub(super) others: BTreeMap<String, SecretString>,
}

/// One planned variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyBackup {
    /// Its value before; `None`: it did not exist.
    #[serde(serialize_with = "expose_option")]
    pub(super) old: Option<SecretString>,
    /// The value to be written.
    #[serde(serialize_with = "expose")]
    pub(super) new: SecretString,
}

impl BackupContent {
    /// The bytes to be sealed.
    pub(super) fn plain(&self) -> Plain {
        Zeroizing::new(serde_json::to_vec(self).expect("texts serialise"))
    }

    /// Reads opened bytes. What is wrong with them is not said: it could hold a value.
    pub(super) fn read(plain: &[u8]) -> Result<Self, BackupError> {
        serde_json::from_slice(plain).map_err(|_| "it holds no backup of variables".into())
    }
}

impl KeyBackup {
    /// Whether writing it changes anything.
    pub(super) fn differs(&self) -> bool {
        !is(self.old.as_ref(), &self.new)
    }
}

/// Whether a variable has this value.
pub(super) fn is(found: Option<&SecretString>, value: &SecretString) -> bool {
    found.is_some_and(|found| found.expose_secret() == value.expose_secret())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// As releases so far have sealed it; later ones must read it.
    const STORED: &str = r#"{"keys":{"A":{"old":"secret-1","new":"secret-2"},"B":{"old":null,"new":"secret-3"}},"others":{"TZ":"secret-4"}}"#;

    #[test]
    fn a_backup_is_read_and_written_as_it_always_was() {
        let content = BackupContent::read(STORED.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&content.plain()), STORED);
        assert!(content.keys["B"].old.is_none());
        assert!(!format!("{content:?}").contains("secret-"));
    }

    #[test]
    fn what_is_no_backup_is_refused_without_a_word_of_it() {
        let error = BackupContent::read(b"{\"keys\": \"secret-1\"}").unwrap_err();
        assert_eq!(error.to_string(), "it holds no backup of variables");
    }
}
