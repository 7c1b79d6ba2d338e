//! Is the server up, and is it any use?

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// What a look at the server says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, or what is wrong.
    status: &'static str,
    /// Whether somebody drives the rollouts.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_driven: Option<bool>,
}

/// The process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "engine",
    responses((status = 200, description = "it does", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        is_driven: None,
    })
}

/// The state can be read, and somebody drives the rollouts.
#[utoipa::path(
    get, path = "/readyz", tag = "engine",
    responses(
        (status = 200, description = "so it is", body = Health),
        (status = 503, description = "what is missing", body = Health)
    )
)]
pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let read = app.backend().head().await;
    let absent = |error: &project::Error| error.kind() == project::ErrorKind::Absent;
    let is_readable = read.as_ref().map_or_else(absent, |_| true);
    let is_driven = app.backend().is_driven().await.unwrap_or(false);
    let (status, word) = match (is_readable, is_driven) {
        (true, true) => (StatusCode::OK, "ok"),
        (true, false) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "nobody drives the rollouts",
        ),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "the state cannot be read"),
    };
    (
        status,
        Json(Health {
            status: word,
            is_driven: Some(is_driven),
        }),
    )
}
