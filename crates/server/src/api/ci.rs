//! How does a job of a CI system get in? It shows its system's token, and is given one of the server's for a while.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
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
use crate::problem::Problem;
use crate::sign_in::Desk;
use crate::who::Scope;

/// The routes, below `/api/v1`.
pub(super) fn routes(app: &App) -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(exchange))
        .layer(from_fn_with_state(app.tries().clone(), limits::count))
}

/// A job that wants in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CiJob)]
struct Shown {
    /// What its system has signed for it.
    #[schema(value_type = String)]
    token: SecretString,
    /// As which service of `server.ci`, if more than one takes it.
    service: Option<String>,
}

/// What it was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CiToken)]
struct Given {
    /// The secret. It is shown this once.
    token: String,
    /// What it is here.
    #[schema(value_type = String)]
    service: PersonId,
    /// For what.
    #[schema(value_type = Vec<schema::Scope>)]
    scopes: BTreeSet<Scope>,
    /// Until when.
    #[schema(value_type = schema::Instant)]
    expires_at: String,
}

/// Takes the token that a CI system has signed for a job, and gives the job one of this server.
#[utoipa::path(
    post, path = "/ci/exchange", tag = "people", request_body = Shown,
    responses((status = 201, description = "what the job was given", body = Given))
)]
async fn exchange(
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(shown): Json<Shown>,
) -> Result<(StatusCode, axum::Json<Given>), Problem> {
    let server = app.server();
    let desk = Desk {
        server: &server,
        web: app.web(),
        store: app.store(),
        now: app.now(),
    };
    let given = app
        .ci()
        .exchange(desk, &shown.token, shown.service.as_deref())
        .await?;
    let given = Given {
        token: given.secret.expose_secret().to_owned(),
        service: given.service,
        scopes: given.scopes,
        expires_at: rollout::show_instant(given.ends_at),
    };
    Ok((StatusCode::CREATED, axum::Json(given)))
}
