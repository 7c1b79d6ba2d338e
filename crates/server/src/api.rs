//! What can programs read and ask for? JSON below `/api/v1`, and how the server is.

mod health;
mod whoami;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::problem::Problem;

/// The routes for programs.
pub(crate) fn routes() -> Router<App> {
    let resources = Router::new()
        .route("/whoami", get(whoami::whoami))
        .fallback(nothing_here);
    Router::new()
        .nest("/api/v1", resources)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this address",
        "/api/v1/openapi.json lists what there is".to_owned(),
    )
}
