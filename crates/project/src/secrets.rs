//! Do all secrets of a plan resolve? Their values are looked at here and never kept.

use std::collections::BTreeSet;
use std::path::Path;

use machine::files::{Roots, read_own};
use policy::settings::SecretSource;
use policy::template::{Piece, Placeholder, pieces};
use policy::{Plan, PlannedCustomer};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::environment::variable;
use crate::error::Error;

/// So many missing secrets are named.
const NAMED: usize = 10;

/// Refuses a plan for which a secret is missing; the customer's turn may be weeks away.
pub fn check(roots: &Roots, plan: &Plan) -> Result<(), Error> {
    let mut missing = Vec::new();
    for (id, planned) in &plan.customers {
        for name in needed(plan, planned) {
            match planned.customer.secrets.get(name) {
                Some(source) if is_there(roots, source) => {}
                Some(source) => missing.push(format!("{id}: {name}, from {}", place(source))),
                None => missing.push(format!("{id}: {name}, which customers.yaml does not name")),
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let more = missing.len().saturating_sub(NAMED);
    missing.truncate(NAMED);
    if more > 0 {
        missing.push(format!("and {more} more"));
    }
    Err(Error::Secrets(missing))
}

/// The secret that is kept there: in a variable, in the file that `NAME_FILE` names, or in a file of the project.
///
/// # Errors
/// [`Error::Secrets`]: it is missing.
pub fn read(roots: &Roots, source: &SecretSource) -> Result<SecretString, Error> {
    let found = match source {
        SecretSource::Env(name) => variable(name).or_else(|| {
            let path = variable(&format!("{name}_FILE"))?;
            read_own(Path::new(&path)).ok()
        }),
        SecretSource::File(path) => roots.read_text(Path::new(path)).ok(),
    };
    let found = found.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
    match found.filter(|text| !text.is_empty()) {
        Some(text) => Ok(SecretString::from(text)),
        None => Err(Error::Secrets(vec![place(source)])),
    }
}

/// The names of the secrets that a customer's variables are made of.
fn needed<'p>(plan: &'p Plan, planned: &PlannedCustomer) -> BTreeSet<&'p str> {
    let roles = planned
        .services
        .iter()
        .filter_map(|role| plan.project.variables.get(role));
    let templates = roles.flat_map(|variables| variables.values());
    let pieces = templates.flat_map(|template| pieces(template));
    pieces
        .filter_map(|piece| match piece {
            Ok(Piece::Placeholder(Placeholder::Secret(name))) => Some(name),
            Ok(Piece::Placeholder(_) | Piece::Text(_)) | Err(_) => None,
        })
        .collect()
}

fn is_there(roots: &Roots, source: &SecretSource) -> bool {
    match source {
        SecretSource::Env(name) => variable(name).is_some(),
        SecretSource::File(path) => {
            let read = roots.read(Path::new(path)).map(Zeroizing::new);
            read.is_ok_and(|secret| !secret.is_empty())
        }
    }
}

fn place(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the environment variable {name}"),
        SecretSource::File(path) => format!("the file {path}"),
    }
}
