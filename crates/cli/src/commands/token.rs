//! `token`: what proves who somebody is where the account of this machine does not.

use engine::identity::{self, TokenInfo, TokenOwner, Tokens};
use policy::{Config, PersonId};
use rollout::Actor;
use secrecy::ExposeSecret as _;

use crate::args::{Global, TokenCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::table::table;
use crate::{state, who};

/// Makes, lists or revokes tokens.
pub(crate) fn token(global: &Global, command: TokenCommand, out: Output) -> Result<Exit, Failure> {
    let config = Folder::find(global)?.load(out)?;
    let place = state::place(global)?;
    let actor = who::prove(&place, &config.project)?;
    identity::check_admin(&config.project, &actor).map_err(state::failure)?;
    let tokens = Tokens::open(&place).map_err(state::failure)?;
    match command {
        TokenCommand::Create { person, service } => {
            create(&tokens, &config, &owner(person, service)?, &actor, out)?;
        }
        TokenCommand::List => {
            let tokens = tokens.list().map_err(state::failure)?;
            out.data(&tokens, || list(&tokens))?;
        }
        TokenCommand::Revoke { id } => revoke(&tokens, &id, &actor, out)?,
    }
    Ok(Exit::Done)
}

fn owner(person: Option<String>, service: Option<String>) -> Result<TokenOwner, Failure> {
    match (person, service) {
        (Some(person), _) => Ok(TokenOwner::Person(PersonId::new(person))),
        (None, Some(service)) => Ok(TokenOwner::Service(service)),
        (None, None) => {
            Err(Failure::usage("nobody is named").or_type("tranche token create PERSON"))
        }
    }
}

/// Prints only the token, so that it can be stored at once; nobody can see it again.
fn create(
    tokens: &Tokens,
    config: &Config,
    owner: &TokenOwner,
    actor: &Actor,
    out: Output,
) -> Result<(), Failure> {
    if let TokenOwner::Person(person) = owner
        && !config.project.people.is_empty()
        && !config.project.people.contains_key(person)
    {
        return Err(Failure::usage(format!("nobody is called `{person}`"))
            .or_type("a name under `people` in tranche.yaml"));
    }
    let token = tokens.create(owner, &actor.name).map_err(state::failure)?;
    out.text(token.expose_secret())?;
    out.say("it is shown this once; set it as TRANCHE_TOKEN, or name a file that holds it with TRANCHE_TOKEN_FILE");
    Ok(())
}

fn revoke(tokens: &Tokens, id: &str, actor: &Actor, out: Output) -> Result<(), Failure> {
    match tokens.revoke(id, &actor.name).map_err(state::failure)? {
        0 => Err(
            Failure::new(Exit::Refused, format!("no valid token is called `{id}`"))
                .or_type("tranche token list"),
        ),
        1 => out.text(format_args!(
            "revoked {id}; whoever uses it is refused from now on"
        )),
        many => out.text(format_args!(
            "revoked {many} tokens of {id}; whoever uses them is refused from now on"
        )),
    }
}

fn list(tokens: &[TokenInfo]) -> String {
    let rows = tokens.iter().map(|token| {
        let owner = match &token.owner {
            TokenOwner::Person(person) => person.to_string(),
            TokenOwner::Service(name) => format!("service:{name}"),
        };
        let revoked = token.revoked_at.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            token.id.clone(),
            owner,
            token.created_at.clone(),
            token.created_by.to_string(),
            revoked,
        ]
    });
    table(&["ID", "PROVES", "MADE", "BY", "REVOKED"], rows)
}
