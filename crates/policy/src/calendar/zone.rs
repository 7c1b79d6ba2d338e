//! From local times to instants (R8).

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::span::Timestamp;

/// No zone ever skipped more than a day (Samoa left out 30 December 2011).
const LONGEST_GAP: TimeDelta = TimeDelta::hours(26);

/// Resolves a local time: one that does not exist becomes the first instant after the gap, one that occurs twice the
/// earlier. Later local times never resolve to earlier instants.
pub fn resolve_local(zone: Tz, local: NaiveDateTime) -> Timestamp {
    match instant(zone, local) {
        Some(at) => at,
        None => after_gap(zone, local),
    }
}

/// The local time of an instant.
pub(super) fn local_time(zone: Tz, at: Timestamp) -> NaiveDateTime {
    // The edges of chrono's range lie a day further out than any zone's offset.
    let margin = TimeDelta::days(1);
    let inner = at.clamp(Timestamp::MIN_UTC + margin, Timestamp::MAX_UTC - margin);
    inner.with_timezone(&zone).naive_local()
}

fn instant(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.with_timezone(&Utc)),
        LocalResult::None => None,
    }
}

/// Finds the first local time that exists again, to the second, in which all transitions lie.
fn after_gap(zone: Tz, local: NaiveDateTime) -> Timestamp {
    // Cut to the second: the gap began on a whole one, so this still lies within it.
    let base =
        DateTime::from_timestamp(local.and_utc().timestamp(), 0).map_or(local, |at| at.naive_utc());
    let (mut missing, mut existing) = (0, LONGEST_GAP.num_seconds());
    let shifted = |seconds| base.checked_add_signed(TimeDelta::seconds(seconds));
    while existing - missing > 1 {
        let middle = missing.midpoint(existing);
        match shifted(middle).and_then(|local| instant(zone, local)) {
            Some(_) => existing = middle,
            None => missing = middle,
        }
    }
    // At the edge of chrono's range nothing resolves; the local time is taken as UTC there.
    shifted(existing)
        .and_then(|local| instant(zone, local))
        .unwrap_or_else(|| local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(zone: Tz, local: &str) -> String {
        let local: NaiveDateTime = local.parse().unwrap();
        resolve_local(zone, local).to_rfc3339()
    }

    #[test]
    fn a_missing_local_time_becomes_the_first_instant_after_the_gap() {
        assert_eq!(
            resolved(Tz::Europe__Berlin, "2027-03-28T02:30:00"),
            "2027-03-28T01:00:00+00:00"
        );
        assert_eq!(
            resolved(Tz::Europe__Berlin, "2027-03-28T02:00:00"),
            "2027-03-28T01:00:00+00:00"
        );
        assert_eq!(
            resolved(Tz::Australia__Lord_Howe, "2026-10-04T02:15:00.250"),
            "2026-10-03T15:30:00+00:00"
        );
        assert_eq!(
            resolved(Tz::America__Sao_Paulo, "2017-10-15T00:00:00"),
            "2017-10-15T03:00:00+00:00"
        );
        assert_eq!(
            resolved(Tz::Pacific__Apia, "2011-12-30T12:00:00"),
            "2011-12-30T10:00:00+00:00"
        );
    }

    #[test]
    fn a_doubled_local_time_is_the_earlier() {
        assert_eq!(
            resolved(Tz::Europe__Berlin, "2026-10-25T02:30:00"),
            "2026-10-25T00:30:00+00:00"
        );
        assert_eq!(
            resolved(Tz::America__New_York, "2026-11-01T01:00:00"),
            "2026-11-01T05:00:00+00:00"
        );
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        resolve_local(Tz::Europe__Berlin, NaiveDateTime::MAX);
        resolve_local(Tz::Europe__Berlin, NaiveDateTime::MIN);
    }
}
