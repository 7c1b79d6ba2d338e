//! Figures over a time: how often a service answered well, and how fast. No data is no figure, never zero.

use serde::Serialize;

use policy::Timestamp;

use super::histogram::Histogram;
use super::probe::{Observed, ServiceKey};

/// What the probes of a time add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Good answers.
    pub up: u64,
    /// Bad answers, or none.
    pub down: u64,
    /// Probes that say nothing about the service.
    pub no_data: u64,
    /// How long good answers took.
    pub latency: Histogram,
}

/// The figures of one service over a time, as a whole and by parts of equal length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Which service.
    pub key: ServiceKey,
    /// The whole.
    pub total: Figures,
    /// The parts, in order.
    pub parts: Vec<Figures>,
}

impl Figures {
    /// Counts one probe.
    pub fn add(&mut self, observed: &Observed) {
        match observed {
            Observed::Up { latency_ms } => {
                self.up += 1;
                self.latency.record(*latency_ms);
            }
            Observed::Down { .. } => self.down += 1,
            Observed::NoData { .. } => self.no_data += 1,
        }
    }

    /// Adds the figures of another time.
    pub fn merge(&mut self, other: &Self) {
        self.up += other.up;
        self.down += other.down;
        self.no_data += other.no_data;
        self.latency.merge(&other.latency);
    }

    /// Probes that say something about the service.
    pub fn asked(&self) -> u64 {
        self.up + self.down
    }

    /// The share of probes that were answered well, in percent.
    pub fn uptime(&self) -> Option<f64> {
        share(self.up, self.asked())
    }

    /// The share of probes that were not, in percent.
    pub fn error_rate(&self) -> Option<f64> {
        share(self.down, self.asked())
    }

    /// The latency that so many of a thousand good answers did not exceed.
    pub fn quantile(&self, per_mille: u64) -> Option<u32> {
        self.latency.quantile(per_mille)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of probes are far below 2^52"
)]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

/// Figures as programs get them.
impl Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown {
            probes: self.asked(),
            failed: self.down,
            no_data: self.no_data,
            uptime: self.uptime(),
            error_rate: self.error_rate(),
            p50_ms: self.quantile(500),
            p95_ms: self.quantile(950),
            p99_ms: self.quantile(990),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Shown {
    probes: u64,
    failed: u64,
    no_data: u64,
    uptime: Option<f64>,
    error_rate: Option<f64>,
    p50_ms: Option<u32>,
    p95_ms: Option<u32>,
    p99_ms: Option<u32>,
}

/// Which of `parts` equal parts of `[from, until)` an instant falls into.
pub(super) fn part_of(at: i64, from: Timestamp, until: Timestamp, parts: usize) -> Option<usize> {
    let (from, until) = (from.timestamp_millis(), until.timestamp_millis());
    let offset = usize::try_from(at - from).ok()?;
    let length = usize::try_from(until - from).ok()?;
    (offset < length).then(|| offset * parts / length)
}
