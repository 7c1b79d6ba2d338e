//! Which path leads where?

use axum::Router;

use crate::app::App;
use crate::{api, layers, pages, render_hints, sign_in};

/// Everything that the server answers, without a socket.
pub fn router(app: &App) -> Router {
    let routes = Router::new()
        .merge(api::routes(app))
        .merge(sign_in::routes(app))
        .merge(pages::routes())
        .merge(render_hints::routes())
        .with_state(app.clone());
    layers::around(routes, app)
}
