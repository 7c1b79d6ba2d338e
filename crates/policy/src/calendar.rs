//! When may something start: windows (R7), daylight saving (R8), freezes (R9).

mod cron;
mod freeze;
mod freeze_edits;
mod gaps;
mod lint;
mod occurrence;
mod outlook;
mod windows;
mod zone;

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use self::cron::{Cron, CronError};
pub use self::freeze::{
    Boundary, BoundaryError, Freeze, FreezeScope, FreezeTimes, Period, Repetition, WrittenCron,
};
pub use self::freeze_edits::shortened;
pub use self::gaps::Gaps;
pub use self::lint::{Finding, lint_windows};
pub use self::occurrence::{Held, Occurrence};
pub use self::outlook::{Outlook, outlook};
pub use self::windows::{Opening, SEARCH_HORIZON, Windows};
pub use self::zone::resolve_local;
use crate::span::{Span, Timestamp};

/// One `window:` as written and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Five fields, Monday = 1, Sunday = 0 or 7, `SAT#3`, `SATL`.
    pub cron: String,
    /// Local length: start + duration is a local time again (R8).
    pub duration: Span,
    /// Where it is local.
    pub zone: ZoneSpec,
    /// So much must be left for a customer to start.
    pub reserve: Span,
}

impl WindowSpec {
    /// Whether nothing but the zone differs.
    pub fn is_but_for_zone(&self, other: &Self) -> bool {
        let zone = other.zone;
        Self {
            zone,
            ..self.clone()
        } == *other
    }
}

/// A zone, or the customer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSpec {
    /// Each customer's own.
    Customer,
    /// A fixed zone.
    Zone(Tz),
}

impl ZoneSpec {
    /// Of what is no local time.
    pub const UTC: Self = Self::Zone(Tz::UTC);

    /// The zone it means for a customer of that zone.
    pub const fn resolve(self, customer_zone: Tz) -> Tz {
        match self {
            Self::Customer => customer_zone,
            Self::Zone(zone) => zone,
        }
    }
}

/// A half-open interval `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

impl Interval {
    /// Whether nothing lies in it.
    pub fn is_empty(&self) -> bool {
        self.from >= self.until
    }

    /// How long it is.
    pub fn length(&self) -> Span {
        Span::from_millis(
            self.until
                .signed_duration_since(self.from)
                .num_milliseconds(),
        )
    }

    /// Whether an instant lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(Timestamp::MAX_UTC)
}
