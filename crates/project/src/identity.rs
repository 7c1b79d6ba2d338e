//! Who is in front of this command line?

use std::fs;

use engine::{StateDir, identity};
use policy::Project;
use rollout::Actor;
use secrecy::SecretString;

use crate::exit::Failure;
use crate::project::variable;
use crate::state;

/// Holds a token that proves a person; with `_FILE` at its end, names a file that does.
const TOKEN: &str = "TRANCHE_TOKEN";

/// Proves who asks: by the token of the environment, otherwise by the operating-system account.
pub(crate) fn prove(place: &StateDir, project: &Project) -> Result<Actor, Failure> {
    identity::prove(place, token()?.as_ref(), project).map_err(state::failure)
}

fn token() -> Result<Option<SecretString>, Failure> {
    if let Some(token) = variable(TOKEN) {
        return Ok(Some(token.into()));
    }
    let Some(path) = variable(&format!("{TOKEN}_FILE")) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).map_err(|source| {
        Failure::usage(format!("failed to read {TOKEN}_FILE ({path})")).caused_by(source)
    })?;
    Ok(Some(text.trim().into()))
}
