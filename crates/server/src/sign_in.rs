//! How does somebody get a session, and how does it end?

mod once;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use tower_sessions::Session;

pub(crate) use self::once::OnceLink;
use crate::app::App;
use crate::pages::{PageProblem, html};
use crate::problem::Problem;
use crate::store::SignedIn;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(ways))
        .route("/sign-in/once/{secret}", get(once::ask).post(once::take))
        .route("/sign-out", post(sign_out))
}

/// The ways to sign in.
#[derive(askama::Template)]
#[template(path = "sign-in.html")]
struct Ways {
    product: String,
}

async fn ways(State(app): State<App>) -> Result<Html<String>, PageProblem> {
    html(&Ways {
        product: product(&app).await?,
    })
}

/// What people call the project.
pub(crate) async fn product(app: &App) -> Result<String, Problem> {
    let project = app.people().await?;
    Ok(project.map_or_else(String::new, |project| project.product))
}

/// Begins a session; whatever the browser had before is another one. It is stored before the reply leaves.
pub(crate) async fn begin(session: &Session, signed_in: &SignedIn) -> Result<(), Problem> {
    session.cycle_id().await.map_err(Problem::session)?;
    let kept = session.insert(SignedIn::KEY, signed_in).await;
    kept.map_err(Problem::session)
}

async fn sign_out(session: Session) -> Result<Redirect, PageProblem> {
    session.flush().await.map_err(Problem::session)?;
    Ok(Redirect::to("/sign-in"))
}
