//! Does anybody drive the rollouts, and what keeps them from it?

use axum::extract::State;
use axum::response::Response;
use rollout::LimitWaits;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Nothing, Query};
use super::reply::Asked;
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(engine))
}

/// Whoever drives the rollouts.
#[derive(Debug, Serialize, ToSchema)]
struct Engine {
    /// Whether somebody does.
    is_driven: bool,
    /// For which of Render's limits the rollouts wait, as far as whoever drives them has told.
    #[schema(value_type = Vec<schema::LimitWait>)]
    waits: LimitWaits,
    /// Why everything open is held, or would be by an engine that went on with this state.
    objection: Option<String>,
}

/// Whether somebody drives the rollouts, and what keeps them from it.
#[utoipa::path(
    get, path = "/engine", tag = "engine",
    responses((status = 200, description = "how it is", body = Engine))
)]
async fn engine(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let backend = app.backend();
    asked.json(&Engine {
        is_driven: backend.is_driven().await?,
        waits: backend.waits().await?,
        objection: backend.objection().await?,
    })
}
