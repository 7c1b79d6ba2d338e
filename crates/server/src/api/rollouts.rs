//! How do rollouts stand?

use axum::extract::State;
use axum::response::Response;
use policy::{CustomerId, PolicyId};
use project::view::Standing;
use rollout::RolloutId;
use rollout::standing::{CustomerStanding, RolloutStanding};
use rollout::view::{CustomerView, RolloutView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Nothing, Path, Query};
use super::reply::{Asked, Page, Tag};
use super::{apart, schema};
use crate::app::App;
use crate::problem::Problem;
use crate::who::{Scope, Who};

/// So many rollouts are listed where nobody says how many.
const ROLLOUTS: usize = 20;

/// No more than this at once.
const MOST_ROLLOUTS: usize = 100;

/// So many customers are listed where nobody says how many.
const CUSTOMERS: usize = 100;

/// No more than this at once.
const MOST_CUSTOMERS: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(customers))
        .routes(routes!(plan))
        .routes(routes!(report))
}

/// Which rollouts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Only those that stand so.
    #[param(value_type = Option<schema::RolloutState>)]
    state: Option<RolloutStanding>,
    /// Only those that are over for good (`false`), or that are not (`true`).
    unfinished: Option<bool>,
    /// The newest first.
    #[serde(default)]
    newest_first: bool,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<Limit<MOST_ROLLOUTS>>,
    /// Only what comes behind this rollout.
    #[param(value_type = Option<schema::RolloutName>)]
    after: Option<RolloutId>,
}

/// How many are answered at once: at least one, and no more than so many.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "usize")]
pub(super) struct Limit<const MOST: usize>(usize);

impl<const MOST: usize> TryFrom<usize> for Limit<MOST> {
    type Error = String;

    fn try_from(number: usize) -> Result<Self, String> {
        match (1..=MOST).contains(&number) {
            true => Ok(Self(number)),
            false => Err(format!("a limit is from 1 to {MOST}")),
        }
    }
}

impl<const MOST: usize> Limit<MOST> {
    /// What was asked for, or what there is without a word.
    pub(super) fn or(asked: Option<Self>, usual: usize) -> usize {
        asked.map_or(usual, |limit| limit.0)
    }
}

/// All rollouts and operations, the oldest first, as `tranche list -o json` shows them.
#[utoipa::path(
    get, path = "/rollouts", tag = "rollouts", params(Listed),
    responses((
        status = 200, description = "a part of the list", body = Vec<schema::Rollout>,
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
    let product = app.backend().product().await?;
    let mut ids: Vec<RolloutId> = product
        .in_short()
        .filter(|run| listed.state.is_none_or(|only| only == run.state))
        .filter(|run| listed.unfinished.is_none_or(|only| only != run.has_ended))
        .map(|run| run.id)
        .collect();
    if listed.newest_first {
        ids.reverse();
    }
    let total = ids.len();
    let behind = match (listed.after, listed.newest_first) {
        (None, _) => 0,
        (Some(after), false) => ids.partition_point(|id| *id <= after),
        (Some(after), true) => ids.partition_point(|id| *id >= after),
    };
    let limit = Limit::or(listed.limit, ROLLOUTS);
    let shown = &ids[behind..total.min(behind + limit)];
    let next = shown.last().filter(|_| behind + shown.len() < total);
    let (seq, hash) = product.head();
    asked.tagged(&Tag::of_head(seq, hash), || {
        let views: Vec<RolloutView> = shown
            .iter()
            .filter_map(|id| product.rollout_view(*id))
            .collect();
        let mut response = super::reply::json_of(super::reply::written(&views)?);
        let next = next.map(ToString::to_string);
        asked.describe(&mut response, next.as_deref(), Some(total));
        Ok(response)
    })
}

/// Where one rollout stands, and what concerns the product meanwhile, as `tranche status -o json` shows it.
#[utoipa::path(
    get, path = "/rollouts/{rollout}", tag = "rollouts",
    params(("rollout" = schema::RolloutName, Path, description = "which")),
    responses((status = 200, description = "where it stands", body = schema::Standing))
)]
async fn one(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(run): Path<RolloutId>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let files = app.files();
    let config = || files.config().cloned();
    let standing = Standing::read(&**app.backend(), Some(run), config, app.now()).await?;
    asked.json(&standing)
}

/// Which customers of a rollout are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListedCustomers {
    /// Only those of this phase.
    #[param(value_type = Option<String>)]
    phase: Option<PolicyId>,
    /// Only those that stand so.
    #[param(value_type = Option<schema::CustomerState>)]
    state: Option<CustomerStanding>,
    /// Only those whose key, note, service or deploy has this text in it, whatever its case.
    text: Option<String>,
    /// In which order; `plan` is that of phases and batches.
    #[serde(default)]
    #[param(inline)]
    sort: Order,
    /// The other way round.
    #[serde(default)]
    descending: bool,
    /// How many at most.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Limit<MOST_CUSTOMERS>>,
    /// Only what comes behind this customer.
    #[param(value_type = Option<String>)]
    after: Option<CustomerId>,
}

