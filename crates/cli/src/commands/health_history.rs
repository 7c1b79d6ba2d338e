//! `health --history`: how services were, by what the monitor measured and by Render's own figures.

use chrono::TimeDelta;
use policy::{Config, CustomerId, Role, Span, Timestamp};
use project::error::with_causes;
use project::{Backend, Figures, History, connect, fleet};
use render::{Client, Series, TimeRange, request_counts};
use serde::Serialize;

use super::monitor::measured;
use crate::args::{Global, Health};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::figures::{chart, latency, percent};
use crate::show::table::table;
use crate::show::time;

/// A chart has so many columns.
pub(super) const PARTS: usize = 24;

/// How long before the time in question a service's usual figures are taken from.
const BASELINE: TimeDelta = TimeDelta::days(7);

/// How a service was.
#[derive(Debug, Serialize)]
pub(super) struct Past {
    pub(super) customer: CustomerId,
    pub(super) service: Role,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    #[serde(flatten)]
    pub(super) total: Figures,
    /// What is usual: the seven days before.
    pub(super) baseline: Figures,
    pub(super) parts: Vec<Figures>,
    /// Render's own figures of all requests, where there are any.
    pub(super) render: Option<Measured>,
}

/// What Render has measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    requests: f64,
    failed: f64,
    p95_ms: Option<f64>,
}

/// Shows how services were.
pub(crate) async fn history(
    global: &Global,
    args: &Health,
    over: Span,
    out: Output,
) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    if let Some(customer) = &args.customer {
        fleet::customer(&config, customer)?;
    }
    let until = time::now();
    let from = until - over.to_delta();
    let backend = open::backend(global, out)?;
    let mut past = past(&*backend, args.customer.as_ref(), from, until).await?;
    past.retain(|one| {
        args.service
            .as_ref()
            .is_none_or(|role| *role == one.service)
    });
    // Reads are a budget of the whole fleet: only whom somebody asks for by name.
    if let (Some(customer), Ok(client)) = (&args.customer, connect::client(&config, &out)) {
        for one in &mut past {
            match at_render(&client, &config, customer, one).await {
                Ok(measured) => one.render = measured,
                Err(error) => out.say(format_args!(
                    "Render's figures of {customer}/{} could not be read: {}",
                    one.service,
                    with_causes(&error)
                )),
            }
        }
    }
    let is_empty = past.iter().all(|one| one.total.asked() == 0);
    let none = "no service has answered in that time, or none was asked; see: tranche monitor";
    out.list(&past, is_empty, none, || text(&past))?;
    Ok(Exit::Done)
}

/// What was measured of everybody, or of one customer.
pub(super) async fn past(
    backend: &dyn Backend,
    customer: Option<&CustomerId>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Past>, Failure> {
    let found = backend.health(customer, from, until, PARTS).await?;
    let usual = backend.health(customer, from - BASELINE, from, 1).await?;
    let (found, usual) = (measured(found)?, measured(usual)?);
    let both = found.into_iter().zip(usual);
    Ok(both
        .map(|(one, usual): (History, History)| Past {
            customer: one.key.customer,
            service: one.key.service,
            from,
            until,
            total: one.total,
            baseline: usual.total,
            parts: one.parts,
            render: None,
        })
        .collect())
}

/// Render's figures; none where the plan of the workspace or the kind of the service has none.
async fn at_render(
    client: &Client,
    config: &Config,
    customer: &CustomerId,
    past: &Past,
) -> render::Result<Option<Measured>> {
    let services = &config.fleet.customers[customer].services;
    let Some(service) = services.get(&past.service) else {
        return Ok(None);
    };
    let seconds = (past.until - past.from).num_seconds();
    let range = TimeRange {
        start: past.from,
        end: past.until,
        resolution_seconds: u32::try_from(seconds / 100).unwrap_or(u32::MAX).max(60),
    };
    let requests = client.http_requests(&service.id, &range).await?;
    // A workspace whose plan measures no latency may be refused; the numbers of requests stand by themselves.
    let latencies = client.http_latency(&service.id, 0.95, &range).await;
    Ok(Measured::of(&requests, &latencies.unwrap_or_default()))
}

impl Measured {
    fn of(requests: &[Series], latencies: &[Series]) -> Option<Self> {
        let counts = request_counts(requests);
        (!counts.is_empty()).then(|| Self {
            requests: counts.values().map(|count| count.total).sum(),
            failed: counts.values().map(|count| count.failed).sum(),
            p95_ms: latencies.iter().flat_map(Series::millis).reduce(f64::max),
        })
    }
}

fn text(past: &[Past]) -> String {
    let heading = [
        "CUSTOMER",
        "SERVICE",
        "UPTIME",
        "ERRORS",
        "P50",
        "P95",
        "P99",
        "USUAL P95",
        "PROBES",
        "P95 OVER TIME",
        "AT RENDER",
    ];
    table(&heading, past.iter().map(row))
}

fn row(past: &Past) -> Vec<String> {
    let total = &past.total;
    vec![
        past.customer.to_string(),
        past.service.to_string(),
        percent(total.uptime()),
        percent(total.error_rate()),
        latency(total.quantile(500)),
        latency(total.quantile(950)),
        latency(total.quantile(990)),
        latency(past.baseline.quantile(950)),
        total.asked().to_string(),
        chart(&past.parts),
        past.render
            .as_ref()
            .map_or_else(|| "-".to_owned(), measured_text),
    ]
}

fn measured_text(measured: &Measured) -> String {
    let share = measured.failed * 100.0 / measured.requests.max(1.0);
    let slowest = measured
        .p95_ms
        .map_or_else(String::new, |ms| format!(", p95 up to {ms:.0} ms"));
    format!(
        "{:.0} requests, {share:.2} % failed{slowest}",
        measured.requests
    )
}
