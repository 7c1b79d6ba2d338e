//! How does somebody get a session, and how does it end?
//!
//! | module | question it answers |
//! |---|---|
//! | `once`, `once_link` | How does whoever runs the server sign in? |
//! | `oidc` | How does somebody sign in at the identity provider, and again? |
//! | `provider` | What does the identity provider say? |
//! | `device`, `devices` | How does a command line get in? |
//! | `ci` | How does a job of a CI system get in? |
//! | `web` | How is a provider asked? |
//! | `local_path` | Where does somebody go after the sign-in? |

mod ci;
mod device;
mod devices;
mod local_path;
mod oidc;
mod once;
mod once_link;
mod provider;
mod web;

use axum::Router;
use axum::extract::{Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tower_sessions::Session;

pub(crate) use self::ci::{Ci, Desk};
pub(crate) use self::devices::{Come, Devices, GOOD_FOR};
use self::local_path::LocalPath;
use self::oidc::Link;
pub(crate) use self::once_link::OnceLink;
pub(crate) use self::provider::Provider;
pub(crate) use self::web::Web;
use crate::app::App;
use crate::limits;
use crate::pages::{PageProblem, html};
use crate::problem::Problem;
use crate::store::SignedIn;

pub(crate) fn routes(app: &App) -> Router<App> {
    let counted = Router::new()
        .route("/sign-in/provider", get(oidc::start))
        .route(provider::RETURN, get(oidc::back))
        .route("/sign-in/once/{secret}", get(once::ask).post(once::take))
        .route("/device/ask", post(device::ask))
        .route("/device/answer", post(device::answer))
        .layer(from_fn_with_state(app.tries().clone(), limits::count));
    Router::new()
        .route("/sign-in", get(ways))
        .route("/sign-out", post(sign_out))
        .route("/device", get(device::page))
        .merge(counted)
}

/// The ways to sign in.
#[derive(askama::Template)]
#[template(path = "sign-in.html")]
struct Ways {
    product: String,
    /// Where the provider is, if there is one.
    provider: Option<String>,
    /// The link that leads there.
    link: String,
}

/// Shows the ways to sign in; whoever has to prove anew who they are is sent to the provider at once.
async fn ways(State(app): State<App>, Query(link): Query<Link>) -> Result<Response, PageProblem> {
    let to = LocalPath::or_home(link.to.as_deref());
    let to = utf8_percent_encode(to.as_str(), NON_ALPHANUMERIC);
    if link.again.is_some() {
        let again = format!("/sign-in/provider?again=1&to={to}");
        return Ok(Redirect::to(&again).into_response());
    }
    let issuer = app.server().sign_in.as_ref().map(|one| one.issuer.clone());
    let page = html(&Ways {
        product: product(&app).await?,
        provider: issuer.map(|issuer| host(&issuer).to_owned()),
        link: format!("/sign-in/provider?to={to}"),
    })?;
    Ok(page.into_response())
}

/// The part of an issuer that people know.
fn host(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
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
