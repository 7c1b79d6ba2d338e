//! Health profiles: what is asked of a live service, how often, and how many answers decide (R20).

use serde::{Deserialize, Serialize};

use crate::ids::Role;
use crate::span::Span;

/// A named set of checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Between the beginnings of two cycles.
    pub every: Span,
    /// Passing cycles in a row that make a service healthy.
    pub pass_after: u32,
    /// Failing cycles in a row that make it unhealthy.
    pub fail_after: u32,
    /// All must pass for the cycle to pass.
    pub checks: Vec<Check>,
}

impl Profile {
    /// The profile of policies that name none: `GET /api/health` answers 2xx.
    pub fn basic() -> Self {
        Self::of(vec![CheckKind::Http(Self::HEALTH_PATH.to_owned())])
    }

    /// All that a release can be asked: health, version, database, latency, error rate and baseline.
    pub fn comprehensive() -> Self {
        Self::of(vec![
            CheckKind::Http(Self::HEALTH_PATH.to_owned()),
            CheckKind::Version("/api/version".to_owned()),
            CheckKind::Database {
                path: Self::HEALTH_PATH.to_owned(),
                field: "database".to_owned(),
                equals: "connected".to_owned(),
            },
            CheckKind::Latency {
                max: Span::from_secs(5),
            },
            CheckKind::ErrorRate { max: 5.0 },
            CheckKind::Baseline { p95_ratio: 2.0 },
        ])
    }

    const HEALTH_PATH: &str = "/api/health";

    /// Those checks at the default pace.
    pub(crate) fn of(kinds: Vec<CheckKind>) -> Self {
        Self {
            every: Span::from_secs(30),
            pass_after: 1,
            fail_after: 3,
            checks: kinds
                .into_iter()
                .map(|kind| Check { kind, on: None })
                .collect(),
        }
    }
}

/// One check, and the role it is asked of; `None`: every role it makes sense for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// The one role it is asked of.
    pub on: Option<Role>,
}

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A path that must answer 2xx in time.
    Http(String),
    /// A path that must report the release.
    Version(String),
    /// A field of a JSON answer that must equal a value.
    Database {
        /// Where.
        path: String,
        /// The JSON field.
        field: String,
        /// Its value.
        equals: String,
    },
    /// The slowest answer allowed.
    Latency {
        /// Upper limit.
        max: Span,
    },
    /// The largest share of failed requests, in percent of the last 100.
    ErrorRate {
        /// Upper limit, percent.
        max: f64,
    },
    /// The largest p95 against the same service before the deploy.
    Baseline {
        /// Upper limit of the ratio.
        p95_ratio: f64,
    },
}
