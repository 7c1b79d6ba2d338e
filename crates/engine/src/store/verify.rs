//! `tranche verify`: everything that is stored, checked against itself (P36, P37). Reads, and changes nothing.

use super::connection;
use super::copy_guard::Marked;
use super::journal::Head;
use super::journal_check::{Check, Verification};
use crate::error::Error;
use crate::process::state_dir::StateDir;

/// Reads the whole journal and compares: the chain, the fold and the rows, the pages, and an anchor kept elsewhere.
///
/// # Errors
/// The database cannot be read at all; whatever else is wrong is a [`Problem`](super::Problem).
pub fn verify(state: &StateDir, anchor: Option<&Head>) -> Result<Verification, Error> {
    let connection = connection::open_for_reading(state).map_err(super::in_file(state))?;
    let marked = Marked::read(&connection, state)?;
    let snapshot = connection.unchecked_transaction()?;
    let mut check = Check::new(anchor);
    check.pages(&snapshot);
    check.journal(&snapshot);
    if check.is_clean() {
        check.mark(&snapshot, &marked);
        check.rows(&snapshot);
    }
    Ok(check.finish())
}
