//! Sealed backups (P27, P47, P48).

use std::fs;

use engine::{Error, Vault};
use policy::{CustomerId, Role, ServiceId};
use rollout::RolloutId;
use rollout::command::{BackupOwner, Sealed};
use secrecy::SecretString;

use crate::lab::Lab;

const OLD: &str = "postgres://old-secret";
const NEW: &str = "postgres://new-secret";

fn owner() -> BackupOwner {
    BackupOwner {
        rollout: RolloutId::Rollout(1),
        customer: CustomerId::from("acme"),
        role: Role::from("backend"),
        service: ServiceId::from("srv-acme"),
    }
}

/// What a backup of variables says, or anything else.
fn content() -> Vec<u8> {
    format!("DATABASE_URL: from {OLD} to {NEW}").into_bytes()
}

fn unseal(vault: &Vault, sealed: &Sealed) -> Result<Vec<u8>, Error> {
    vault.unseal(&owner(), sealed).map(|plain| plain.to_vec())
}

#[test]
fn a_backup_opens_as_it_was_sealed_also_by_a_later_process() {
    let lab = Lab::new();
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&owner(), &content())
        .unwrap();
    let later = Vault::open(&lab.state).unwrap();
    assert_eq!(unseal(&later, &sealed).unwrap(), content());
    let of_another_rollout = BackupOwner {
        rollout: RolloutId::Rollout(2),
        ..owner()
    };
    assert!(later.unseal(&of_another_rollout, &sealed).is_ok());
}

#[test]
fn no_value_can_be_read_from_a_sealed_backup() {
    let lab = Lab::new();
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&owner(), &content())
        .unwrap();
    let text = String::from_utf8_lossy(&sealed.0).into_owned();
    assert!(!text.contains("secret"));
    assert!(text.contains("srv-acme"), "whose it is may be read");
}

#[test]
fn every_altered_byte_is_found() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    let sealed = vault.seal(&owner(), &content()).unwrap();
    for place in 0..sealed.0.len() {
        let mut altered = sealed.clone();
        altered.0[place] ^= 1;
        assert!(
            matches!(unseal(&vault, &altered), Err(Error::Sealed { .. })),
            "byte {place}"
        );
    }
    for length in 0..sealed.0.len() {
        assert!(
            unseal(&vault, &Sealed(sealed.0[..length].to_vec())).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn a_backup_opens_for_its_own_service_only() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    let sealed = vault.seal(&owner(), &content()).unwrap();
    let beta = BackupOwner {
        customer: CustomerId::from("beta"),
        ..owner()
    };
    let another = BackupOwner {
        service: ServiceId::from("srv-beta"),
        ..owner()
    };
    assert!(vault.unseal(&beta, &sealed).is_err());
    assert!(vault.unseal(&another, &sealed).is_err());
}

#[test]
fn another_key_opens_nothing() {
    let (lab, other) = (Lab::new(), Lab::new());
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&owner(), &content())
        .unwrap();
    assert!(unseal(&Vault::open(&other.state).unwrap(), &sealed).is_err());
}

#[test]
fn equal_content_is_never_sealed_alike() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    assert_ne!(
        vault.seal(&owner(), &content()).unwrap(),
        vault.seal(&owner(), &content()).unwrap()
    );
}

#[test]
fn digests_tell_values_apart_and_nothing_else() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    let digest = |service: &str, name: &str, value: &str| {
        vault.digest(&ServiceId::from(service), name, &SecretString::from(value))
    };
    assert_eq!(digest("s", "A", "1"), digest("s", "A", "1"));
    assert_ne!(digest("s", "A", "1"), digest("s", "A", "2"));
    assert_ne!(
        digest("s", "A", "1"),
        digest("s", "A1", ""),
        "where a name ends matters"
    );
    assert_ne!(
        digest("s", "A", "1"),
        digest("t", "A", "1"),
        "equal values of two services cannot be told"
    );
}

#[test]
fn a_key_that_is_cut_off_is_refused() {
    let lab = Lab::new();
    Vault::open(&lab.state).unwrap();
    fs::write(lab.state.key(), [1; 31]).unwrap();
    assert!(matches!(
        Vault::open(&lab.state),
        Err(Error::Spoiled { .. })
    ));
}
