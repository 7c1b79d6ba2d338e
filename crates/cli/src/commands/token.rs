//! `token`: what proves who somebody is where the account of this machine does not.

use engine::identity::{self, NewToken, TokenInfo, TokenOwner, Tokens};
use policy::PersonId;
use rollout::Verb;
use rollout::request::TokenChange;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::ask::Desk;
use crate::args::{Global, TokenCommand};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::table::table;
use crate::state;

/// Makes, lists or revokes tokens.
pub(crate) async fn token(
    global: &Global,
    command: TokenCommand,
    out: Output,
) -> Result<Exit, Failure> {
    let desk = Desk::open(global, out)?;
    let tokens = Tokens::open(desk.state()).map_err(state::failure)?;
    match command {
        TokenCommand::Create { person, service } => {
            create(&desk, &tokens, &owner(person, service)?, out).await?;
        }
        TokenCommand::List => {
            identity::check_admin(&desk.config.project, desk.asker.actor())
                .map_err(state::failure)?;
            let tokens = tokens.list().map_err(state::failure)?;
            let none = "no token was made yet; try: tranche token create PERSON";
            out.list(&tokens, tokens.is_empty(), none, || list(&tokens))?;
        }
        TokenCommand::Revoke { id } => revoke(&desk, &tokens, &id, out).await?,
    }
    Ok(Exit::Done)
}

/// A new token, for programs.
#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    token: &'a str,
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

/// Prints only the token, so that it can be stored at once; nobody can see it again. The journal knows of it first (P49).
async fn create(
    desk: &Desk,
    tokens: &Tokens,
    owner: &TokenOwner,
    out: Output,
) -> Result<(), Failure> {
    let people = &desk.config.project.people;
    if let TokenOwner::Person(person) = owner
        && !people.is_empty()
        && !people.contains_key(person)
    {
        return Err(Failure::usage(format!("nobody is called `{person}`"))
            .or_type("a name under `people` in tranche.yaml"));
    }
    tokens.check_room().map_err(state::failure)?;
    let token = NewToken::draw().map_err(state::failure)?;
    note(desk, TokenChange::Create, token.id(), owner).await?;
    tokens
        .keep(&token, owner, desk.asker.actor())
        .map_err(state::failure)?;
    let made = Made {
        id: token.id(),
        token: token.secret.expose_secret(),
    };
    out.data(&made, || made.token.to_owned())?;
    out.say("it is shown this once; set it as TRANCHE_TOKEN, or name a file that holds it with TRANCHE_TOKEN_FILE");
    Ok(())
}

/// Files who makes or revokes what; the core says whether they may.
async fn note(
    desk: &Desk,
    change: TokenChange,
    id: &str,
    owner: &TokenOwner,
) -> Result<(), Failure> {
    let verb = Verb::Token {
        change,
        id: id.to_owned(),
        owner: owner.name(),
    };
    desk.ask(None, verb).await.map(|_| ())
}

async fn revoke(desk: &Desk, tokens: &Tokens, id: &str, out: Output) -> Result<(), Failure> {
    for token in tokens.list().map_err(state::failure)? {
        let is_meant = token.id == id || token.owner.short_name() == id;
        if is_meant && token.revoked_at.is_none() {
            note(desk, TokenChange::Revoke, &token.id, &token.owner).await?;
        }
    }
    let by = &desk.asker.actor().name;
    match tokens.revoke(id, by).map_err(state::failure)? {
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
        let revoked = token.revoked_at.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            token.id.clone(),
            token.owner.name().to_string(),
            token.created_at.clone(),
            token.created_by.to_string(),
            revoked,
        ]
    });
    table(&["ID", "PROVES", "MADE", "BY", "REVOKED"], rows)
}
