//! `token`: what proves who somebody is where the account of this machine does not.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use policy::{PersonId, Span};
use project::{Session, TokenInfo, TokenOwner, TokenTerms};
use rollout::request::Scope;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::args::{Global, TokenCommand};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;
use crate::show::time;

/// Makes, lists or revokes tokens.
pub(crate) async fn token(
    global: &Global,
    command: TokenCommand,
    out: Output,
) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    match command {
        TokenCommand::Create {
            person,
            service,
            scope,
            expires,
        } => {
            let terms = terms(scope, expires)?;
            create(&session, &owner(person, service)?, terms, out).await?;
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
    scopes: BTreeSet<Scope>,
    expires_at: Option<String>,
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

/// For what, and until when, if anything is said of that.
fn terms(scopes: Vec<Scope>, expires: Option<Span>) -> Result<TokenTerms, Failure> {
    let expires_at = expires.map(|span| {
        let length = TimeDelta::try_milliseconds(span.as_millis());
        let at = length.and_then(|length| time::now().checked_add_signed(length));
        at.ok_or_else(|| Failure::usage("a token cannot expire so late").or_type("--expires 30d"))
    });
    Ok(TokenTerms {
        scopes: (!scopes.is_empty()).then(|| scopes.into_iter().collect()),
        expires_at: expires_at.transpose()?,
    })
}

/// Prints only the token, so that it can be stored at once; nobody can see it again.
async fn create(
    session: &Session,
    owner: &TokenOwner,
    terms: TokenTerms,
    out: Output,
) -> Result<(), Failure> {
    let token = session.create_token(owner, terms).await?;
    let made = Made {
        id: token.id(),
        token: token.secret.expose_secret(),
        scopes: token.terms.scopes_of(owner),
        expires_at: token.terms.expires_at.map(rollout::show_instant),
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
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows = tokens.iter().map(|token| {
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        vec![
            token.id.clone(),
            token.owner.name().to_string(),
            scopes.join(" "),
            token.created_at.clone(),
            token.created_by.to_string(),
            or_dash(&token.used_at),
            or_dash(&token.expires_at),
            or_dash(&token.revoked_at),
        ]
    });
    let head = [
        "ID", "PROVES", "FOR", "MADE", "BY", "USED", "EXPIRES", "REVOKED",
    ];
    table(&head, rows)
}
