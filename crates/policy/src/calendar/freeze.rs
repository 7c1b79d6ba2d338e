//! Freezes: times at which nobody may start, or a part of the fleet may not (R9).
//!
//! A freeze holds once, again and again, or at the busy times of a calendar file. Whichever it is, whoever asks meets
//! [`Occurrence`](super::Occurrence)s; finding them is [`occurrence`](super::occurrence)'s question.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, SubsecRound as _, Timelike as _,
    Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::cron::{Cron, CronError};
use super::zone::resolve_local;
use super::{Interval, ZoneSpec};
use crate::ids::CustomerId;
use crate::span::{Span, Timestamp};

/// A time at which nobody of its scope may start; it beats every window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// What `override` and `unfreeze` call it.
    pub name: String,
    /// When it holds. Flat, so that one that holds once reads as it did in every release.
    #[serde(flatten)]
    pub times: FreezeTimes,
    /// Where local times are local.
    pub zone: ZoneSpec,
    /// Whom it concerns.
    pub customers: FreezeScope,
    /// Why.
    pub reason: Option<String>,
}

/// When a freeze holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FreezeTimes {
    /// Once.
    Once(Period),
    /// Again and again.
    Repeats(Repetition),
    /// At the busy times of a calendar file.
    Dated {
        /// The file, as named.
        ics: String,
        /// As they were read: local ones first, each kind by its beginning, each beginning once.
        occurrences: Vec<Period>,
    },
}

/// From when until when, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// Inclusive.
    pub from: Boundary,
    /// Exclusive.
    pub until: Boundary,
}

/// A freeze that comes again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repetition {
    /// When each occurrence begins.
    pub cron: WrittenCron,
    /// Local length: start + duration is a local time again (R8).
    pub duration: Span,
    /// Local dates on which none begins.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<NaiveDate>,
}

/// A cron expression as it was written, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WrittenCron {
    text: String,
    cron: Cron,
}

impl WrittenCron {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub fn cron(&self) -> &Cron {
        &self.cron
    }
}

impl TryFrom<String> for WrittenCron {
    type Error = CronError;

    fn try_from(text: String) -> Result<Self, CronError> {
        let cron = text.parse()?;
        Ok(Self { text, cron })
    }
}

impl From<WrittenCron> for String {
    fn from(written: WrittenCron) -> Self {
        written.text
    }
}

/// An end of a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// A local date-time; a date is its 00:00.
    Local(NaiveDateTime),
    /// The same instant everywhere.
    Instant(Timestamp),
}

impl Boundary {
    /// The instant it is in a zone.
    pub fn resolve(self, zone: Tz) -> Timestamp {
        match self {
            Self::Local(local) => resolve_local(zone, local),
            Self::Instant(at) => at,
        }
    }

    /// The instant at which it has come for somebody, wherever they may live.
    pub fn anywhere(self, zone: ZoneSpec) -> Timestamp {
        // Where a local time comes first in the world.
        self.resolve(zone.resolve(Tz::Etc__GMTMinus14))
    }

    /// The instant at which it has come for everybody, wherever they live.
    pub fn everywhere(self, zone: ZoneSpec) -> Timestamp {
        // Where a local time comes last in the world.
        self.resolve(zone.resolve(Tz::Etc__GMTPlus12))
    }
}

/// What is no date, local date-time or instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date, local date-time or instant")]
pub struct BoundaryError(String);

/// The forms of a local date-time.
const LOCAL: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
];

/// A date (its 00:00), a local date-time or an instant, cut to milliseconds.
impl FromStr for Boundary {
    type Err = BoundaryError;

    fn from_str(text: &str) -> Result<Self, BoundaryError> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Instant(at.with_timezone(&Utc).trunc_subsecs(3)));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::Local(date.and_time(NaiveTime::MIN)));
        }
        let mut forms = LOCAL.iter();
        let local = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let local = local.ok_or_else(|| BoundaryError(text.to_owned()))?;
        Ok(Self::Local(local.trunc_subsecs(3)))
    }
}

