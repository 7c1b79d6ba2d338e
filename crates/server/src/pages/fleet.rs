//! Which customers are there, and what runs at each?

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use policy::CustomerId;
use policy::settings::Customer;

use super::customers::{Asked, Pages};
use super::reader::{Frame, Reader, Section};
use super::{PageProblem, html};
use crate::app::App;
use project::links;

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetPage {
    frame: Frame,
    rows: Vec<Row>,
    found: usize,
    all: usize,
    asked: Asked,
    tiers: BTreeSet<String>,
    pages: Pages,
}

/// A customer in a line.
struct Row {
    id: String,
    name: String,
    path: String,
    tier: String,
    zone: &'static str,
    versions: String,
    pin: Option<String>,
}

pub(super) async fn fleet(
    State(app): State<App>,
    reader: Reader,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, PageProblem> {
    let customers = known(&app, &reader);
    let mut running: BTreeMap<CustomerId, BTreeSet<String>> = BTreeMap::new();
    for one in reader.product.running_versions() {
        let version = one.version.or(one.commit);
        running.entry(one.customer).or_default().extend(version);
    }
    let part = asked.q.trim().to_lowercase();
    let is_found = |(id, one): &(&CustomerId, &Customer)| {
        let texts = [id.as_str(), one.name.as_str()];
        (part.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(&part)))
            && (asked.phase.is_empty() || one.tier == asked.phase)
    };
    let found: Vec<(&CustomerId, &Customer)> = customers.iter().filter(is_found).collect();
    let (pages, range) = Pages::of(asked.page, found.len(), &asked.path("/customers"));
    let row = |(id, one): &(&CustomerId, &Customer)| Row {
        id: id.to_string(),
        name: one.name.clone(),
        path: links::customer(id.as_str()),
        tier: one.tier.clone(),
        zone: one.zone(&reader.who.project).name(),
        versions: match running.get(*id) {
            Some(versions) if !versions.is_empty() => {
                versions.iter().cloned().collect::<Vec<_>>().join(", ")
            }
            Some(_) | None => "unknown".to_owned(),
        },
        pin: one.pin.as_ref().map(|pin| pin.version.clone()),
    };
    html(&FleetPage {
        frame: reader.frame(Section::Customers),
        rows: found
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(row)
            .collect(),
        found: found.len(),
        all: customers.len(),
        tiers: customers.values().map(|one| one.tier.clone()).collect(),
        asked,
        pages,
    })
}

/// The fleet as the files have it; while they cannot be used, as the newest rollout froze it.
pub(super) fn known(app: &App, reader: &Reader) -> BTreeMap<CustomerId, Customer> {
    let files = app.files();
    if let Some(config) = files.config() {
        return config.fleet.customers.clone();
    }
    let newest = reader.product.overview().into_iter().next_back();
    let plan = newest.and_then(|run| reader.product.plan(run.id));
    let planned = plan.into_iter().flat_map(|plan| &plan.customers);
    planned
        .map(|(id, planned)| (id.clone(), planned.customer.clone()))
        .collect()
}
