//! Files for tests, with as little as possible written down.

use std::path::{Path, PathBuf};
use std::{env, fs};

use policy::{File, Sources};

/// A project of one demo customer, in which tests replace what they are about.
pub(crate) fn sources() -> Sources {
    Sources {
        project: file("tranche.yaml", "product: securewatch\n"),
        customers: file(
            "customers.yaml",
            "customers:\n  acme: { tier: demo, services: { backend: { id: srv-1, url: https://acme.example } } }\n",
        ),
        policies: vec![file("policies/demo.yaml", "policy: demo\n")],
        unread: Vec::new(),
        calendars: Vec::new(),
    }
}

pub(crate) fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

pub(crate) fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a text with a stored one; `UPDATE=1 cargo test -p policy` stores it anew.
pub(crate) fn compare(path: &Path, actual: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let name = path.display();
    assert!(
        expected == actual,
        "{name} differs; see it with `UPDATE=1 cargo test -p policy` and git diff\n{actual}"
    );
}
