//! With which token does this process prove who asks?

use std::fs;

use secrecy::SecretString;

use crate::environment::variable;
use crate::error::Error;

/// Holds a token that proves a person; with `_FILE` at its end, names a file that does.
const TOKEN: &str = "TRANCHE_TOKEN";

/// The token of the environment; without one, the account of the operating system tells who asks.
pub(crate) fn token() -> Result<Option<SecretString>, Error> {
    if let Some(token) = variable(TOKEN) {
        return Ok(Some(token.into()));
    }
    let Some(path) = variable(&format!("{TOKEN}_FILE")) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).map_err(|source| Error::Variable {
        name: format!("{TOKEN}_FILE ({path})"),
        source: Box::new(source),
    })?;
    Ok(Some(text.trim().into()))
}
