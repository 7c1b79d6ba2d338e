//! `health`: one health cycle of every service, now.

use futures::stream::{self, StreamExt as _};
use policy::plan::DATABASE;
use policy::settings::Service;
use policy::{Config, CustomerId, Role};
use project::service_kinds::Kinds;
use project::{connect, fleet, runs};
use render::probe::{CheckResult, Checkup, CycleSample, Expectation, History, Subject};
use rollout::health::CycleResult;
use serde::Serialize;

use crate::args::{Global, Health};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;

/// So many services are asked at once.
const AT_ONCE: usize = 20;

/// How one service is.
#[derive(Debug, Serialize)]
struct Seen {
    customer: CustomerId,
    service: Role,
    result: CycleResult,
    #[serde(flatten)]
    sample: CycleSample,
}

/// Asks one customer's services, or everybody's.
pub(crate) async fn health(global: &Global, args: &Health, out: Output) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    let plan = fleet::plan(&config)?;
    let running = runs::running(&open::product(global, out).await?);
    let mut asked = asked(&config, args.customer.as_ref())?;
    asked.retain(|(_, role, _)| args.service.as_ref().is_none_or(|only| only == *role));
    let client = connect::client(&config, &out).ok();
    if client.is_none() {
        out.say(
            "without RENDER_API_KEY the kinds of services are guessed from their roles, and rates come from these probes alone",
        );
    }
    let checkup = Checkup::new(connect::prober(&config)?, client.clone());
    let kinds = Kinds::new(client);
    let cycles = asked.into_iter().filter_map(|(id, role, service)| {
        let profile = fleet::profile(&config, &plan, id)?;
        let (checkup, kinds) = (&checkup, &kinds);
        let running = running.get(id).and_then(|services| services.get(role));
        let version = running.and_then(|running| running.version.clone());
        Some(async move {
            let subject = Subject {
                service: service.id.clone(),
                role: role.clone(),
                kind: kinds.of(&service.id, role).await,
                url: service.url.clone(),
            };
            let mut history = History::default();
            let expected = Expectation {
                version,
                ..Expectation::default()
            };
            let sample = checkup
                .cycle(&subject, profile, &expected, &mut history)
                .await;
            Seen {
                customer: id.clone(),
                service: role.clone(),
                result: sample.result(),
                sample,
            }
        })
    });
    let seen: Vec<Seen> = stream::iter(cycles).buffered(AT_ONCE).collect().await;
    let none = "no service that was meant has an address to ask; write `url:` in customers.yaml";
    out.list(&seen, seen.is_empty(), none, || text(&seen))?;
    let failed = seen
        .iter()
        .any(|one| matches!(one.result, CycleResult::Failed { .. }));
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Every service that answers somewhere.
fn asked<'c>(
    config: &'c Config,
    only: Option<&CustomerId>,
) -> Result<Vec<(&'c CustomerId, &'c Role, &'c Service)>, Failure> {
    if let Some(customer) = only {
        fleet::customer(config, customer)?;
    }
    let customers = config
        .fleet
        .customers
        .iter()
        .filter(|(id, _)| only.is_none_or(|only| only == *id));
    let services = customers.flat_map(|(id, customer)| {
        customer
            .services
            .iter()
            .map(move |(role, service)| (id, role, service))
    });
    Ok(services
        .filter(|(_, role, service)| role.as_str() != DATABASE && service.url.is_some())
        .collect())
}

fn text(seen: &[Seen]) -> String {
    let rows = seen.iter().map(|one| {
        let (word, detail) = match &one.result {
            CycleResult::Passed => ("healthy", String::new()),
            CycleResult::Failed { reason } => ("unhealthy", reason.clone()),
            CycleResult::NoData { reason } => ("unknown", reason.clone()),
        };
        let latency = one
            .sample
            .checks
            .iter()
            .filter_map(|check| check.latency_ms)
            .max();
        vec![
            one.customer.to_string(),
            one.service.to_string(),
            word.to_owned(),
            format!("{}/{}", passed(&one.sample), one.sample.checks.len()),
            latency.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            detail,
        ]
    });
    table(
        &["CUSTOMER", "SERVICE", "HEALTH", "CHECKS", "LATENCY", ""],
        rows,
    )
}

fn passed(sample: &CycleSample) -> usize {
    sample
        .checks
        .iter()
        .filter(|check| check.result == CheckResult::Pass)
        .count()
}
