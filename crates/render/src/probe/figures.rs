//! Figures over many requests, from Render's metrics or from probes. The two are never compared with each other.

use chrono::{DateTime, TimeDelta, Utc};
use policy::ServiceId;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::metric::{Series, TimeRange, request_counts};

/// How far back metrics are asked for.
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// Seconds of one figure of a count, and of a percentile.
const COUNT_RESOLUTION: u32 = 60;
const LATENCY_RESOLUTION: u32 = 600;

/// A rate is that of the last so many requests.
pub(super) const LAST_REQUESTS: u64 = 100;

/// Requests, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) failed: u64,
}

impl Traffic {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of minutes are far below 2^52"
    )]
    pub(super) fn failed_percent(self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.failed as f64 * 100.0 / self.requests as f64
        }
    }
}

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureSource {
    /// Render's metrics: everybody's requests, measured at Render.
    Metrics,
    /// Our own probes, measured here.
    Probes,
}

/// How fast a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// 95 of 100 requests were at least as fast, milliseconds.
    pub p95_ms: u32,
    /// Of how many requests.
    pub requests: u64,
    /// Measured where.
    pub source: FigureSource,
}

/// What Render's metrics say; each is absent where they say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) traffic: Option<Traffic>,
    pub(super) latency: Option<Latency>,
}

/// Reads the metrics of the last ten minutes, none from before `since`. Trouble is the same as no data.
pub(super) async fn read(
    client: &Client,
    service: &ServiceId,
    since: Option<DateTime<Utc>>,
) -> Figures {
    let end = Utc::now();
    let start = since.map_or(end - WINDOW, |since| since.max(end - WINDOW));
    let range = |resolution_seconds| TimeRange {
        start,
        end,
        resolution_seconds,
    };
    let requests = client
        .http_requests(service, &range(COUNT_RESOLUTION))
        .await
        .unwrap_or_default();
    if requests.is_empty() {
        return Figures::default();
    }
    let latencies = client
        .http_latency(service, 0.95, &range(LATENCY_RESOLUTION))
        .await
        .unwrap_or_default();
    figures(&requests, &latencies)
}

fn figures(requests: &[Series], latencies: &[Series]) -> Figures {
    let total = traffic(requests, u64::MAX).map_or(0, |traffic| traffic.requests);
    let latency = |p95_ms| Latency {
        p95_ms,
        requests: total,
        source: FigureSource::Metrics,
    };
    Figures {
        traffic: traffic(requests, LAST_REQUESTS),
        latency: median_ms(latencies).map(latency),
    }
}

/// The newest minutes, until they hold so many requests.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small and not negative"
)]
fn traffic(series: &[Series], most: u64) -> Option<Traffic> {
    let mut sum = Traffic::default();
    for count in request_counts(series).into_values().rev() {
        sum.requests += count.total.round() as u64;
        sum.failed += count.failed.round() as u64;
        if sum.requests >= most {
            break;
        }
    }
    (sum.requests > 0).then_some(sum)
}

/// The middle one of all percentiles: one odd minute decides nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, which is fine"
)]
fn median_ms(series: &[Series]) -> Option<u32> {
    let mut values: Vec<f64> = series.iter().flat_map(Series::millis).collect();
    values.sort_by(f64::total_cmp);
    values
        .get(values.len() / 2)
        .map(|value| value.round() as u32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn requests(code: &str, minutes: &[(u32, u32)]) -> Series {
        let values: Vec<_> = minutes
            .iter()
            .map(|(minute, count)| json!({ "timestamp": format!("2027-01-11T09:{minute:02}:00Z"), "value": count }))
            .collect();
        let labels = [json!({ "field": "statusCode", "value": code })];
        serde_json::from_value(json!({ "labels": labels, "values": values, "unit": "" })).unwrap()
    }

    fn latency(unit: &str, values: &[f64]) -> Series {
        let point = |value: &f64| json!({ "timestamp": "2027-01-11T09:00:00Z", "value": value });
        let values: Vec<_> = values.iter().map(point).collect();
        serde_json::from_value(json!({ "labels": [], "values": values, "unit": unit })).unwrap()
    }

    #[test]
    fn a_rate_is_that_of_the_newest_minutes() {
        let series = [
            requests("200", &[(1, 1_000), (2, 60), (3, 50)]),
            requests("502", &[(1, 500), (3, 10)]),
        ];
        assert_eq!(
            traffic(&series, LAST_REQUESTS),
            Some(Traffic {
                requests: 120,
                failed: 10
            })
        );
    }

    #[test]
    fn no_data_is_not_zero_errors() {
        assert_eq!(figures(&[], &[]), Figures::default());
        assert_eq!(traffic(&[requests("200", &[(1, 0)])], LAST_REQUESTS), None);
    }

    #[test]
    fn a_percentile_needs_a_unit_we_know() {
        assert_eq!(
            median_ms(&[latency("ms", &[90.0, 100.0, 4_000.0])]),
            Some(100)
        );
        assert_eq!(median_ms(&[latency("s", &[0.25])]), Some(250));
        assert_eq!(median_ms(&[latency("furlongs", &[1.0])]), None);
    }
}
