//! Who does the server think asks?

use axum::Json;
use rollout::Actor;

use super::schema;
use crate::who::Who;

/// Who asks, and what proves it.
#[utoipa::path(
    get, path = "/whoami", tag = "engine",
    responses((status = 200, description = "whoever asks", body = schema::Actor))
)]
pub(super) async fn whoami(who: Who) -> Json<Actor> {
    Json(who.actor)
}
