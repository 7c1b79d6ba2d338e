//! Control of a served platform: faults, settings, content, and what arrived.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/state[?variables=true]` | what runs where |
//! | `GET /_sim/requests` | what arrived |
//! | `POST /_sim/faults` | arms one fault or a list |
//! | `PUT /_sim/faults` | the same, after all others are disarmed |
//! | `DELETE /_sim/faults` | disarms all |
//! | `GET`, `PATCH /_sim/settings` | how it behaves; a PATCH replaces the keys it names |
//! | `POST /_sim/seed` | adds workspaces, services, databases, versions |
//! | `POST /_sim/push` | somebody pushes a commit: `{service, commit}` |
//! | `POST /_sim/purge` | a deploy's artefact is thrown away: `{service, deploy}` |
//! | `POST /_sim/cut` | breaks every websocket |
//! | `POST /_sim/shutdown` | stops the server |

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use crate::fault::Fault;
use crate::ids::{CommitId, DeployId, ServiceId, Timestamp};
use crate::platform::{Deploy, Platform, Seed, Service};
use crate::requests::ApiError;
use crate::settings::Settings;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/state", get(state))
        .route("/requests", get(requests))
        .route("/faults", post(arm).put(replace).delete(disarm))
        .route("/settings", get(settings).patch(change_settings))
        .route("/seed", post(seed))
        .route("/push", post(push))
        .route("/purge", post(purge))
        .route("/cut", post(cut))
        .route("/shutdown", post(shut_down))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Box<Fault>),
    More(Vec<Fault>),
}

impl OneOrMore {
    fn into_list(self) -> Vec<Fault> {
        match self {
            Self::One(fault) => vec![*fault],
            Self::More(faults) => faults,
        }
    }
}

#[derive(Deserialize)]
struct Push {
    service: ServiceId,
    commit: CommitId,
}

#[derive(Deserialize)]
struct Purge {
    service: ServiceId,
    deploy: DeployId,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    variables: bool,
}

impl App {
    /// Changes the platform, saves it, and answers 204 or the refusal.
    async fn change(
        &self,
        act: impl FnOnce(&mut Platform, Timestamp) -> Result<(), ApiError>,
    ) -> Response {
        if let Err(error) = self.with(act) {
            return refusal(error.status, &error.message);
        }
        match self.save().await {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => refusal(500, &error.to_string()),
        }
    }
}

fn refusal(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "message": message }))).into_response()
}

async fn state(State(app): State<App>, Query(shown): Query<Shown>) -> Json<Value> {
    Json(app.with(|platform, now| {
        let now = platform.advance(now);
        let services = platform.services();
        let services: Vec<Value> = services
            .map(|service| service_state(platform, service, shown.variables))
            .collect();
        json!({ "now": now, "next_event_at": platform.next_event_at(), "services": services })
    }))
}

fn service_state(platform: &Platform, service: &Service, variables: bool) -> Value {
    let live = service.live_deploy();
    let mut state = json!({
        "id": service.id,
        "name": service.name,
        "auto_deploy": service.auto_deploy,
        "suspended": service.is_suspended(),
        "live": service.live,
        "commit": live.map(|deploy| deploy.source.as_str()),
        "version": live.and_then(|deploy| platform.version_of(&deploy.source)),
        "running": service.running,
        "waiting": service.waiting,
        "deploys": service.deploys.iter().map(deploy_state).collect::<Vec<_>>(),
    });
    if variables {
        state["variables"] = json!(service.variables);
        state["live_variables"] = json!(live.map(|deploy| &deploy.variables));
    }
    state
}

fn deploy_state(deploy: &Deploy) -> Value {
    json!({
        "id": deploy.id,
        "status": deploy.status,
        "trigger": deploy.trigger,
        "commit": deploy.source.as_str(),
        "target": deploy.target,
        "created_at": deploy.created_at,
        "finished_at": deploy.finished_at,
    })
}

async fn requests(State(app): State<App>) -> Json<Value> {
    Json(app.with(|platform, now| {
        platform.advance(now);
        json!(platform.requests())
    }))
}

async fn arm(State(app): State<App>, Json(faults): Json<OneOrMore>) -> Response {
    app.change(|platform, now| arm_all(platform, now, faults))
        .await
}

async fn replace(State(app): State<App>, Json(faults): Json<OneOrMore>) -> Response {
    app.change(|platform, now| {
        platform.disarm();
        arm_all(platform, now, faults)
    })
    .await
}

fn arm_all(platform: &mut Platform, now: Timestamp, faults: OneOrMore) -> Result<(), ApiError> {
    let mut faults = faults.into_list().into_iter();
    faults.try_for_each(|fault| platform.arm(now, fault))
}

async fn disarm(State(app): State<App>) -> Response {
    app.change(|platform, _| {
        platform.disarm();
        Ok(())
    })
    .await
}

async fn settings(State(app): State<App>) -> Json<Settings> {
    Json(app.with(|platform, _| platform.settings().clone()))
}

async fn change_settings(State(app): State<App>, Json(changes): Json<Value>) -> Response {
    app.change(|platform, now| {
        platform.advance(now);
        *platform.settings_mut() = changed(platform.settings(), changes)
            .map_err(|error| ApiError::bad_request(&error.to_string()))?;
        Ok(())
    })
    .await
}

/// The settings with the keys replaced that the changes name.
fn changed(settings: &Settings, changes: Value) -> serde_json::Result<Settings> {
    let mut all = serde_json::to_value(settings)?;
    let changes: serde_json::Map<String, Value> = serde_json::from_value(changes)?;
    for (key, value) in changes {
        all[key] = value;
    }
    serde_json::from_value(all)
}

async fn seed(State(app): State<App>, Json(seed): Json<Seed>) -> Response {
    app.change(|platform, now| {
        platform.seed(now, seed);
        Ok(())
    })
    .await
}

async fn push(State(app): State<App>, Json(push): Json<Push>) -> Response {
    app.change(|platform, now| {
        platform.push(now, &push.service, &push.commit)?;
        Ok(())
    })
    .await
}

async fn purge(State(app): State<App>, Json(purge): Json<Purge>) -> Response {
    app.change(|platform, now| platform.purge_artefact(now, &purge.service, &purge.deploy))
        .await
}

async fn cut(State(app): State<App>) -> StatusCode {
    app.cuts.send_replace(());
    StatusCode::NO_CONTENT
}

async fn shut_down(State(app): State<App>) -> Response {
    app.stop.cancel();
    StatusCode::NO_CONTENT.into_response()
}
