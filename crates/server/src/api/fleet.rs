//! Who is in the fleet, what runs there, and why does a customer wait?

use axum::extract::State;
use axum::response::Response;
use policy::CustomerId;
use project::connect;
use project::view::at_render::deploys_of;
use project::view::{CustomerCard, FleetCustomer, Reasons, Tracked, gates};
use rollout::RolloutId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Nothing, Path, Query};
use super::reply::{Asked, Page};
use super::rollouts::Limit;
use super::schema;
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// So many customers are listed where nobody says how many.
const CUSTOMERS: usize = 100;

/// No more than this at once.
const MOST_CUSTOMERS: usize = 1_000;

/// So many deploys of each service are listed where nobody says how many.
const DEPLOYS: usize = 10;

/// No more than this at once.
const MOST_DEPLOYS: usize = 100;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(why))
        .routes(routes!(at_render))
        .routes(routes!(versions))
        .routes(routes!(approvals))
}

/// Which customers are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only those of this tier.
    tier: Option<String>,
    /// Only those whose key or name has this text in it, whatever its case.
    text: Option<String>,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Limit<MOST_CUSTOMERS>>,
    /// Only what comes behind this customer.
    #[param(value_type = Option<String>)]
    after: Option<CustomerId>,
}

/// The fleet by the files as they are now, as `tranche customers -o json` shows it.
#[utoipa::path(
    get, path = "/customers", tag = "fleet", params(Listed),
    responses((
        status = 200, description = "a part of the fleet", body = Vec<schema::FleetCustomer>,
        headers(("link" = Option<String>, description = "where it goes on"), ("x-total-count" = usize, description = "how many there are"))
    ))
)]
async fn list(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(listed): Query<Listed>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let product = app.backend().product().await?;
    let fleet = FleetCustomer::read(files.usable().map_err(Problem::files)?, &product);
    asked.page(&listed.of(fleet)?)
}

impl Listed {
    fn of(&self, fleet: Vec<FleetCustomer>) -> Result<Page<FleetCustomer>, Problem> {
        let behind = self.after.as_ref().map(|after| {
            let place = fleet.iter().position(|one| one.customer == *after);
            let place = place.ok_or_else(|| project::Error::UnknownCustomer {
                id: after.clone(),
                near: None,
            })?;
            Ok::<_, Problem>(place + 1)
        });
        let behind = behind.transpose()?.unwrap_or_default();
        let text = self.text.as_deref().map(str::to_lowercase);
        let is_meant = |one: &FleetCustomer| {
            let has = |text: &str| {
                let key = one.customer.as_str().to_lowercase();
                key.contains(text) || one.name.to_lowercase().contains(text)
            };
            self.tier.as_ref().is_none_or(|only| one.tier == *only)
                && text.as_deref().is_none_or(has)
        };
        let earlier = fleet.iter().take(behind);
        let earlier = earlier.filter(|one| is_meant(one)).count();
        let mut items: Vec<FleetCustomer> =
            fleet.into_iter().skip(behind).filter(is_meant).collect();
        let total = earlier + items.len();
        let limit = Limit::or(self.limit, CUSTOMERS);
        let goes_on = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| goes_on);
        Ok(Page {
            next: last.map(|last| last.customer.to_string()),
            total: Some(total),
            items,
        })
    }
}

/// One customer by the files, with what runs there, as `tranche customers show -o json` shows it.
#[utoipa::path(
    get, path = "/customers/{customer}", tag = "fleet",
    params(("customer" = String, Path, description = "whose key")),
    responses((status = 200, description = "the customer", body = schema::Customer))
)]
async fn one(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(customer): Path<CustomerId>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let product = app.backend().product().await?;
    asked.json(&CustomerCard::read(
        files.usable().map_err(Problem::files)?,
        &product,
        &customer,
    )?)
}

/// In which rollout it is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InRollout {
    /// In this rollout; absent: in the newest that has the customer.
    #[param(value_type = Option<schema::RolloutName>)]
    rollout: Option<RolloutId>,
}

/// Why a customer waits, and until when, as `tranche why -o json` shows it.
#[utoipa::path(
    get, path = "/customers/{customer}/why", tag = "fleet",
    params(("customer" = String, Path, description = "whose key"), InRollout),
    responses((status = 200, description = "the reasons", body = schema::Reasons))
)]
async fn why(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(customer): Path<CustomerId>,
    Query(InRollout { rollout }): Query<InRollout>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let config = || files.config().cloned();
    let read = Reasons::read(&**app.backend(), rollout, &customer, config, app.now());
    asked.json(&read.await?.0)
}

/// How many deploys are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Newest {
    /// How many of each service at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 100, default = 10)]
    limit: Option<Limit<MOST_DEPLOYS>>,
}

/// The newest deploys of each service of a customer, read at Render now, as `tranche deploys -o json` shows them.
#[utoipa::path(
    get, path = "/customers/{customer}/deploys", tag = "fleet",
    params(("customer" = String, Path, description = "whose key"), Newest),
    responses((status = 200, description = "the deploys by service", body = schema::DeploysAtRender))
)]
async fn at_render(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(customer): Path<CustomerId>,
    Query(Newest { limit }): Query<Newest>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let config = files.usable().map_err(Problem::files)?;
    project::fleet::customer(config, &customer)?;
    let client = connect::client(config, &**app.caller())?;
    let limit = Limit::or(limit, DEPLOYS);
    let deploys = deploys_of(&**app.backend(), &client, config, &customer, limit);
    asked.json(&deploys.await?)
}

/// What every service runs, by the journal, as `tranche versions -o json` shows it.
#[utoipa::path(
    get, path = "/versions", tag = "fleet",
    responses((status = 200, description = "service by service", body = Vec<schema::Tracked>))
)]
async fn versions(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let config = || files.config().cloned();
    asked.json(&Tracked::read(&**app.backend(), config).await?)
}

/// Which gates are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Gates {
    /// Every gate of every rollout, not only those for which people are asked.
    #[serde(default)]
    all: bool,
}

/// The gates that wait for people, as `tranche approvals -o json` shows them.
#[utoipa::path(
    get, path = "/approvals", tag = "rollouts", params(Gates),
    responses((status = 200, description = "the gates", body = Vec<schema::Gate>))
)]
async fn approvals(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Query(Gates { all }): Query<Gates>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    asked.json(&gates::read(&**app.backend(), all, app.now()).await?)
}
