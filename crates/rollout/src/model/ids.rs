//! What things are called within the core.

use std::{fmt, str::FromStr};

use policy::{CustomerId, PolicyId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A rollout (`r1`, `r2`, ... in the order of their start) or an operation outside any rollout (`o1`, ...).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RolloutId {
    /// `r1`
    Rollout(u32),
    /// `o1`
    Operation(u32),
}

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollout(n) => write!(f, "r{n}"),
            Self::Operation(n) => write!(f, "o{n}"),
        }
    }
}

/// A text that is neither `r` nor `o` and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rollout is written r1, r2, ...; an operation o1, o2, ...")]
pub struct BadRolloutId;

impl FromStr for RolloutId {
    type Err = BadRolloutId;

    fn from_str(text: &str) -> Result<Self, BadRolloutId> {
        let number = |digits: &str| digits.parse().map_err(|_| BadRolloutId);
        match text.split_at_checked(1) {
            Some(("r", digits)) => Ok(Self::Rollout(number(digits)?)),
            Some(("o", digits)) => Ok(Self::Operation(number(digits)?)),
            Some(_) | None => Err(BadRolloutId),
        }
    }
}

impl Serialize for RolloutId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RolloutId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What one approval covers: `PHASE`, `PHASE/BATCH` or a customer's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateId {
    /// The whole phase.
    Phase(PolicyId),
    /// One batch, counted from 1.
    Batch(PolicyId, u32),
    /// One customer.
    Customer(CustomerId),
}

impl fmt::Display for GateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(phase) => phase.fmt(f),
            Self::Batch(phase, batch) => write!(f, "{phase}/{batch}"),
            Self::Customer(customer) => customer.fmt(f),
        }
    }
}

/// One issued command. It lives as long as the process: after a restart the state says what is wanted and ids begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

/// Render's id of a deploy (`dep-...`), taken as an opaque string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeployId(pub String);

impl fmt::Display for DeployId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for DeployId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// Render's id of a database (`dpg-...`), taken as an opaque string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseId(pub String);

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name under which the engine keeps sealed bytes beside the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttachmentId(pub String);

impl fmt::Display for AttachmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
