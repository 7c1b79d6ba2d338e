//! Who asks? A token in `TRANCHE_TOKEN` proves a person or a service; without one, the operating system's account does.
//!
//! A fresh project that names no people works without any of this: everybody is who the system says, and may do everything.
//! What a person may do is decided in the core; here it is only proved who it is.

mod account;
mod tokens;

use policy::settings::{Person, Project, called_now};
use rollout::Actor;
use rollout::request::Proof;
use secrecy::SecretString;

pub use self::account::account_name;
pub use self::tokens::{NewToken, TokenInfo, TokenOwner, Tokens};
use crate::error::Error;
use crate::process::state_dir::StateDir;

/// Proves who asks: by the token if there is one, otherwise by the account of this process.
///
/// # Errors
/// [`Error::NotPermitted`]: the token is unknown or revoked, or nobody in this project has that account.
pub fn prove(
    state: &StateDir,
    token: Option<&SecretString>,
    project: &Project,
) -> Result<Actor, Error> {
    let account = account_name();
    let Some(token) = token else {
        return of_account(project, &account);
    };
    let Some((owner, proof)) = Tokens::open(state)?.proved_by(token)? else {
        return Err(Error::NotPermitted {
            message: "the token in `TRANCHE_TOKEN` is unknown or revoked".to_owned(),
            way_out: "ask an admin for `tranche token create PERSON`".to_owned(),
        });
    };
    let proof = Proof {
        account: Some(account),
        ..proof
    };
    let person = match owner {
        TokenOwner::Service(_) => {
            return Ok(Actor {
                name: owner.name(),
                service: true,
                proof: Some(proof),
            });
        }
        TokenOwner::Person(person) => person,
    };
    if project.people.is_empty() {
        return Ok(Actor::person(person.as_str()).proved_by(proof));
    }
    match called_now(&project.people, &person) {
        Some(name) => Ok(Actor::person(name.as_str()).proved_by(proof)),
        None => Err(Error::NotPermitted {
            message: format!(
                "`{person}`, to whom the token in `TRANCHE_TOKEN` belongs, is not in this project any more"
            ),
            way_out: format!(
                "add them under `people` in tranche.yaml, or write `formerly: {person}` to their new name"
            ),
        }),
    }
}

/// The person with this account.
///
/// # Errors
/// [`Error::NotPermitted`] if nobody has it, or more than one.
pub fn of_account(project: &Project, account: &str) -> Result<Actor, Error> {
    if project.people.is_empty() {
        return Ok(Actor::person(account).proved_by(Proof::account(account)));
    }
    let has_account = |person: &Person| person.os.as_deref() == Some(account);
    let mut people = project
        .people
        .iter()
        .filter(|(_, person)| has_account(person))
        .map(|(name, _)| name);
    match (people.next(), people.next()) {
        (Some(person), None) => {
            Ok(Actor::person(person.as_str()).proved_by(Proof::account(account)))
        }
        (None, _) => Err(Error::NotPermitted {
            message: format!("nobody in this project has the account `{account}`"),
            way_out: format!(
                "write `os: {account}` to yourself under `people` in tranche.yaml, or set TRANCHE_TOKEN"
            ),
        }),
        (Some(one), Some(other)) => Err(Error::NotPermitted {
            message: format!("the account `{account}` is `{one}` as well as `{other}`"),
            way_out: "set TRANCHE_TOKEN to say which".to_owned(),
        }),
    }
}

/// Whether this person may make and revoke tokens.
///
/// # Errors
/// [`Error::NotPermitted`] if not.
pub fn check_admin(project: &Project, actor: &Actor) -> Result<(), Error> {
    let is_admin = project.people.is_empty() || project.roles.admin.contains(&actor.name);
    if is_admin && !actor.service {
        return Ok(());
    }
    Err(Error::NotPermitted {
        message: format!("`{}` does not hold the role admin", actor.name),
        way_out: "ask somebody who does: see `roles` in tranche.yaml".to_owned(),
    })
}
