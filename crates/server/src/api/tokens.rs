//! What proves somebody to the API, and who may hand it out? Only admins see tokens of the project; its secret is shown once.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use policy::{PersonId, Span};
use project::{TokenOwner, TokenTerms};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Nothing, Path, Query};
use super::reply::Asked;
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// The routes of tokens, below `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// A token that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Whom it proves: a person.
    #[schema(value_type = Option<String>)]
    person: Option<PersonId>,
    /// A service instead.
    service: Option<String>,
    /// For what; without it, what a token of that owner is for unless somebody says otherwise.
    #[schema(value_type = Option<Vec<schema::Scope>>)]
    scopes: Option<BTreeSet<Scope>>,
    /// Until when it is good, from now, such as `30d`; without it, until it is revoked.
    #[schema(value_type = Option<String>, example = "30d")]
    expires: Option<Span>,
}

/// A new token.
#[derive(Debug, Serialize, ToSchema)]
struct Made {
    /// Names it to `revoke`.
    id: String,
    /// The secret. It is shown this once.
    token: String,
    /// For what.
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: BTreeSet<Scope>,
    /// Until when.
    #[schema(value_type = Option<schema::Instant>)]
    expires_at: Option<String>,
}

/// What was revoked.
#[derive(Debug, Serialize, ToSchema)]
struct Revoked {
    /// How many tokens.
    revoked: usize,
}

/// All tokens, as `tranche token list -o json` shows them.
#[utoipa::path(
    get, path = "/tokens", tag = "people",
    responses((status = 200, description = "the tokens, without what is secret", body = Vec<schema::Token>))
)]
async fn list(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Admin)?;
    asked.json(&who.requester(&app).tokens(&who.project).await?)
}

/// Makes a token. Its secret is shown this once.
#[utoipa::path(
    post, path = "/tokens", tag = "people", request_body = Wanted,
    responses((status = 201, description = "the token", body = Made))
)]
async fn create(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, axum::Json<Made>), Problem> {
    who.require(Scope::Admin)?;
    let owner = owner(wanted.person, wanted.service)?;
    let expires_at = wanted.expires.map(|span| {
        let length = TimeDelta::try_milliseconds(span.as_millis());
        let at = length.and_then(|length| app.now().checked_add_signed(length));
        at.ok_or_else(|| {
            Problem::usage("a token cannot expire so late", "`expires: 30d`".to_owned())
        })
    });
    let terms = TokenTerms {
        scopes: wanted.scopes,
        expires_at: expires_at.transpose()?,
    };
    let requester = who.requester(&app);
    let token = requester.create_token(&owner, terms, &who.project).await?;
    let made = Made {
        id: token.id().to_owned(),
        token: token.secret.expose_secret().to_owned(),
        scopes: token.terms.scopes_of(&owner),
        expires_at: token.terms.expires_at.map(rollout::show_instant),
    };
    Ok((StatusCode::CREATED, axum::Json(made)))
}

/// Makes a token worthless: it proves nobody from then on.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "people",
    params(("id" = String, Path, description = "which; or a person or service, for all of theirs")),
    responses((status = 200, description = "how many", body = Revoked))
)]
async fn revoke(
    who: Who,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<axum::Json<Revoked>, Problem> {
    who.require(Scope::Admin)?;
    match who.requester(&app).revoke_tokens(&id).await? {
        0 => Err(Problem::not_found(
            format!("no valid token is called `{id}`"),
            "GET /api/v1/tokens lists them".to_owned(),
        )),
        revoked => Ok(axum::Json(Revoked { revoked })),
    }
}

fn owner(person: Option<PersonId>, service: Option<String>) -> Result<TokenOwner, Problem> {
    match (person, service) {
        (Some(person), None) => Ok(TokenOwner::Person(person)),
        (None, Some(service)) => Ok(TokenOwner::Service(service)),
        (Some(_), Some(_)) | (None, None) => Err(Problem::usage(
            "a token proves one person or one service",
            "`person: NAME` or `service: NAME`".to_owned(),
        )),
    }
}
