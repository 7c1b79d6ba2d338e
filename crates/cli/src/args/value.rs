//! How single values are read from the command line.

use chrono::DateTime;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use policy::calendar::Boundary;
use policy::{Span, Timestamp};
use rollout::request::Scope;

/// An instant: RFC 3339, cut to milliseconds.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let at = DateTime::parse_from_rfc3339(text).map_err(|source| {
        format!(
            "{source}; an instant is written like 2027-01-11T09:00:00Z or 2027-01-11T09:00:00+01:00"
        )
    })?;
    DateTime::from_timestamp_millis(at.timestamp_millis())
        .ok_or_else(|| "that is too far away".to_owned())
}

/// A date, a local date-time or an instant.
pub(super) fn boundary(text: &str) -> Result<Boundary, String> {
    text.parse().map_err(|source| {
        format!("{source}; write 2027-01-11T09:00 (local), or 2027-01-11T09:00:00Z")
    })
}

/// A length of time, `1d 6h`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|source| format!("{source}"))
}

/// For what a token is made.
pub(super) fn scopes() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)).try_map(|name| name.parse::<Scope>())
}

/// A number of things, from 1 to 10,000.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        Ok(_) | Err(_) => Err("write a number from 1 to 10000".to_owned()),
    }
}
