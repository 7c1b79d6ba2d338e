//! Who is signed in, and how does that end? Everybody sees and ends their own sessions, an admin those of all.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use policy::settings::called_now;
use tower_sessions::Session;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Nothing, Path, Query};
use super::reply::Asked;
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::store::{SessionInfo, key};
use crate::who::{Scope, Who};

/// The routes of sessions, below `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(end))
}

/// Who is signed in, in browsers and by programs: whoever asks; of an admin, everybody.
#[utoipa::path(
    get, path = "/sessions", tag = "people",
    responses((status = 200, description = "the sessions", body = Vec<schema::Session>))
)]
async fn list(
    who: Who,
    State(app): State<App>,
    session: Session,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    asked.json(&seen_by(&app, &session, &who)?)
}

/// Ends a session: whoever uses it is nobody from then on.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "people",
    params(("id" = String, Path, description = "which")),
    responses((status = 204, description = "it is over"))
)]
async fn end(
    who: Who,
    State(app): State<App>,
    session: Session,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    // To end the own ones takes nothing away from anybody.
    who.require(Scope::Request)?;
    end_session(&app, &session, &who, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a session that whoever asks may see.
///
/// # Errors
/// They see none with that id.
pub(crate) fn end_session(
    app: &App,
    session: &Session,
    who: &Who,
    id: &str,
) -> Result<(), Problem> {
    let seen = seen_by(app, session, who)?;
    let is_seen = seen.iter().any(|session| session.id == id);
    if is_seen && app.store().end_session(id).map_err(Problem::store)? {
        return Ok(());
    }
    Err(Problem::not_found(
        "there is no such session",
        "GET /api/v1/sessions lists them".to_owned(),
    ))
}

/// The sessions that somebody may see: their own, and all if they are an admin.
///
/// # Errors
/// They cannot be read.
pub(crate) fn seen_by(
    app: &App,
    session: &Session,
    who: &Who,
) -> Result<Vec<SessionInfo>, Problem> {
    // Limits that the files have changed hold at once.
    app.server();
    let this = session.id().map(|id| key(&id));
    let mut seen = app.store().sessions().map_err(Problem::store)?;
    if !is_admin(who) {
        seen.retain(|session| is_of(who, session));
    }
    for session in &mut seen {
        session.is_this = this.as_ref() == Some(&session.id);
    }
    Ok(seen)
}

fn is_of(who: &Who, session: &SessionInfo) -> bool {
    let people = &who.project.people;
    session.person == who.actor.name || called_now(people, &session.person) == Some(&who.actor.name)
}

fn is_admin(who: &Who) -> bool {
    who.require(Scope::Admin).is_ok() && project::check_admin(&who.project, &who.actor).is_ok()
}
