//! `token`: what proves who somebody is where the account of this machine does not.

use policy::PersonId;
use project::{Session, TokenInfo, TokenOwner};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::args::{Global, TokenCommand};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;

/// Makes, lists or revokes tokens.
pub(crate) async fn token(
    global: &Global,
    command: TokenCommand,
    out: Output,
) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    match command {
        TokenCommand::Create { person, service } => {
            create(&session, &owner(person, service)?, out).await?;
        }
        TokenCommand::List => {
            let tokens = session.tokens().await?;
            let none = "no token was made yet; try: tranche token create PERSON";
            out.list(&tokens, tokens.is_empty(), none, || list(&tokens))?;
        }
        TokenCommand::Revoke { id } => revoke(&session, &id, out).await?,
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
async fn create(session: &Session, owner: &TokenOwner, out: Output) -> Result<(), Failure> {
    let people = &session.config.project.people;
    if let TokenOwner::Person(person) = owner
        && !people.is_empty()
        && !people.contains_key(person)
    {
        return Err(Failure::usage(format!("nobody is called `{person}`"))
            .or_type("a name under `people` in tranche.yaml"));
    }
    let token = session.create_token(owner).await?;
    let made = Made {
        id: token.id(),
        token: token.secret.expose_secret(),
    };
    out.data(&made, || made.token.to_owned())?;
    out.say("it is shown this once; set it as TRANCHE_TOKEN, or name a file that holds it with TRANCHE_TOKEN_FILE");
    Ok(())
}

async fn revoke(session: &Session, id: &str, out: Output) -> Result<(), Failure> {
    match session.revoke_tokens(id).await? {
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
