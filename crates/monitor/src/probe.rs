//! What is asked, and what was seen.

use std::fmt;

use policy::{CustomerId, Role, Timestamp};
use serde::{Deserialize, Serialize};

/// One service of one customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceKey {
    /// Whose.
    pub customer: CustomerId,
    /// Its role.
    pub service: Role,
}

impl ServiceKey {
    /// The service of that role.
    pub fn new(customer: impl Into<CustomerId>, service: impl Into<Role>) -> Self {
        Self {
            customer: customer.into(),
            service: service.into(),
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.customer, self.service)
    }
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "seen")]
pub enum Observed {
    /// A good answer.
    Up {
        /// How long it took.
        latency_ms: u32,
    },
    /// A bad answer, or none although our own network works.
    Down {
        /// What was wrong.
        reason: String,
    },
    /// Nothing that says anything about the service (R20).
    NoData {
        /// Why not.
        reason: String,
    },
}

/// What one probe of a service saw, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Of which service.
    #[serde(flatten)]
    pub key: ServiceKey,
    /// When it was asked.
    pub at: Timestamp,
    /// What it answered.
    #[serde(flatten)]
    pub observed: Observed,
}
