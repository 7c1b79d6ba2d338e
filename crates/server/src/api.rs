//! What can programs read and ask for? JSON below `/api/v1`, and how the server is.

mod actions;
mod ci;
mod device;
mod docs;
mod engine;
mod extract;
mod fleet;
mod health;
mod idempotency;
mod journal;
mod numbers;
mod open_api;
mod plans;
mod reply;
mod rollouts;
mod schema;
pub(crate) mod sessions;
mod stream;
mod tokens;
mod told;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use project::Backend;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Problem;

/// The routes for programs.
pub(crate) fn routes(app: &App) -> Router<App> {
    let resources = OpenApiRouter::new()
        .merge(rollouts::routes())
        .merge(fleet::routes())
        .merge(journal::routes())
        .merge(stream::routes())
        .merge(numbers::routes())
        .merge(told::routes())
        .merge(engine::routes())
        .merge(plans::routes())
        .merge(actions::routes(app))
        .merge(tokens::routes())
        .merge(sessions::routes())
        .merge(device::routes(app))
        .merge(ci::routes(app))
        .routes(routes!(whoami::whoami));
    let all = OpenApiRouter::with_openapi(open_api::above())
        .nest("/api/v1", resources)
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz));
    let (routes, description) = all.split_for_parts();
    let described = Described::new(&open_api::complete(description));
    routes
        .merge(described.routes())
        .route(
            "/api/v1/{*nothing}",
            get(nothing_here).fallback(nothing_here),
        )
        .method_not_allowed_fallback(not_so)
}

/// The description of the API, for programs and for people.
struct Described {
    json: Arc<str>,
    page: Arc<str>,
}

impl Described {
    /// Made once; what was described at compile time always serialises.
    fn new(description: &utoipa::openapi::OpenApi) -> Self {
        let described = serde_json::to_value(description).unwrap_or_default();
        Self {
            page: docs::page(&described).unwrap_or_default().into(),
            json: described.to_string().into(),
        }
    }

    fn routes(self) -> Router<App> {
        let Self { json, page } = self;
        let json = async move || reply::json_of(json.to_string());
        let page = async move || Html(page.to_string());
        let style = async || ([(CONTENT_TYPE, "text/css; charset=utf-8")], docs::STYLE);
        Router::new()
            .route("/api/v1/openapi.json", get(json))
            .route("/api/v1/docs", get(page))
            .route("/api/v1/docs.css", get(style))
    }
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this address",
        "/api/v1/openapi.json lists what there is".to_owned(),
    )
}

async fn not_so() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "usage",
        "that cannot be done at this address",
        "/api/v1/openapi.json says with which method".to_owned(),
    )
}

/// Reads what takes as long as the journal is, on a thread that nobody else needs.
async fn apart<T, F>(
    app: &App,
    read: impl FnOnce(Arc<dyn Backend>) -> F + Send + 'static,
) -> Result<T, project::Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, project::Error>>,
{
    // It is never closed.
    let _room = app.heavy().acquire().await;
    let backend = Arc::clone(app.backend());
    let handle = tokio::runtime::Handle::current();
    let read = tokio::task::spawn_blocking(move || handle.block_on(read(backend)));
    match read.await {
        Ok(read) => read,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
