//! Render's own figures about a service's public traffic. Absent data is not zero errors: an empty answer stays empty.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use policy::ServiceId;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::open_enum::open_enum;
use crate::wire::nullable;

/// What is beyond these is a mistake of the reply: more requests than any service gets in one figure's time, and a day.
const MOST_REQUESTS: f64 = 1e12;
const LONGEST_MS: f64 = 86_400_000.0;

open_enum! {
    /// What Render measures.
    Metric {
        /// Use of processors.
        Cpu = "cpu",
        /// Processors an instance has.
        CpuLimit = "cpu-limit",
        /// The use that autoscaling aims at.
        CpuTarget = "cpu-target",
        /// Use of memory.
        Memory = "memory",
        /// Memory an instance has.
        MemoryLimit = "memory-limit",
        /// The use that autoscaling aims at.
        MemoryTarget = "memory-target",
        /// Requests of the public.
        HttpRequests = "http-requests",
        /// How long they took.
        HttpLatency = "http-latency",
        /// Bytes that left; hourly, and about an hour late.
        Bandwidth = "bandwidth",
        /// Instances.
        InstanceCount = "instance-count",
        /// Use of the disk.
        DiskUsage = "disk-usage",
        /// Size of the disk.
        DiskCapacity = "disk-capacity",
        /// Connections of a database.
        ActiveConnections = "active-connections",
        /// How far a replica is behind.
        ReplicationLag = "replication-lag",
    }
}

/// The values by which requests can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricFilter {
    /// `host`, `statusCode`, ...
    #[serde(default, deserialize_with = "nullable")]
    pub filter: String,
    /// Its values.
    #[serde(default, deserialize_with = "nullable")]
    pub values: Vec<String>,
}

/// A figure over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What it is about.
    #[serde(default, deserialize_with = "nullable")]
    pub labels: Vec<SeriesLabel>,
    /// The figures.
    #[serde(default, deserialize_with = "nullable")]
    pub values: Vec<Point>,
    /// `ms`, `s`, ...
    #[serde(default, deserialize_with = "nullable")]
    pub unit: String,
}

impl Series {
    /// What it is about, by the name of the label.
    pub fn label(&self, field: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|label| label.field == field)
            .map(|label| label.value.as_str())
    }

    /// Its lengths of time in milliseconds; none where the unit is another, and none that no request takes.
    pub fn millis(&self) -> impl Iterator<Item = f64> {
        let factor = match self.unit.as_str() {
            "ms" | "milliseconds" => Some(1.0),
            "s" | "seconds" => Some(1_000.0),
            _ => None,
        };
        let values = self.values.iter().map(|point| point.value);
        let millis = factor.map(|factor| values.map(move |value| value * factor));
        let sound = |millis: &f64| *millis > 0.0 && *millis <= LONGEST_MS;
        millis.into_iter().flatten().filter(sound)
    }
}

/// One label of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesLabel {
    /// Which.
    pub field: String,
    /// Its value.
    #[serde(default, deserialize_with = "nullable")]
    pub value: String,
}

/// One figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Of when.
    pub timestamp: DateTime<Utc>,
    /// How much.
    #[serde(default, deserialize_with = "nullable")]
    pub value: f64,
}

/// The time that is asked for. Always both ends, since Render's default is the last hour (T22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// Seconds of one figure, at least 30.
    pub resolution_seconds: u32,
}

impl TimeRange {
    fn call(&self, metric: &Metric, resource: &str) -> Call {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Call::get(&["metrics", metric.as_str()])
            .query("resource", resource)
            .query("startTime", time(self.start))
            .query("endTime", time(self.end))
            .query("resolutionSeconds", self.resolution_seconds.to_string())
    }
}

/// Requests of one figure's time: all, and those answered 5xx.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RequestCount {
    /// All.
    pub total: f64,
    /// Answered 5xx.
    pub failed: f64,
}

/// Adds up series by status code into one count an instant, in order of time.
pub fn request_counts(series: &[Series]) -> BTreeMap<DateTime<Utc>, RequestCount> {
    let mut counts: BTreeMap<DateTime<Utc>, RequestCount> = BTreeMap::new();
    for one in series {
        let failed = one
            .label("statusCode")
            .is_some_and(|code| code.starts_with('5'));
        let sound = |point: &&Point| point.value > 0.0 && point.value <= MOST_REQUESTS;
        for point in one.values.iter().filter(sound) {
            let count = counts.entry(point.timestamp).or_default();
            count.total += point.value;
            count.failed += if failed { point.value } else { 0.0 };
        }
    }
    counts
}