/// By what customers are sorted.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// As planned.
    #[default]
    Plan,
    /// By key.
    Customer,
    /// By how they stand.
    State,
    /// By since when they stand so.
    Since,
}

/// The customers of a rollout, each as in `tranche status -o json`.
#[utoipa::path(
    get, path = "/rollouts/{rollout}/customers", tag = "rollouts",
    params(("rollout" = schema::RolloutName, Path, description = "which"), ListedCustomers),
    responses((
        status = 200, description = "a part of the list", body = Vec<schema::RolloutCustomer>,
        headers(("link" = Option<String>, description = "where it goes on"), ("x-total-count" = usize, description = "how many there are"))
    ))
)]
async fn customers(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(run): Path<RolloutId>,
    Query(listed): Query<ListedCustomers>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let product = app.backend().product().await?;
    let mut view = product
        .rollout_view(run)
        .ok_or(project::Error::UnknownRollout(run))?;
    let waits = app.backend().waits().await?;
    waits.mark(&mut view, app.now());
    asked.page(&listed.of(view.customers)?)
}

impl ListedCustomers {
    /// The part of them that was asked for. Where it begins is looked up among all, since whoever was last may stand
    /// otherwise by now.
    fn of(&self, mut customers: Vec<CustomerView>) -> Result<Page<CustomerView>, Problem> {
        match self.sort {
            Order::Plan => {}
            Order::Customer => customers.sort_by(|a, b| a.customer.cmp(&b.customer)),
            Order::State => customers.sort_by_key(|one| one.state.as_str()),
            Order::Since => customers.sort_by_key(|one| one.since),
        }
        if self.descending {
            customers.reverse();
        }
        let behind = self.after.as_ref().map(|after| {
            let place = customers.iter().position(|one| one.customer == *after);
            let place = place.ok_or_else(|| project::Error::NeverPlanned(after.clone()))?;
            Ok::<_, Problem>(place + 1)
        });
        let behind = behind.transpose()?.unwrap_or_default();
        let text = self.text.as_deref().map(str::to_lowercase);
        let is_meant = |one: &CustomerView| {
            let mut kept = self.phase.as_ref().is_none_or(|only| one.phase == *only);
            kept &= self.state.is_none_or(|only| one.state == only);
            kept && text.as_deref().is_none_or(|text| mentions(one, text))
        };
        let earlier = customers.iter().take(behind);
        let earlier = earlier.filter(|one| is_meant(one)).count();
        let mut items: Vec<CustomerView> = customers
            .into_iter()
            .skip(behind)
            .filter(is_meant)
            .collect();
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

fn mentions(one: &CustomerView, text: &str) -> bool {
    let service = one.service.as_ref().map(AsRef::as_ref);
    let deploy = one.deploy.as_ref().map(|deploy| deploy.0.as_str());
    let words = [
        Some(one.customer.as_str()),
        service,
        deploy,
        one.note.as_deref(),
    ];
    let mut words = words.into_iter().flatten();
    words.any(|word| word.to_lowercase().contains(text))
}

/// The plan of a rollout as it was frozen, or as it was last replanned.
#[utoipa::path(
    get, path = "/rollouts/{rollout}/plan", tag = "rollouts",
    params(("rollout" = schema::RolloutName, Path, description = "which")),
    responses((status = 200, description = "the plan", body = schema::FrozenPlan))
)]
async fn plan(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(run): Path<RolloutId>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let product = app.backend().product().await?;
    let plan = product
        .plan(run)
        .ok_or(project::Error::UnknownRollout(run))?;
    let (seq, hash) = product.head();
    asked.tagged(&Tag::of_head(seq, hash), || {
        Ok(super::reply::json_of(super::reply::written(plan)?))
    })
}

/// What came of a rollout so far, as `tranche report -o json` shows it.
#[utoipa::path(
    get, path = "/rollouts/{rollout}/report", tag = "rollouts",
    params(("rollout" = schema::RolloutName, Path, description = "which")),
    responses((status = 200, description = "the report", body = schema::Report))
)]
async fn report(
    who: Who,
    State(app): State<App>,
    asked: Asked,
    Path(run): Path<RolloutId>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    who.require(Scope::Read)?;
    let product = app.backend().product().await?;
    if product.rollout_view(run).is_none() {
        return Err(project::Error::UnknownRollout(run).into());
    }
    let now = app.now();
    let report = apart(&app, async move |backend| backend.report(run, now).await).await?;
    let mut report = report.ok_or(project::Error::UnknownRollout(run))?;
    report.explain(&product, now);
    asked.json(&report)
}
