//! Metrics of public traffic: what visitors would have met, given what was live at the time.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::view;
use crate::ids::Timestamp;
use crate::platform::{Platform, Service, ServiceKind};
use crate::requests::{ApiError, Query};
use crate::site;

const DEFAULT_RESOLUTION: u32 = 60;
const MIN_RESOLUTION: u32 = 30;
/// The most values of one series, so that no query grows without bound.
const MAX_VALUES: i64 = 5_000;

/// The series that a query asks for. Where there is no data there is no series.
pub(super) fn series(
    platform: &Platform,
    now: Timestamp,
    metric: &str,
    query: &Query,
) -> Result<Value, ApiError> {
    let resolution = query
        .number("resolutionSeconds")?
        .unwrap_or(DEFAULT_RESOLUTION);
    if resolution < MIN_RESOLUTION {
        return Err(ApiError::bad_request(
            "resolutionSeconds must be at least 30",
        ));
    }
    let (from, until) = query.last_hour(now)?;
    let step = TimeDelta::seconds(resolution.into());
    let mut shown = Vec::new();
    for resource in query.all("resource") {
        let service = platform.service(&resource.as_str().into())?;
        if service.kind != ServiceKind::WebService {
            continue;
        }
        let steps = steps(service, from.max(service.created_at), until.min(now), step);
        match metric {
            "http-requests" => shown.extend(requests(platform, service, &steps, step, query)),
            "http-latency" if platform.settings().professional => {
                shown.push(latency(platform, service, &steps));
            }
            _ => {}
        }
    }
    Ok(shown.into())
}

/// The hosts and statuses by which the requests of services can be told apart.
pub(super) fn filters(
    platform: &Platform,
    now: Timestamp,
    query: &Query,
) -> Result<Value, ApiError> {
    let (from, until) = query.last_hour(now)?;
    let mut hosts = BTreeSet::new();
    let mut statuses = BTreeSet::new();
    for resource in query.all("resource") {
        let service = platform.service(&resource.as_str().into())?;
        let step = TimeDelta::seconds(DEFAULT_RESOLUTION.into());
        let steps = steps(service, from.max(service.created_at), until.min(now), step);
        if service.kind != ServiceKind::WebService || steps.is_empty() {
            continue;
        }
        hosts.extend(service.url.clone());
        hosts.extend(service.domains.iter().cloned());
        statuses.insert("200");
        if steps.iter().any(|at| site::error_share(service, *at) > 0.0) {
            statuses.insert("500");
        }
    }
    Ok(json!([
        { "filter": "host", "values": hosts },
        { "filter": "statusCode", "values": statuses },
    ]))
}

/// The instants of a series at which something was live.
fn steps(service: &Service, from: Timestamp, until: Timestamp, step: TimeDelta) -> Vec<Timestamp> {
    let first = from.timestamp() - from.timestamp().rem_euclid(step.num_seconds());
    let first = Timestamp::from_timestamp(first, 0).unwrap_or(from);
    (0..MAX_VALUES)
        .map_while(|n| first.checked_add_signed(step * i32::try_from(n).unwrap_or(i32::MAX)))
        .take_while(|at| *at < until)
        .filter(|at| service.live_at((*at).max(service.created_at)).is_some())
        .collect()
}

fn requests(
    platform: &Platform,
    service: &Service,
    steps: &[Timestamp],
    step: TimeDelta,
    query: &Query,
) -> Vec<Value> {
    let total = f64::from(platform.settings().traffic_per_minute) * step.as_seconds_f64() / 60.0;
    let failing = |at: &Timestamp| total * site::error_share(service, *at);
    let counts = |count: &dyn Fn(&Timestamp) -> f64| -> Vec<Value> {
        let value =
            |at: &Timestamp| json!({ "timestamp": view::instant(*at), "value": count(at).round() });
        steps.iter().map(value).collect()
    };
    if query.one("aggregateBy") != Some("statusCode") {
        return vec![shown(service, None, &counts(&|_| total), "requests")];
    }
    let good = counts(&|at| total - failing(at));
    let mut all = vec![shown(service, Some("200"), &good, "requests")];
    if steps.iter().any(|at| failing(at) > 0.0) {
        all.push(shown(service, Some("500"), &counts(&failing), "requests"));
    }
    all
}

fn latency(platform: &Platform, service: &Service, steps: &[Timestamp]) -> Value {
    let usual = platform.settings().latency_ms;
    let value = |at: &Timestamp| {
        let latency_ms = site::latency_ms(service, usual, *at);
        json!({ "timestamp": view::instant(*at), "value": f64::from(latency_ms) })
    };
    let values: Vec<Value> = steps.iter().map(value).collect();
    shown(service, None, &values, "ms")
}

fn shown(service: &Service, status: Option<&str>, values: &[Value], unit: &str) -> Value {
    let mut labels = vec![json!({ "field": "resource", "value": service.id })];
    labels.extend(status.map(|status| json!({ "field": "statusCode", "value": status })));
    json!({ "labels": labels, "values": values, "unit": unit })
}
