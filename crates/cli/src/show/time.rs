//! Instants and lengths of time as people read them.

use chrono::{Offset as _, TimeDelta, TimeZone, Timelike as _};
use chrono_tz::Tz;
use policy::Timestamp;
use project::next::Clock;

/// The reader's zone; that of a test is the same on every machine.
#[cfg(not(test))]
use chrono::Local as Here;
#[cfg(test)]
use chrono::Utc as Here;

/// How a local time is written.
pub(crate) const LAYOUT: &str = "%a %-d %b %Y %H:%M";

/// The same for what is near.
const TO_THE_SECOND: &str = "%a %-d %b %Y %H:%M:%S";

/// For what the project says.
pub(crate) const CLOCK: Clock = Clock { instant, coming };

/// Nearer than this, seconds matter.
const NEAR: TimeDelta = TimeDelta::hours(1);

/// An instant in the reader's zone: `Mon 11 Jan 2027 09:00 UTC`.
pub(crate) fn instant(at: Timestamp) -> String {
    laid_out(at, LAYOUT)
}

/// An instant that somebody waits for: with its seconds where it is near and they are not zero.
pub(crate) fn coming(at: Timestamp, now: Timestamp) -> String {
    laid_out(at, layout_of(at, now))
}

fn layout_of(at: Timestamp, now: Timestamp) -> &'static str {
    let away = at - now;
    let is_near = away > TimeDelta::zero() && away < NEAR;
    match is_near && at.second() != 0 {
        true => TO_THE_SECOND,
        false => LAYOUT,
    }
}

fn laid_out(at: Timestamp, layout: &str) -> String {
    let here = at.with_timezone(&Here);
    match here.offset().fix().local_minus_utc() {
        0 => format!("{} UTC", here.format(layout)),
        _ => here.format(&format!("{layout} %:z")).to_string(),
    }
}

/// An instant to the second, for lines that come in quick succession: `2027-01-11 09:00:00`.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.with_timezone(&Here).format("%F %T").to_string()
}

/// An instant in the reader's zone and, where it differs there, in another's.
pub(crate) fn instant_there(at: Timestamp, zone: Option<Tz>) -> String {
    beside(instant(at), at, zone)
}

/// The same for an instant that somebody waits for.
pub(crate) fn coming_there(at: Timestamp, zone: Option<Tz>, now: Timestamp) -> String {
    beside(coming(at, now), at, zone)
}

fn beside(here: String, at: Timestamp, zone: Option<Tz>) -> String {
    let Some(zone) = zone else { return here };
    let there = at.with_timezone(&zone);
    if at.with_timezone(&Here).naive_local() == there.naive_local() {
        return here;
    }
    // The day is only said again where it is another.
    let same_day = at.with_timezone(&Here).date_naive() == there.date_naive();
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
    format!("{} ({})", coming(at, now), away(at, now))
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
    fn what_is_near_is_said_to_the_second() {
        let at = |text: &str| text.parse::<Timestamp>().expect("it is an instant");
        let now = at("2027-01-11T09:00:10Z");
        let said = |text: &str| coming(at(text), now);
        assert_eq!(said("2027-01-11T09:05:07Z"), "Mon 11 Jan 2027 09:05:07 UTC");
        assert_eq!(said("2027-01-11T09:05:00Z"), "Mon 11 Jan 2027 09:05 UTC");
        assert_eq!(said("2027-01-11T10:00:09Z"), "Mon 11 Jan 2027 10:00:09 UTC");
        assert_eq!(said("2027-01-11T10:00:10Z"), "Mon 11 Jan 2027 10:00 UTC");
        assert_eq!(said("2027-01-11T08:59:50Z"), "Mon 11 Jan 2027 08:59 UTC");
    }

    #[test]
    fn the_past_is_ago_and_the_future_is_in() {
        let now = now();
        assert_eq!(away(now + TimeDelta::hours(2), now), "in 2h");
        assert_eq!(away(now - TimeDelta::days(3), now), "3d ago");
        assert_eq!(away(now, now), "now");
    }
}
