//! Sealed backups (P27, P47, P48).

use std::fs;

use engine::vault::KeyBackup;
use engine::{BackupContent, BackupContext, Error, Vault};
use policy::{CustomerId, Role, ServiceId};
use rollout::RunId;
use rollout::command::Sealed;
use secrecy::{ExposeSecret as _, SecretString};

use crate::lab::Lab;

const OLD: &str = "postgres://old-secret";
const NEW: &str = "postgres://new-secret";

fn context() -> BackupContext {
    BackupContext {
        run: RunId::Rollout(1),
        customer: CustomerId::from("acme"),
        role: Role::from("backend"),
        service: ServiceId::from("srv-acme"),
    }
}

fn content() -> BackupContent {
    let secret = |text: &str| SecretString::from(text);
    BackupContent {
        keys: [
            (
                "DATABASE_URL".to_owned(),
                KeyBackup {
                    old: Some(secret(OLD)),
                    new: secret(NEW),
                },
            ),
            (
                "VERSION_TAG".to_owned(),
                KeyBackup {
                    old: None,
                    new: secret("v1.1.0"),
                },
            ),
        ]
        .into(),
        others: [("TZ".to_owned(), secret("UTC"))].into(),
    }
}

fn unseal(vault: &Vault, sealed: &Sealed) -> Result<BackupContent, Error> {
    vault.unseal(
        &CustomerId::from("acme"),
        &ServiceId::from("srv-acme"),
        sealed,
    )
}

#[test]
fn a_backup_opens_as_it_was_sealed_also_by_a_later_process() {
    let lab = Lab::new();
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&context(), &content())
        .unwrap();
    let opened = unseal(&Vault::open(&lab.state).unwrap(), &sealed).unwrap();
    let database = &opened.keys["DATABASE_URL"];
    assert_eq!(database.old.as_ref().unwrap().expose_secret(), OLD);
    assert_eq!(database.new.expose_secret(), NEW);
    assert!(opened.keys["VERSION_TAG"].old.is_none());
    assert_eq!(opened.others["TZ"].expose_secret(), "UTC");
}

#[test]
fn no_value_can_be_read_from_a_sealed_backup_or_a_debug_text() {
    let lab = Lab::new();
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&context(), &content())
        .unwrap();
    let text = String::from_utf8_lossy(&sealed.0).into_owned() + &format!("{:?}", content());
    assert!(!text.contains("secret"));
    assert!(text.contains("srv-acme"), "whose it is may be read");
}

#[test]
fn every_altered_byte_is_found() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    let sealed = vault.seal(&context(), &content()).unwrap();
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
    let sealed = vault.seal(&context(), &content()).unwrap();
    assert!(
        vault
            .unseal(
                &CustomerId::from("beta"),
                &ServiceId::from("srv-acme"),
                &sealed
            )
            .is_err()
    );
    assert!(
        vault
            .unseal(
                &CustomerId::from("acme"),
                &ServiceId::from("srv-beta"),
                &sealed
            )
            .is_err()
    );
}

#[test]
fn another_key_opens_nothing() {
    let (lab, other) = (Lab::new(), Lab::new());
    let sealed = Vault::open(&lab.state)
        .unwrap()
        .seal(&context(), &content())
        .unwrap();
    assert!(unseal(&Vault::open(&other.state).unwrap(), &sealed).is_err());
}

#[test]
fn equal_content_is_never_sealed_alike() {
    let lab = Lab::new();
    let vault = Vault::open(&lab.state).unwrap();
    assert_ne!(
        vault.seal(&context(), &content()).unwrap(),
        vault.seal(&context(), &content()).unwrap()
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
        Err(Error::Damaged { .. })
    ));
}
