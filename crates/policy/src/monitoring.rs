//! The `monitor:` part of `tranche.yaml`: how often services are asked outside rollouts, and what raises an alert.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// How services are watched, rollout or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitoring {
    /// Between two probes of a service.
    pub every: Span,
    /// Probes at the same time.
    pub parallel: u32,
    /// What raises alerts.
    pub limits: Limits,
    /// How often what runs at Render is compared with what was put there; `None`: never.
    pub drift_every: Option<Span>,
    /// How long what was measured is kept.
    pub keep: Keep,
}

/// What raises an alert, and how grave it is. Without a severity nothing is raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// So many failures in a row are an outage.
    pub down_after: u32,
    /// Of an outage.
    pub down: Option<Severity>,
    /// An answer that takes longer is slow.
    pub latency: Span,
    /// So many slow answers in a row are too many.
    pub latency_after: u32,
    /// Of slowness.
    pub slow: Option<Severity>,
    /// The largest share of failures among the last 100 probes, in percent.
    pub error_rate: f64,
    /// Of failures beyond that share.
    pub errors: Option<Severity>,
    /// Of something at Render that was not put there by us.
    pub drift: Option<Severity>,
    /// So many good answers in a row end an outage or slowness.
    pub recover_after: u32,
}

/// How long what was measured is kept; older samples become hours, older hours become days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Single samples.
    pub samples: Span,
    /// Figures by the hour.
    pub hours: Span,
    /// Figures by the day.
    pub days: Span,
}

/// How grave an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody must look now.
    Critical,
}

impl Severity {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            every: Span::from_secs(60),
            parallel: 20,
            limits: Limits::default(),
            drift_every: Some(Span::from_secs(600)),
            keep: Keep::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            down_after: 3,
            down: Some(Severity::Critical),
            latency: Span::from_secs(5),
            latency_after: 1,
            slow: Some(Severity::Warning),
            error_rate: 5.0,
            errors: Some(Severity::Warning),
            drift: Some(Severity::Warning),
            recover_after: 1,
        }
    }
}

impl Default for Keep {
    fn default() -> Self {
        const DAY: i64 = 86_400;
        Self {
            samples: Span::from_secs(2 * DAY),
            hours: Span::from_secs(90 * DAY),
            days: Span::from_secs(730 * DAY),
        }
    }
}