/// Metrics.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use render::TimeRange;
///
/// let backend = "srv-cukouhrtq21c73e9scng".into();
/// let end = chrono::Utc::now();
/// let range = TimeRange { start: end - chrono::TimeDelta::minutes(10), end, resolution_seconds: 60 };
/// let requests = render::request_counts(&client.http_requests(&backend, &range).await?);
/// let p95 = client.http_latency(&backend, 0.95, &range).await?;
/// println!("{} minutes with traffic, {} series of latency", requests.len(), p95.len());
/// # Ok(()) }
/// ```
impl Client {
    /// Any figure of a service or database. Empty where there is none.
    pub async fn metric(
        &self,
        metric: &Metric,
        resource: &str,
        range: &TimeRange,
    ) -> Result<Vec<Series>> {
        self.json(range.call(metric, resource)).await
    }

    /// The hosts and statuses by which the requests of a service can be told apart.
    pub async fn http_filters(
        &self,
        service: &ServiceId,
        range: &TimeRange,
    ) -> Result<Vec<MetricFilter>> {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let call = Call::get(&["metrics", "filters", "http"])
            .query("resource", service.as_str())
            .query("startTime", time(range.start))
            .query("endTime", time(range.end));
        self.json(call).await
    }

    /// Numbers of requests by status code. Empty where the service has no traffic or the plan no metrics.
    pub async fn http_requests(
        &self,
        service: &ServiceId,
        range: &TimeRange,
    ) -> Result<Vec<Series>> {
        self.json(
            range
                .call(&Metric::HttpRequests, service.as_str())
                .query("aggregateBy", "statusCode"),
        )
        .await
    }

    /// A quantile of latency, such as 0.95. Empty where the service has no traffic or the plan no metrics.
    pub async fn http_latency(
        &self,
        service: &ServiceId,
        quantile: f64,
        range: &TimeRange,
    ) -> Result<Vec<Series>> {
        self.json(
            range
                .call(&Metric::HttpLatency, service.as_str())
                .query("quantile", quantile.to_string()),
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_added_up_by_instant() {
        let series: Vec<Series> = serde_json::from_value(json!([
            { "labels": [{ "field": "statusCode", "value": "200" }], "unit": "",
              "values": [{ "timestamp": "2027-01-11T09:00:00Z", "value": 90 }, { "timestamp": "2027-01-11T09:01:00Z", "value": null }] },
            { "labels": [{ "field": "statusCode", "value": "503" }], "values": [{ "timestamp": "2027-01-11T09:00:00Z", "value": 10 }] },
        ]))
        .unwrap();
        let counts = request_counts(&series);
        assert_eq!(
            counts.into_values().collect::<Vec<_>>(),
            [RequestCount {
                total: 100.0,
                failed: 10.0
            }]
        );
    }

    #[test]
    fn what_cannot_be_is_no_figure() {
        let series: Vec<Series> = serde_json::from_value(json!([
            { "values": [{ "timestamp": "2027-01-11T09:00:00Z", "value": 1e300 }, { "timestamp": "2027-01-11T09:01:00Z", "value": -5 }] },
            { "values": [{ "timestamp": "2027-01-11T09:00:00Z", "value": 1e308 }] },
        ]))
        .unwrap();
        assert!(request_counts(&series).is_empty());
    }

    #[test]
    fn lengths_of_time_need_a_unit_we_know() {
        let series = |unit: &str, values: &[f64]| -> Series {
            let point =
                |value: &f64| json!({ "timestamp": "2027-01-11T09:00:00Z", "value": value });
            let values: Vec<_> = values.iter().map(point).collect();
            serde_json::from_value(json!({ "values": values, "unit": unit })).unwrap()
        };
        let millis = |series: &Series| series.millis().collect::<Vec<f64>>();
        assert_eq!(millis(&series("s", &[0.25, -1.0, 1e300])), [250.0]);
        assert_eq!(millis(&series("ms", &[90.0, 0.0])), [90.0]);
        assert!(millis(&series("furlongs", &[1.0])).is_empty());
    }
}
