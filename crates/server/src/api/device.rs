//! How does a command line ask to be let in, and what has come of it? The rest happens in a browser, at `/device`.

use axum::extract::State;
use axum::http::{Extensions, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use policy::PersonId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Nothing, Query};
use super::schema;
use crate::app::App;
use crate::limits;
use crate::peer::Peer;
use crate::problem::Problem;
use crate::sign_in::{Come, GOOD_FOR};
use crate::who::Presented;

/// A command line asks again after so many seconds.
const ASK_EVERY: u32 = 3;

/// The routes, below `/api/v1`.
pub(super) fn routes(app: &App) -> OpenApiRouter<App> {
    let begin = OpenApiRouter::new()
        .routes(routes!(begin))
        .layer(from_fn_with_state(app.tries().clone(), limits::count));
    OpenApiRouter::new().routes(routes!(look, end)).merge(begin)
}

/// A command line that wants to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CommandLine)]
struct Wanted {
    /// What its machine is called.
    host: String,
    /// For votes too, for a few minutes.
    #[serde(default)]
    votes: bool,
}

/// What it shows and keeps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandLineCode)]
struct Begun {
    /// To be typed by hand at `page`.
    code: String,
    /// Where.
    page: String,
    /// By which it asks what has come of it.
    secret: String,
    /// For so many seconds.
    expires_in: i64,
    /// It asks again after so many seconds.
    interval: u32,
}

/// By what it asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CommandLineAsks)]
struct Asked {
    /// The secret of the code.
    #[schema(value_type = String)]
    secret: SecretString,
}

/// What it was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommandLineToken)]
struct Given {
    /// Whom it stands for.
    #[schema(value_type = String)]
    person: PersonId,
    /// The secret. It is shown this once.
    token: String,
}

/// A command line asks to be let in, and shows the code that is typed by hand at `/device`.
#[utoipa::path(
    post, path = "/device", tag = "people", request_body = Wanted,
    responses((status = 200, description = "the code", body = Begun))
)]
async fn begin(
    State(app): State<App>,
    extensions: Extensions,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<Wanted>,
) -> Result<axum::Json<Begun>, Problem> {
    let peer = Peer::of(&extensions);
    let begun = app
        .devices()
        .begin(&wanted.host, peer, wanted.votes, app.now())?;
    Ok(axum::Json(Begun {
        code: begun.code,
        page: format!("{}/device", app.settings().url),
        secret: begun.secret.expose_secret().to_owned(),
        expires_in: GOOD_FOR.num_seconds(),
        interval: ASK_EVERY,
    }))
}

/// What has come of it: whoever was let in is told so once.
#[utoipa::path(
    post, path = "/device/token", tag = "people", request_body = Asked,
    responses(
        (status = 200, description = "it was let in", body = Given),
        (status = 202, description = "nobody has said anything yet"),
        (status = 410, description = "its time is over, or it was told before", body = schema::Problem, content_type = "application/problem+json"),
    )
)]
async fn look(
    State(app): State<App>,
    extensions: Extensions,
    Query(Nothing {}): Query<Nothing>,
    Json(asked): Json<Asked>,
) -> Result<Response, Problem> {
    match app.devices().look(&asked.secret, app.now()) {
        Come::Nothing => Ok(StatusCode::ACCEPTED.into_response()),
        Come::Given(token, person) => {
            let token = token.expose_secret().to_owned();
            Ok(axum::Json(Given { person, token }).into_response())
        }
        Come::Refused => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_permitted",
            "somebody has said no",
            None,
        )),
        Come::Over => {
            app.tries().note(Peer::of(&extensions))?;
            Err(Problem::new(
                StatusCode::GONE,
                "refused",
                "nobody has let this in in time, or it was told before",
                "tranche login, once more".to_owned(),
            ))
        }
    }
}

/// Ends what was given, by itself: `tranche logout`.
#[utoipa::path(
    delete, path = "/device/token", tag = "people",
    responses((status = 204, description = "it is over"))
)]
async fn end(
    State(app): State<App>,
    presented: Presented,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let ended = app.store().end_grant(&presented.0);
    ended.map_err(Problem::store)?;
    Ok(StatusCode::NO_CONTENT)
}
