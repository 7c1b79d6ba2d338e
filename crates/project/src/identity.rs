//! What proves who asks: the token of this process, or what somebody has proved before?

use std::fs;

use engine::Error as EngineError;
use engine::identity::{of_account, of_sign_in};
use policy::Project;
use rollout::Actor;
use rollout::request::{Proof, ProofKind};
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

/// Who it is by now whose identity was proved before, as at a sign-in: a person who is gone from the files is nobody.
///
/// # Errors
/// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted): nobody in this project is proved by that any more.
pub fn person_proved_by(proof: &Proof, project: &Project) -> Result<Actor, Error> {
    match proof.kind {
        ProofKind::Account => Ok(of_account(project, &proof.id)?),
        ProofKind::Oidc => Ok(of_sign_in(project, proof)?),
        // It may be revoked, so it is looked up each time it is used.
        ProofKind::Token => Err(EngineError::NotPermitted {
            message: "a token proves somebody only while it is shown".to_owned(),
            way_out: "send it with each request".to_owned(),
        }
        .into()),
    }
}

/// Whether somebody may have done what no rollout is asked about: have something told again, take notice of an alert.
///
/// # Errors
/// [`ErrorKind::NotPermitted`](crate::ErrorKind::NotPermitted) without the role of operator.
pub fn check_operator(project: &Project, actor: &Actor) -> Result<(), Error> {
    let is_operator =
        project.people.is_empty() || actor.service || project.roles.operator.contains(&actor.name);
    match is_operator {
        true => Ok(()),
        false => Err(EngineError::NotPermitted {
            message: format!("`{}` does not hold the role operator", actor.name),
            way_out: "ask an admin to add you under `roles` in tranche.yaml".to_owned(),
        }
        .into()),
    }
}
