//! Alerts as they are stored and shown.

use std::fmt;

use engine::outbox::{ALERT_RAISED, ALERT_RECOVERED};
use policy::monitoring::Severity;
use policy::{PersonId, Timestamp};
use serde::{Deserialize, Serialize};

use super::probe::ServiceKey;

/// What an alert is about. A service has at most one open alert of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Failures in a row.
    Down,
    /// Slow answers in a row.
    Slow,
    /// Too many failures among the last probes.
    Errors,
    /// Something runs at Render that we did not put there.
    Drift,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Down, Self::Slow, Self::Errors, Self::Drift];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Errors => "errors",
            Self::Drift => "drift",
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What people type to acknowledge an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub i64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What to type.
    pub id: AlertId,
    /// About which service.
    #[serde(flatten)]
    pub key: ServiceKey,
    /// What is wrong.
    pub condition: Condition,
    /// How grave it is.
    pub severity: Severity,
    /// What was seen.
    pub reason: String,
    /// Since when.
    pub raised_at: Timestamp,
    /// Until when; open without.
    pub recovered_at: Option<Timestamp>,
    /// Who has taken notice.
    pub acknowledged_by: Option<PersonId>,
    /// When they did.
    pub acknowledged_at: Option<Timestamp>,
    /// What they said.
    pub acknowledged_because: Option<String>,
}

/// What is told of an alert: first that it was raised, then that it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertEvent {
    /// It was raised.
    Raised,
    /// What it was about is over.
    Recovered,
}

impl AlertEvent {
    /// The kind that `notify: when` names.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Raised => ALERT_RAISED,
            Self::Recovered => ALERT_RECOVERED,
        }
    }
}
