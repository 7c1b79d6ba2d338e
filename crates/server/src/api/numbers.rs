//! How did it go, in numbers, and how are the services?

use axum::extract::State;
use axum::response::Response;
use chrono::TimeDelta;
use policy::{CustomerId, Role, Timestamp};
use project::{DeploysOf, Figures, History};
use rollout::RolloutId;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Query;
use super::journal::or_nothing;
use super::reply::Asked;
use super::rollouts::Limit;
use super::{apart, schema};
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// Ten years.
const MOST_HOURS: usize = 24 * 366 * 10;

/// So many deploys are listed where nobody says how many.
const DEPLOYS: usize = 100;

/// No more than this at once.
const MOST_DEPLOYS: usize = 1_000;

/// A time is shown in no more parts.
const MOST_PARTS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(statistics))
        .routes(routes!(deploys))
        .routes(routes!(health))
}

/// Of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Past {
    /// Of the last so many hours.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 87840, default = 24)]
    hours: Option<Limit<MOST_HOURS>>,
}

/// Deploys in numbers, as `tranche stats -o json` shows them.
#[utoipa::path(
    get, path = "/statistics", tag = "numbers", params(Past),
    responses((status = 200, description = "the numbers", body = schema::Statistics))
)]
async fn statistics(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Past { hours }): Query<Past>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let until = app.now();
    let hours = i64::try_from(Limit::or(hours, 24)).unwrap_or(i64::MAX);
    let since = until - TimeDelta::hours(hours);
    let read = apart(&app, async move |backend| {
        backend.statistics(since, until).await
    });
    asked.json(&read.await?)
}

/// Whose deploys are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Only those of this rollout or operation.
    #[param(value_type = Option<schema::RolloutName>)]
    rollout: Option<RolloutId>,
    /// Only those of this customer.
    #[param(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// Only those of services with this role.
    #[param(value_type = Option<String>)]
    service: Option<Role>,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Limit<MOST_DEPLOYS>>,
}

/// Deploys and rollbacks by the journal, the newest first. What Render itself knows is under `/customers/{customer}/deploys`.
#[utoipa::path(
    get, path = "/deploys", tag = "numbers", params(Whose),
    responses((status = 200, description = "the deploys", body = Vec<schema::DeployRecord>))
)]
async fn deploys(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(whose): Query<Whose>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let limit = Limit::or(whose.limit, DEPLOYS);
    let of = DeploysOf {
        rollout: whose.rollout,
        customer: whose.customer,
        service: whose.service,
    };
    let read = apart(&app, async move |backend| backend.deploys(of, limit).await);
    asked.json(&or_nothing(read.await)?)
}

/// Whose health, and of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Measured {
    /// Only this customer's services.
    #[param(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// From when on; absent: a day before the end.
    #[param(value_type = Option<schema::Instant>)]
    from: Option<Timestamp>,
    /// Until when; absent: now.
    #[param(value_type = Option<schema::Instant>)]
    until: Option<Timestamp>,
    /// In how many parts of equal length.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 24)]
    parts: Option<Limit<MOST_PARTS>>,
}

/// How one service was.
#[derive(Debug, Serialize)]
struct ServiceHealth {
    customer: CustomerId,
    service: Role,
    from: Timestamp,
    until: Timestamp,
    total: Figures,
    parts: Vec<Figures>,
}

/// How services were, by what the monitor has measured; `null`: nothing was ever measured.
#[utoipa::path(
    get, path = "/health", tag = "numbers", params(Measured),
    responses((status = 200, description = "service by service", body = Option<Vec<schema::ServiceHealth>>))
)]
async fn health(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(measured): Query<Measured>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let until = measured.until.unwrap_or_else(|| app.now());
    let day_before = until.checked_sub_signed(TimeDelta::days(1));
    let from = measured.from.or(day_before).unwrap_or(until);
    if from >= until {
        let way_out = "`from` before `until`".to_owned();
        return Err(Problem::usage("that time has no length", way_out));
    }
    let parts = Limit::or(measured.parts, 24);
    let read = apart(&app, async move |backend| {
        let customer = measured.customer.as_ref();
        backend.health(customer, from, until, parts).await
    });
    let found = read.await?;
    let services = found.map(|found| {
        let each = found.into_iter().map(|one: History| ServiceHealth {
            customer: one.key.customer,
            service: one.key.service,
            from,
            until,
            total: one.total,
            parts: one.parts,
        });
        each.collect::<Vec<_>>()
    });
    asked.json(&services)
}
