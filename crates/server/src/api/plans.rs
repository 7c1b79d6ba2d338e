//! What would a start do, and how would it go? Nothing is begun.

use axum::extract::State;
use axum::response::Response;
use policy::{Span, Timestamp};
use project::allowed_paths;
use project::prepare::{Preview, Source};
use project::simulation::{self, Approvals};
use project::view::PlanView;
use project::view::requests::{CustomerRequests, requests};
use rollout::Event;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::actions::PlannedScope;
use super::extract::{Json, Nothing, Query};
use super::reply::{json_of, written};
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(plans))
        .routes(routes!(simulations))
}

/// The plan of which version is looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedPlan {
    /// A tag, or `latest`.
    version: String,
    /// Only a part of the fleet; absent: all of it.
    #[serde(default)]
    scope: PlannedScope,
    /// When it would begin; absent: now.
    #[schema(value_type = Option<schema::Instant>)]
    at: Option<Timestamp>,
    /// Leave Render alone: what runs is taken from the journal, and the answer says so.
    #[serde(default)]
    offline: bool,
    /// Every request that would be sent, as a dry run shows them: then what cannot be read at Render is an error.
    #[serde(default)]
    requests: bool,
    /// For the requests: clear the build cache of every deploy.
    #[serde(default)]
    clear_cache: bool,
}

/// A plan, and perhaps its requests.
#[derive(Debug, Serialize)]
struct Planned<'p> {
    plan: PlanView<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Vec<CustomerRequests>>,
}

/// The plan that a start would freeze, with its digest, its notes and its earliest instants: `plan` is what
/// `tranche plan -o json` shows. A start with this `digest` begins this plan and no other.
#[utoipa::path(
    post, path = "/plans", tag = "actions", request_body = WantedPlan,
    responses((status = 200, description = "the plan", body = schema::Planned))
)]
async fn plans(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<WantedPlan>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    // It is never closed.
    let _room = app.heavy().acquire().await;
    let at = wanted.at.unwrap_or_else(|| app.now());
    let session = who.session_to_plan(&app)?;
    allowed_paths::refuse(&session.config)?;
    if wanted.requests {
        let prepared = session
            .prepare(&wanted.version, wanted.scope.into())
            .await?;
        let planned = Planned {
            plan: PlanView::new(&prepared.plan, at, &prepared.notes, &Source::Render),
            requests: Some(requests(
                &prepared.plan,
                &prepared.observed,
                wanted.clear_cache,
            )),
        };
        return Ok(json_of(written(&planned)?));
    }
    let asked = Preview {
        version: wanted.version,
        scope: wanted.scope.into(),
        offline: wanted.offline,
        at,
    };
    let (plan, notes, source) = session.preview(asked).await?;
    let planned = Planned {
        plan: PlanView::new(&plan, at, &notes, &source),
        requests: None,
    };
    Ok(json_of(written(&planned)?))
}

/// What is simulated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedSimulation {
    /// Under which name; it need not exist.
    version: String,
    /// When it would begin; absent: now.
    #[schema(value_type = Option<schema::Instant>)]
    at: Option<Timestamp>,
    /// When people approve: `at-once` (also where nothing is said), `never`, or `after 2d`.
    #[serde(default, deserialize_with = "approvals")]
    #[schema(value_type = Option<String>, pattern = "^(at-once|never|after .+)$")]
    approve: Option<Approvals>,
}

fn approvals<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Approvals>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let assumed = match (text.trim(), text.trim().strip_prefix("after ")) {
        ("at-once", _) => Ok(Approvals::AtOnce),
        ("never", _) => Ok(Approvals::Never),
        (_, Some(span)) => span
            .parse::<Span>()
            .map(Approvals::After)
            .map_err(|why| why.to_string()),
        (_, None) => Err("write at-once, never, or a length of time: `after 2d`".to_owned()),
    };
    assumed.map(Some).map_err(serde::de::Error::custom)
}

/// How a rollout would go.
#[derive(Debug, Serialize, ToSchema)]
struct Simulation {
    /// What was assumed, a sentence each.
    assumed: Vec<String>,
    /// What Render's limits would move.
    moved: Vec<String>,
    /// Everything that would happen, as the journal would have it.
    #[schema(value_type = Vec<schema::Event>)]
    events: Vec<Event>,
}

/// How a rollout of the whole fleet would go by the files as they are now, on a virtual clock. Nothing is sent anywhere.
#[utoipa::path(
    post, path = "/simulations", tag = "actions", request_body = WantedSimulation,
    responses((status = 200, description = "what would happen", body = Simulation))
)]
async fn simulations(
    who: Who,
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    Json(wanted): Json<WantedSimulation>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let start = wanted.at.unwrap_or_else(|| app.now());
    let approvals = wanted.approve.unwrap_or(Approvals::AtOnce);
    let config = app.folder().load_at(start, &**app.caller())?;
    let simulated = super::apart(&app, async move |backend| {
        let version = &wanted.version;
        let setup = simulation::setup(&*backend, config, version, start, approvals).await?;
        let assumed = vec![
            simulation::deploys_take(&setup),
            simulation::people_approve(approvals),
        ];
        Ok((assumed, simulation::run(setup)))
    });
    let (assumed, simulated) = simulated.await?;
    let simulation = Simulation {
        assumed,
        moved: simulated.moved,
        events: simulated.events,
    };
    Ok(json_of(written(&simulation)?))
}
