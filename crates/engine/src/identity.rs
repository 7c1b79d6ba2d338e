//! Who asks? A token in `TRANCHE_TOKEN` proves a person or a service; without one, the operating system's account does.
//!
//! A fresh project that names no people works without any of this: everybody is who the system says, and may do everything.
//! What a person may do is decided in the core; here it is only proved who it is.

mod account;
mod tokens;

use policy::settings::{Person, Project, called_now};
use rollout::Actor;
use rollout::request::{Proof, Scope};
use secrecy::SecretString;

pub use self::account::account_name;
pub use self::tokens::{NewToken, Proved, TokenInfo, TokenOwner, TokenTerms, Tokens};
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
    let Some(Proved {
        owner,
        proof,
        scopes,
    }) = Tokens::open(state)?.proved_by(token)?
    else {
        return Err(Error::NotPermitted {
            message: "the token in `TRANCHE_TOKEN` is unknown, was revoked or has expired"
                .to_owned(),
            way_out: "ask an admin for `tranche token create PERSON`".to_owned(),
        });
    };
    let proof = Proof {
        account: Some(account),
        ..proof
    };
    let actor = owner_now(owner, project)?;
    Ok(actor.proved_by(proof).scoped(scopes))
}

/// Who the owner of a token is by now.
fn owner_now(owner: TokenOwner, project: &Project) -> Result<Actor, Error> {
    let person = match owner {
        TokenOwner::Service(_) => return Ok(Actor::service(owner.name())),
        TokenOwner::Person(person) => person,
    };
    if project.people.is_empty() {
        return Ok(Actor::person(person.as_str()));
    }
    match called_now(&project.people, &person) {
        Some(name) => Ok(Actor::person(name.as_str())),
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

/// The person with the identity at a provider with which somebody signed in.
///
/// # Errors
/// [`Error::NotPermitted`] if nobody has it, or more than one.
pub fn of_sign_in(project: &Project, proof: &Proof) -> Result<Actor, Error> {
    let identity = proof.id.as_str();
    let people = project.people.iter();
    let mut people = people.filter(|(_, person)| person.oidc.as_deref() == Some(identity));
    match (people.next(), people.next()) {
        (Some((person, _)), None) => Ok(Actor::person(person.as_str()).proved_by(proof.clone())),
        (None, _) => Err(Error::NotPermitted {
            message: format!("nobody in this project has the identity `{identity}`"),
            way_out: format!(
                "write `oidc: \"{identity}\"` to the person under `people` in tranche.yaml"
            ),
        }),
        (Some((one, _)), Some((other, _))) => Err(Error::NotPermitted {
            message: format!("the identity `{identity}` is `{one}` as well as `{other}`"),
            way_out: "write it to one of them under `people` in tranche.yaml".to_owned(),
        }),
    }
}

/// Whether this person may see, make and revoke tokens.
///
/// # Errors
/// [`Error::NotPermitted`] if not.
pub fn check_admin(project: &Project, actor: &Actor) -> Result<(), Error> {
    let is_admin = project.people.is_empty() || project.roles.admin.contains(&actor.name);
    if !is_admin || actor.service {
        return Err(Error::NotPermitted {
            message: format!("`{}` does not hold the role admin", actor.name),
            way_out: "ask somebody who does: see `roles` in tranche.yaml".to_owned(),
        });
    }
    if actor.may(Scope::Admin) {
        return Ok(());
    }
    Err(Error::NotPermitted {
        message: format!(
            "the token of `{}` was not made with the scope `admin`",
            actor.name
        ),
        way_out: "a token made with --scope admin".to_owned(),
    })
}

/// Whether a token for that may be handed out by whoever asks: not for what their own was not made for.
///
/// # Errors
/// [`Error::NotPermitted`] if not.
pub fn check_terms(actor: &Actor, owner: &TokenOwner, terms: &TokenTerms) -> Result<(), Error> {
    let wanted = terms.scopes_of(owner);
    let Some(lacking) = wanted.into_iter().find(|scope| !actor.may(*scope)) else {
        return Ok(());
    };
    Err(Error::NotPermitted {
        message: format!(
            "the token of `{}` was not made with the scope `{lacking}`, so it makes none with it",
            actor.name
        ),
        way_out: "write the scopes that it has with --scope, or ask by an account".to_owned(),
    })
}
