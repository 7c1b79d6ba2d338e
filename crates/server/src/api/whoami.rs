//! Who does the server think asks?

use axum::Json;
use rollout::Actor;

use crate::who::Who;

/// Who asks, and what proves it.
pub(crate) async fn whoami(who: Who) -> Json<Actor> {
    Json(who.actor)
}