/// As it can be written again.
impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(local) if local.second() == 0 && local.nanosecond() == 0 => {
                write!(f, "{}", local.format("%Y-%m-%dT%H:%M"))
            }
            Self::Local(local) => write!(f, "{}", local.format("%Y-%m-%dT%H:%M:%S%.f")),
            Self::Instant(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

/// Whom a freeze concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeScope {
    /// Everybody.
    All,
    /// Those who fulfil every part that is not empty, as in a policy's `customers`.
    Only {
        /// These customers.
        customers: BTreeSet<CustomerId>,
        /// Those who carry all of these tags.
        tags: BTreeSet<String>,
        /// Those of any of these tiers.
        tiers: BTreeSet<String>,
    },
}

impl Period {
    /// When it is in a zone. The interval is empty when `until` is not after `from` there.
    pub fn interval(self, zone: Tz) -> Interval {
        Interval {
            from: self.from.resolve(zone),
            until: self.until.resolve(zone),
        }
    }

    /// Whether it is empty wherever it is judged; mixed boundaries depend on the zone.
    pub fn is_empty(self) -> bool {
        match (self.from, self.until) {
            (Boundary::Local(from), Boundary::Local(until)) => from >= until,
            (Boundary::Instant(from), Boundary::Instant(until)) => from >= until,
            (Boundary::Local(_), Boundary::Instant(_))
            | (Boundary::Instant(_), Boundary::Local(_)) => false,
        }
    }
}

impl Freeze {
    /// The one time at which it holds, of one that does not come again.
    pub fn once(&self) -> Option<Period> {
        match &self.times {
            FreezeTimes::Once(period) => Some(*period),
            FreezeTimes::Repeats(_) | FreezeTimes::Dated { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Freeze {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_freeze_that_holds_once_is_stored_as_it_was_by_every_release() {
        let stored = r#"{"name":"christmas","from":{"local":"2026-12-24T00:00:00"},"until":{"instant":"2027-01-02T00:00:00Z"},"zone":"customer","customers":{"only":{"customers":["a"],"tags":[],"tiers":["demo"]}},"reason":null}"#;
        let freeze = read(stored);
        assert!(freeze.once().is_some());
        assert_eq!(serde_json::to_string(&freeze).unwrap(), stored);
    }

    #[test]
    fn a_freeze_that_repeats_is_stored_as_it_was_written() {
        let stored = r#"{"name":"hours","cron":"0 9 * * 1-5","duration":"8h","except":["2027-01-12"],"zone":{"zone":"Europe/Berlin"},"customers":"all","reason":"people work"}"#;
        let freeze = read(stored);
        assert_eq!(freeze.once(), None);
        assert_eq!(serde_json::to_string(&freeze).unwrap(), stored);
        let unreadable = stored.replace("1-5", "8");
        assert!(serde_json::from_str::<Freeze>(&unreadable).is_err());
    }

    #[test]
    fn a_freeze_of_a_calendar_is_stored_with_its_times() {
        let stored = r#"{"name":"finance","ics":"finance.ics","occurrences":[{"from":{"local":"2027-01-11T09:00:00"},"until":{"local":"2027-01-11T17:00:00"}}],"zone":"customer","customers":"all","reason":null}"#;
        assert_eq!(serde_json::to_string(&read(stored)).unwrap(), stored);
    }

    #[test]
    fn a_boundary_is_shown_as_it_can_be_written() {
        for text in [
            "2027-01-11T09:00",
            "2027-01-11T09:00:30.500",
            "2027-01-11T09:00:00Z",
        ] {
            let boundary: Boundary = text.parse().unwrap();
            assert_eq!(boundary.to_string(), text);
        }
        let date: Boundary = "2027-01-11".parse().unwrap();
        assert_eq!(date.to_string(), "2027-01-11T00:00");
        assert!("tomorrow".parse::<Boundary>().is_err());
    }
}
