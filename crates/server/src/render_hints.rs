//! What does Render say by itself? Its messages are hints to look at a deploy at once, and never a verdict (P52).

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use project::hints::Receiver;

use crate::app::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(Receiver::PATH, post(take))
        .layer(DefaultBodyLimit::max(Receiver::LONGEST))
}

/// Nobody signs in for it: the signature says that Render sent it.
async fn take(State(app): State<App>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(receiver) = app.receiver() else {
        return StatusCode::NOT_FOUND;
    };
    match receiver.take(&headers, &body) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(refused) => StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::UNAUTHORIZED),
    }
}
