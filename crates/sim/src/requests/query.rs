//! The query of a request: filters, bounds, the place in a list.

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;
use crate::ids::Timestamp;
use crate::settings::Assumptions;

/// Names and values, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Query(Vec<(String, String)>);

/// A path segment or a part of a query as it is meant.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(&value.replace('+', " ")))
        };
        Self(parts.map(pair).collect())
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a name, repeated or joined by commas.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// All values of a name, each as it was written.
    pub(crate) fn repeated(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.as_str()).collect()
    }

    /// All values of a name, each one of those Render knows.
    pub(crate) fn all_of<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, ApiError> {
        let known = |value| serde_json::from_value(Value::String(value)).map_err(|_| invalid(name));
        self.all(name).into_iter().map(known).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        self.one(name)
            .map(|text| text.parse().map_err(|_| invalid(name)))
            .transpose()
    }

    pub(crate) fn instant(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let parse =
            |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
        self.one(name)
            .map(|text| parse(text).map_err(|_| invalid(name)))
            .transpose()
    }

    /// `NAMEAfter` and `NAMEBefore`.
    pub(crate) fn bounds(&self, name: &str) -> Result<Bounds, ApiError> {
        Ok(Bounds {
            after: self.instant(&format!("{name}After"))?,
            before: self.instant(&format!("{name}Before"))?,
        })
    }

    /// `startTime` and `endTime`; by default the last hour.
    pub(crate) fn last_hour(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
        let hour = policy::Span::from_secs(3_600).to_delta();
        let from = self.instant("startTime")?.unwrap_or(now - hour);
        Ok((from, self.instant("endTime")?.unwrap_or(now)))
    }
}

/// An interval of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// `...After`.
    pub after: Option<Timestamp>,
    /// `...Before`.
    pub before: Option<Timestamp>,
}

impl Bounds {
    pub(crate) fn hold(&self, at: Option<Timestamp>, assumptions: &Assumptions) -> bool {
        match at {
            Some(at) => assumptions.within(at, self.after, self.before),
            None => self.after.is_none() && self.before.is_none(),
        }
    }
}

fn invalid(name: &str) -> ApiError {
    ApiError::bad_request(&format!("invalid {name}"))
}
