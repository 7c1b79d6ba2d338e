//! Instants, and lengths of time as people write them: `90s`, `2h`, `1d 6h`.
//!
//! Months and years are refused, because their length depends on where they begin; one day is always 24 hours (R4).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant, cut to milliseconds.
pub type Timestamp = DateTime<Utc>;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The units that are printed, longest first. Weeks are read, but `7d` says the same and compares better.
const PRINTED: [(i64, &str); 5] = [
    (DAY, "d"),
    (HOUR, "h"),
    (MINUTE, "m"),
    (SECOND, "s"),
    (1, "ms"),
];

/// A length of time, never negative and at most [`Span::MAX`], in whole milliseconds.
///
/// ```
/// use policy::Span;
///
/// let span: Span = "1d 6h".parse()?;
/// assert_eq!(span, Span::from_secs(30 * 60 * 60));
/// assert_eq!(span.to_string(), "1d 6h");
/// assert!("1M".parse::<Span>().is_err());
/// # Ok::<(), policy::span::SpanError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// The longest span: 36,500 days. Adding it to any instant of this century stays within chrono's range.
    pub const MAX: Self = Self(36_500 * DAY);

    /// Takes whole milliseconds; what lies outside `ZERO..=MAX` is cut to it.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            Self::ZERO
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Takes whole seconds; what lies outside `ZERO..=MAX` is cut to it.
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(SECOND))
    }

    /// Its length in milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Its length for chrono's arithmetic.
    pub const fn to_delta(self) -> TimeDelta {
        // `MAX` is far below `TimeDelta`'s limit, so this is exact.
        TimeDelta::milliseconds(self.0)
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Prints days, hours, minutes, seconds and milliseconds, leaving out what is zero.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.pad("0s");
        }
        let mut text = String::new();
        let mut rest = self.0;
        for (length, unit) in PRINTED {
            if rest >= length {
                let gap = if text.is_empty() { "" } else { " " };
                write!(text, "{gap}{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        f.pad(&text)
    }
}

/// Why a text is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Nothing is written.
    #[error("a duration is missing; write one such as `90s`, `2h` or `1d 6h`")]
    Empty,
    /// A number without a unit.
    #[error("`{0}` has no unit; write `{0}s`, `{0}m`, `{0}h` or `{0}d`")]
    NoUnit(String),
    /// Something other than a whole number and a unit.
    #[error(
        "`{0}` is not a duration; write whole numbers with the units w, d, h, m and s, such as `1d 6h`"
    )]
    Malformed(String),
    /// A month.
    #[error(
        "`{0}M` would be a month, whose length varies; write `{0}m` for minutes, or days such as `30d`"
    )]
    Month(String),
    /// A year.
    #[error("`{0}y` would be a year, whose length varies; write days such as `365d`")]
    Year(String),
    /// A unit nobody knows.
    #[error("`{0}` is not a unit of time; the units are w, d, h, m and s")]
    Unit(String),
    /// The same unit twice.
    #[error("the unit `{0}` is written twice")]
    Twice(String),
    /// More than [`Span::MAX`].
    #[error("`{0}` is longer than {max}", max = Span::MAX)]
    TooLong(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let text = text.trim();
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut total: i64 = 0;
        let mut seen: Vec<&str> = Vec::new();
        while !rest.is_empty() {
            let (millis, unit, after) = part(rest, text)?;
            if seen.contains(&unit) {
                return Err(SpanError::Twice(unit.to_owned()));
            }
            seen.push(unit);
            total = total
                .checked_add(millis)
                .filter(|sum| *sum <= Self::MAX.0)
                .ok_or_else(|| SpanError::TooLong(text.to_owned()))?;
            rest = after.trim_start();
        }
        if seen.is_empty() {
            return Err(SpanError::Empty);
        }
        Ok(Self(total))
    }
}

/// Reads one number with its unit; returns its length, the unit and what follows.
fn part<'t>(rest: &'t str, text: &str) -> Result<(i64, &'t str, &'t str), SpanError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, rest) = rest.split_at(letters);
    if number.is_empty() {
        return Err(SpanError::Malformed(text.to_owned()));
    }
    if unit.is_empty() {
        let bare = rest.is_empty() || rest.starts_with(' ');
        return Err(if bare {
            SpanError::NoUnit(number.to_owned())
        } else {
            SpanError::Malformed(text.to_owned())
        });
    }
    let length = length_of(unit, number)?;
    let millis = number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(length));
    let millis = millis.ok_or_else(|| SpanError::TooLong(text.to_owned()))?;
    Ok((millis, unit, rest))
}

fn length_of(unit: &str, number: &str) -> Result<i64, SpanError> {
    match unit {
        "ms" => Ok(1),
        "s" => Ok(SECOND),
        "m" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "d" => Ok(DAY),
        "w" => Ok(WEEK),
        "M" | "mo" | "month" | "months" => Err(SpanError::Month(number.to_owned())),
        "y" | "Y" | "year" | "years" => Err(SpanError::Year(number.to_owned())),
        other => Err(SpanError::Unit(other.to_owned())),
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `1d 6h`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        text.parse::<Span>().unwrap().as_millis()
    }

    #[test]
    fn units_add_up_with_and_without_spaces() {
        assert_eq!(
            millis("1w 2d 3h 4m 5s"),
            WEEK + 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND
        );
        assert_eq!(millis("1d6h"), 30 * HOUR);
        assert_eq!(millis("0"), 0);
        assert_eq!(millis("0h"), 0);
        assert_eq!(millis("1500ms"), 1_500);
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        let cases = [
            ("", "missing"),
            ("5", "no unit"),
            ("1d 5", "no unit"),
            ("1M", "month"),
            ("1y", "year"),
            ("1.5h", "not a duration"),
            ("-1h", "not a duration"),
            ("2 h", "no unit"),
            ("1h 1h", "twice"),
            ("3fortnights", "not a unit"),
            ("36501d", "longer"),
            ("99999999999999999999h", "longer"),
            ("9223372036854775807w", "longer"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn printing_and_reading_agree() {
        for millis in [0, 1, 999, 1_000, 90_000, HOUR, 30 * HOUR, WEEK, Span::MAX.0] {
            let span = Span::from_millis(millis);
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        assert_eq!(Span::from_millis(-5), Span::ZERO);
        assert_eq!(Span::from_secs(i64::MAX), Span::MAX);
    }
}
