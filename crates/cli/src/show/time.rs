//! Instants and lengths of time as people read them.

use chrono::{Local, TimeDelta, TimeZone};
use chrono_tz::Tz;
use policy::Timestamp;

const LAYOUT: &str = "%a %-d %b %Y %H:%M";

/// An instant in the reader's zone: `Mon 11 Jan 2027 09:00 UTC`.
pub(crate) fn instant(at: Timestamp) -> String {
    let local = at.with_timezone(&Local);
    match local.offset().local_minus_utc() {
        0 => format!("{} UTC", local.format(LAYOUT)),
        _ => local.format(&format!("{LAYOUT} %:z")).to_string(),
    }
}

/// An instant to the second, for lines that come in quick succession: `2027-01-11 09:00:00`.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.with_timezone(&Local).format("%F %T").to_string()
}

/// An instant in the reader's zone and, where it differs there, in another's.
pub(crate) fn instant_there(at: Timestamp, zone: Option<Tz>) -> String {
    let here = instant(at);
    let Some(zone) = zone else { return here };
    let there = at.with_timezone(&zone);
    if at.with_timezone(&Local).naive_local() == there.naive_local() {
        return here;
    }
    // The day is only said again where it is another.
    let same_day = at.with_timezone(&Local).date_naive() == there.date_naive();
    let layout = if same_day { "%H:%M" } else { "%a %-d %b %H:%M" };
    format!("{here} ({} {})", there.format(layout), zone.name())
}

/// How far away an instant is: `in 2h 10m`, `now`, `3d ago`.
pub(crate) fn away(at: Timestamp, now: Timestamp) -> String {
    let delta = at - now;
    if delta.abs() < TimeDelta::seconds(1) {
        return "now".to_owned();
    }
    let length = length(delta.abs());
    if delta > TimeDelta::zero() {
        format!("in {length}")
    } else {
        format!("{length} ago")
    }
}

/// An instant and how far away it is.
pub(crate) fn instant_and_away(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", instant(at), away(at, now))
}

/// A length of time by its two largest units: `2h 10m`.
pub(crate) fn length(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds();
    let units = [
        (seconds / 86_400, 'd'),
        (seconds / 3_600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let written = units
        .iter()
        .skip_while(|(n, _)| *n == 0)
        .take(2)
        .filter(|(n, _)| *n > 0);
    let parts: Vec<String> = written.map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The present instant, cut to the milliseconds in which instants are stored.
pub(crate) fn now() -> Timestamp {
    let millis = chrono::Utc::now().timestamp_millis();
    chrono::Utc
        .timestamp_millis_opt(millis)
        .single()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_its_two_largest_units() {
        assert_eq!(length(TimeDelta::seconds(0)), "0s");
        assert_eq!(length(TimeDelta::seconds(59)), "59s");
        assert_eq!(length(TimeDelta::seconds(7_800)), "2h 10m");
        assert_eq!(length(TimeDelta::seconds(86_400 + 59)), "1d");
        assert_eq!(length(TimeDelta::seconds(8 * 86_400 + 3_600)), "8d 1h");
    }

    #[test]
    fn the_past_is_ago_and_the_future_is_in() {
        let now = now();
        assert_eq!(away(now + TimeDelta::hours(2), now), "in 2h");
        assert_eq!(away(now - TimeDelta::days(3), now), "3d ago");
        assert_eq!(away(now, now), "now");
    }
}
