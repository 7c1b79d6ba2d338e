//! Times as calendar files write them: dates, local times, times in a zone, lengths.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use policy::calendar::{Boundary, resolve_local};

use crate::Mistake;
use crate::lines::Property;
use crate::zone::Zones;

/// Whose clock a time is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Nobody's in particular: that of the freeze's `timezone`.
    Floating,
    /// A zone's.
    Zone(Tz),
}

/// A time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) clock: Clock,
    pub(crate) local: NaiveDateTime,
    /// A whole day.
    pub(crate) is_date: bool,
}

impl Moment {
    /// The same by another clock; `None` where one of the two has no zone.
    pub(crate) fn by(self, clock: Clock) -> Option<NaiveDateTime> {
        match (self.clock, clock) {
            (Clock::Floating, Clock::Floating) => Some(self.local),
            (Clock::Zone(own), Clock::Zone(other)) if own == other => Some(self.local),
            (Clock::Zone(own), Clock::Zone(other)) => {
                let at = resolve_local(own, self.local);
                Some(at.with_timezone(&other).naive_local())
            }
            // A date is that day wherever it is.
            (Clock::Floating, Clock::Zone(_)) if self.is_date => Some(self.local),
            (Clock::Floating, Clock::Zone(_)) | (Clock::Zone(_), Clock::Floating) => None,
        }
    }

    /// As an end of a freeze.
    pub(crate) fn boundary(self) -> Boundary {
        boundary(self.clock, self.local)
    }
}

/// A local time as an end of a freeze.
pub(crate) fn boundary(clock: Clock, local: NaiveDateTime) -> Boundary {
    match clock {
        Clock::Floating => Boundary::Local(local),
        Clock::Zone(zone) => Boundary::Instant(resolve_local(zone, local)),
    }
}

/// The times of a property; several stand between commas.
pub(crate) fn moments(property: &Property, zones: &Zones<'_>) -> Result<Vec<Moment>, Mistake> {
    let values = property.value.split(',');
    values
        .map(|text| moment(property, text.trim(), zones))
        .collect()
}

/// One time of a property.
pub(crate) fn moment(
    property: &Property,
    text: &str,
    zones: &Zones<'_>,
) -> Result<Moment, Mistake> {
    let wrong = || {
        let help = "write a time such as 20270111T090000Z, or a date such as 20270111";
        Mistake::new(property.line, format!("`{text}` is no time"), help)
    };
    if let Some(date) = date(text) {
        return Ok(Moment {
            clock: Clock::Floating,
            local: date.and_time(NaiveTime::MIN),
            is_date: true,
        });
    }
    let (text, is_utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
    let clock = match (is_utc, property.param("TZID")) {
        (true, _) => Clock::Zone(Tz::UTC),
        (false, Some(id)) => Clock::Zone(zones.get(id, property.line)?),
        (false, None) => Clock::Floating,
    };
    Ok(Moment {
        clock,
        local,
        is_date: false,
    })
}

/// `20270111`.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let is_date = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = is_date.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok());
    date.flatten()
}

/// `P1DT12H`, `PT30M`, `P2W`; never negative.
pub(crate) fn length(text: &str) -> Option<TimeDelta> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (days, times) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, times)) => (days, Some(times)),
        None => (text.strip_prefix('P')?, None),
    };
    if days.is_empty() && times.is_none_or(str::is_empty) {
        return None;
    }
    let days = parts(days, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let times = parts(
        times.unwrap_or_default(),
        &[('H', 3_600), ('M', 60), ('S', 1)],
    )?;
    TimeDelta::try_seconds(days.checked_add(times)?)
}

fn parts(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut seconds: i64 = 0;
    for (unit, length) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let number: i64 = number.parse().ok().filter(|_| is_number)?;
            seconds = seconds.checked_add(number.checked_mul(*length)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(seconds)
}

/// Adds a length, staying within what a calendar can say.
pub(crate) fn later(local: NaiveDateTime, by: TimeDelta) -> NaiveDateTime {
    local
        .checked_add_signed(by)
        .unwrap_or(DateTime::<chrono::Utc>::MAX_UTC.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        let cases = [
            ("P1D", Some(86_400)),
            ("P2W", Some(14 * 86_400)),
            ("PT8H", Some(28_800)),
            ("+P1DT1H30M5S", Some(86_400 + 5_405)),
            ("P", None),
            ("PT", None),
            ("-PT1H", None),
            ("PT1X", None),
            ("P1H", None),
            ("8h", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                length(text).map(|length| length.num_seconds()),
                seconds,
                "{text}"
            );
        }
    }
}
