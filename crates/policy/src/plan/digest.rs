//! The digest of a plan: what approvals are bound to (R6).

use std::io;

use sha2::{Digest as _, Sha256};

use super::Plan;

/// SHA-256 in hex over the plan's JSON with an empty `digest`.
///
/// There is one JSON text for a plan: maps are sorted, fields stand in the order of their declaration, spans and instants
/// have one form. How keys were ordered in the files makes no difference, and secrets are only names in it.
pub(super) fn digest(plan: &Plan) -> String {
    let mut hasher = Hasher(Sha256::new());
    let undigested = Undigested(plan);
    serde_json::to_writer(
        io::BufWriter::with_capacity(1 << 16, &mut hasher),
        &undigested,
    )
    .expect("a plan has string keys only, and a hasher accepts every byte");
    hex(&hasher.0.finalize())
}

/// SHA-256 in hex over the JSON of a value whose maps are sorted.
pub fn fingerprint(value: &impl serde::Serialize) -> String {
    let mut hasher = Hasher(Sha256::new());
    serde_json::to_writer(io::BufWriter::new(&mut hasher), value)
        .expect("it has string keys only, and a hasher accepts every byte");
    hex(&hasher.0.finalize())
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All of a plan but its digest.
struct Undigested<'p>(&'p Plan);

impl serde::Serialize for Undigested<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Taken apart by name, so that a new field cannot be forgotten.
        let Plan {
            digest: _,
            product,
            release,
            phases,
            customers,
            left_out,
            freezes,
            project,
        } = self.0;
        // Who holds each role is in the digest; which roles the file names was not written down by every release, and the
        // same files have the same digest for all of them.
        let mut project = project.clone();
        project.roles.written.clear();
        (
            product, release, phases, customers, left_out, freezes, project,
        )
            .serialize(serializer)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}
