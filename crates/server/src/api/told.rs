//! Who was told what, what the monitor has raised, and who has taken notice.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use project::{Acknowledged, AlertId, NotificationId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Nothing, Path, Query};
use super::reply::{Asked, json_of, written};
use super::rollouts::Limit;
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// So many notifications are listed where nobody says how many.
const NOTIFICATIONS: usize = 100;

/// No more than this at once.
const MOST_NOTIFICATIONS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(notifications))
        .routes(routes!(notification))
        .routes(routes!(resend))
        .routes(routes!(alerts))
        .routes(routes!(acknowledge))
}

/// Which notifications are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Told {
    /// Only those that could not be delivered.
    #[serde(default)]
    failed: bool,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Limit<MOST_NOTIFICATIONS>>,
}

/// The newest notifications, as `tranche notifications -o json` shows them.
#[utoipa::path(
    get, path = "/notifications", tag = "told", params(Told),
    responses((status = 200, description = "the notifications", body = Vec<schema::Notification>))
)]
async fn notifications(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let limit = u32::try_from(Limit::or(told.limit, NOTIFICATIONS)).unwrap_or(u32::MAX);
    asked.json(&app.backend().notifications(told.failed, limit).await?)
}

/// One notification, as `tranche notifications show -o json` shows it.
#[utoipa::path(
    get, path = "/notifications/{id}", tag = "told",
    params(("id" = String, Path, description = "which")),
    responses((status = 200, description = "the notification", body = schema::Notification))
)]
async fn notification(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    asked.json(&find(&app, &id).await?)
}

async fn find(app: &App, id: &str) -> Result<project::StoredNotification, Problem> {
    let found = app.backend().notification(NotificationId(id.to_owned()));
    let found = super::journal::or_nothing(found.await)?;
    found.ok_or_else(|| {
        let way_out = "GET /api/v1/notifications".to_owned();
        Problem::not_found(format!("no notification is called `{id}`"), way_out)
    })
}

/// Has a notification delivered once more. Whoever drives the rollouts delivers it; the answer says how far it has come.
#[utoipa::path(
    post, path = "/notifications/{id}/resend", tag = "told",
    params(("id" = String, Path, description = "which")),
    responses((status = 202, description = "it is due now", body = schema::Notification))
)]
async fn resend(
    who: Who,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    project::check_operator(&who.project, &who.actor)?;
    let id = find(&app, &id).await?.notification.id;
    app.backend().resend(id.clone()).await?;
    let mut response = json_of(written(&find(&app, &id.0).await?)?);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// Which alerts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Raised {
    /// Also those that are over.
    #[serde(default)]
    all: bool,
}

/// What the monitor has raised, as `tranche alerts -o json` shows it; `null`: nothing was ever measured.
#[utoipa::path(
    get, path = "/alerts", tag = "told", params(Raised),
    responses((status = 200, description = "the alerts", body = Option<Vec<schema::Alert>>))
)]
async fn alerts(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Raised { all }): Query<Raised>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    asked.json(&app.backend().alerts(all).await?)
}

/// What somebody who takes notice says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Notice {
    /// Why it is enough to know of it.
    reason: String,
}

/// Notes that somebody has taken notice of an alert. Nobody is reminded of it any more; its end is told.
#[utoipa::path(
    post, path = "/alerts/{id}/acknowledge", tag = "told", request_body = Notice,
    params(("id" = u64, Path, description = "which")),
    responses((status = 200, description = "the alert, acknowledged now or before", body = schema::Alert))
)]
async fn acknowledge(
    who: Who,
    State(app): State<App>,
    Path(id): Path<AlertId>,
    Query(Nothing {}): Query<Nothing>,
    Json(Notice { reason }): Json<Notice>,
) -> Result<Response, Problem> {
    who.require(Scope::Request)?;
    project::check_operator(&who.project, &who.actor)?;
    let done = app.backend().acknowledge(id, &who.actor.name, &reason);
    match done.await? {
        Some(Acknowledged::Done(alert) | Acknowledged::Before(alert)) => {
            Ok(json_of(written(&alert)?))
        }
        Some(Acknowledged::Over(_)) => Err(Problem::new(
            StatusCode::CONFLICT,
            "refused",
            format!("what alert {id} was about is over"),
            "GET /api/v1/alerts".to_owned(),
        )),
        Some(Acknowledged::Unknown) | None => Err(Problem::not_found(
            format!("there is no alert {id}"),
            "GET /api/v1/alerts?all=true".to_owned(),
        )),
    }
}
