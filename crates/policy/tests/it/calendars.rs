//! Calendars against two oracles: `croner` for starts, membership minute by minute for intervals.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::parser::CronParser;
use policy::calendar::{
    Cron, Finding, Interval, Opening, WindowSpec, Windows, ZoneSpec, lint_windows, resolve_local,
};
use policy::{Span, Timestamp};
use proptest::prelude::*;

const ZONES: [Tz; 7] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Sao_Paulo,
    Tz::Asia__Kathmandu,
    Tz::Pacific__Apia,
    Tz::UTC,
];

const CRONS: [&str; 12] = [
    "0 2 * * SUN",
    "30 2 * * *",
    "0 22 * * SAT#3",
    "0 22 * * SATL",
    "15 1,2,3 * * 1-5",
    "0 0 1 * *",
    "0 0 29 2 *",
    "30 1 * 3,10 7",
    "*/20 0-3 * * 0",
    "0 0 * * FRI#1",
    "45 23 31 12 *",
    "0 3 * JAN-MAR MON,WED",
];

#[test]
fn starts_are_those_of_croner_over_years_and_zones() {
    let from: Timestamp = "2010-01-01T00:00:00Z".parse().unwrap();
    for zone in ZONES {
        for text in CRONS {
            let ours = starts(text, zone, from, 400);
            let croner = CronParser::new().parse(text).unwrap();
            let theirs = croner.iter_from(from.with_timezone(&zone), croner::Direction::Forward);
            // With steps and lists croner runs in the repeated hour too; R8 takes the earlier of the two only.
            let once = theirs.filter(|at| resolve_local(zone, at.naive_local()) == *at);
            let theirs: Vec<Timestamp> = once.take(400).map(|at| at.with_timezone(&Utc)).collect();
            // Starts that a gap moves to one instant are one window; croner may name it once or as often as it falls.
            let theirs = deduplicated(theirs);
            let shared = ours.len().min(theirs.len());
            assert!(
                shared > 50 || text.contains("29 2") || text.contains("31 12"),
                "{text}: {shared}"
            );
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "`{text}` in {zone}");
            }
        }
    }
}

fn starts(text: &str, zone: Tz, from: Timestamp, count: usize) -> Vec<Timestamp> {
    let cron: Cron = text.parse().unwrap();
    let local = from.with_timezone(&zone).naive_local();
    let resolved = cron
        .starts_from(local)
        .take(count)
        .map(|start| resolve_local(zone, start));
    deduplicated(resolved.filter(|at| *at >= from).collect())
}

fn deduplicated(mut starts: Vec<Timestamp>) -> Vec<Timestamp> {
    starts.dedup();
    starts
}

fn window(cron: &str, duration: &str, zone: Tz, reserve: &str) -> WindowSpec {
    WindowSpec {
        cron: cron.to_owned(),
        duration: duration.parse().unwrap(),
        zone: ZoneSpec::Zone(zone),
        reserve: reserve.parse().unwrap(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_window_over_the_spring_change_is_shortened_and_over_the_autumn_change_lengthened() {
    let windows = Windows::new(
        &[window("0 1 * * SUN", "3h", Tz::Europe__Berlin, "0")],
        &[],
        Tz::UTC,
    )
    .unwrap();
    let spring = windows.intervals(at("2027-03-27T12:00:00Z"), at("2027-03-28T12:00:00Z"));
    assert_eq!(
        spring,
        [Interval {
            from: at("2027-03-28T00:00:00Z"),
            until: at("2027-03-28T02:00:00Z")
        }]
    );
    let autumn = windows.intervals(at("2027-10-30T12:00:00Z"), at("2027-10-31T12:00:00Z"));
    assert_eq!(
        autumn,
        [Interval {
            from: at("2027-10-30T23:00:00Z"),
            until: at("2027-10-31T03:00:00Z")
        }]
    );
}

#[test]
fn what_the_clock_takes_or_the_windows_leave_is_said_beforehand() {
    let spring = Interval {
        from: at("2027-03-22T00:00:00Z"),
        until: at("2027-03-29T00:00:00Z"),
    };
    let policy = [window("0 1 * * SUN", "3h", Tz::Europe__Berlin, "30m")];
    let findings = lint_windows(&policy, &[], Tz::UTC, spring).unwrap();
    let [Finding::Shortened { left, .. }] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(*left, Span::from_secs(2 * 60 * 60));
    assert!(
        findings[0]
            .to_string()
            .contains("2027-03-28 01:00 Europe/Berlin lasts only 2h"),
        "{}",
        findings[0]
    );
    // Together the two lists leave a quarter of an hour.
    let customer = [window("45 1 * * SUN", "3h", Tz::UTC, "0")];
    let findings = lint_windows(&policy, &customer, Tz::UTC, spring).unwrap();
    let short = findings.iter().any(|finding| {
        matches!(finding, Finding::TooShort { interval, .. }
        if interval.length() == Span::from_secs(15 * 60))
    });
    assert!(
        short && findings.contains(&Finding::NeverOpen),
        "{findings:?}"
    );
}

#[test]
fn a_window_that_the_gap_swallows_is_skipped_and_said_beforehand() {
    let spec = [window("0 2 28 3 *", "45m", Tz::Europe__Berlin, "0")];
    let windows = Windows::new(&spec, &[], Tz::UTC).unwrap();
    let year = Interval {
        from: at("2027-01-01T00:00:00Z"),
        until: at("2028-01-01T00:00:00Z"),
    };
    assert!(windows.intervals(year.from, year.until).is_empty());
    let findings = lint_windows(&spec, &[], Tz::UTC, year).unwrap();
    assert!(
        matches!(
            findings.as_slice(),
            [Finding::Empty { .. }, Finding::NeverOpen]
        ),
        "{findings:?}"
    );
    assert_eq!(
        windows.opening(year.from),
        Opening::Opens {
            at: at("2028-03-28T00:00:00Z")
        }
    );
}

#[test]
fn touching_windows_are_joined_before_the_reserve_is_asked() {
    let half = |hour: &str| window(&format!("0 {hour} * * *"), "1h", Tz::UTC, "90m");
    let joined = Windows::new(&[half("2"), half("3")], &[], Tz::UTC).unwrap();
    assert_eq!(
        joined.opening(at("2027-01-01T00:00:00Z")),
        Opening::Opens {
            at: at("2027-01-01T02:00:00Z")
        }
    );
    let single = Windows::new(&[half("2")], &[], Tz::UTC).unwrap();
    assert_eq!(single.opening(at("2027-01-01T00:00:00Z")), Opening::Never);
}

#[test]
fn the_last_start_leaves_exactly_the_reserve() {
    let windows =
        Windows::new(&[window("0 2 * * SUN", "2h", Tz::UTC, "30m")], &[], Tz::UTC).unwrap();
    let until = at("2027-01-03T03:30:00.001Z");
    assert_eq!(
        windows.opening(at("2027-01-03T02:00:00Z")),
        Opening::Open { until }
    );
    assert_eq!(
        windows.opening(at("2027-01-03T03:30:00Z")),
        Opening::Open { until }
    );
    let next = Opening::Opens {
        at: at("2027-01-10T02:00:00Z"),
    };
    assert_eq!(windows.opening(until), next);
    assert_eq!(windows.opening(at("2027-01-03T04:00:00Z")), next);
}

#[test]
fn both_lists_must_allow_and_the_largest_reserve_counts() {
    let policy = [window("0 0 * * SAT", "24h", Tz::UTC, "10m")];
    let customer = [window("0 22 * * *", "4h", Tz::UTC, "1h")];
    let windows = Windows::new(&policy, &customer, Tz::UTC).unwrap();
    // Saturday from midnight until 02:00, and again from 22:00.
    let found = windows.intervals(at("2027-01-01T12:00:00Z"), at("2027-01-04T00:00:00Z"));
    let expected = [
        Interval {
            from: at("2027-01-02T00:00:00Z"),
            until: at("2027-01-02T02:00:00Z"),
        },
        Interval {
            from: at("2027-01-02T22:00:00Z"),
            until: at("2027-01-03T00:00:00Z"),
        },
    ];
    assert_eq!(found, expected);
    let until = at("2027-01-02T01:00:00.001Z");
    assert_eq!(
        windows.opening(at("2027-01-02T00:00:00Z")),
        Opening::Open { until }
    );
}

#[test]
fn without_windows_or_with_a_gapless_one_it_is_always_open() {
    assert!(Windows::new(&[], &[], Tz::UTC).unwrap().is_always());
    assert!(
        Windows::new(&[window("* * * * *", "1m", Tz::UTC, "0")], &[], Tz::UTC)
            .unwrap()
            .is_always()
    );
    assert!(
        Windows::new(
            &[window("0 6 * * *", "24h", Tz::Europe__Berlin, "1h")],
            &[],
            Tz::UTC
        )
        .unwrap()
        .is_always()
    );
    assert!(
        !Windows::new(&[window("0 6 * * *", "23h", Tz::UTC, "0")], &[], Tz::UTC)
            .unwrap()
            .is_always()
    );
}

fn spec() -> impl Strategy<Value = WindowSpec> {
    let cron = prop::sample::select(&CRONS[..]);
    let zone = prop::sample::select(&ZONES[..]);
    (cron, 1..2_000_i64, zone, 0..90_i64).prop_map(|(cron, duration, zone, reserve)| WindowSpec {
        cron: cron.to_owned(),
        duration: Span::from_secs(duration * 60),
        zone: ZoneSpec::Zone(zone),
        reserve: Span::from_secs(reserve * 60),
    })
}

/// Whether an instant lies in any window of a list, by the definition: `[start, start + duration)`, each end resolved.
fn inside(specs: &[WindowSpec], at: Timestamp) -> bool {
    specs.iter().any(|spec| {
        let ZoneSpec::Zone(zone) = spec.zone else {
            return false;
        };
        let cron: Cron = spec.cron.parse().unwrap();
        let first = (at - spec.duration.to_delta() - TimeDelta::days(2))
            .with_timezone(&zone)
            .naive_local();
        let last = (at + TimeDelta::days(2)).with_timezone(&zone).naive_local();
        cron.starts_from(first)
            .take_while(|start| *start <= last)
            .any(|start| {
                resolve_local(zone, start) <= at
                    && at < resolve_local(zone, start + spec.duration.to_delta())
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn intervals_hold_exactly_the_minutes_that_both_lists_hold(
        policy in prop::collection::vec(spec(), 1..3),
        customer in prop::collection::vec(spec(), 0..3),
        day in 0..400_i64,
    ) {
        // Around the clock changes of both halves of the world.
        let from = Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap() + TimeDelta::days(day);
        let until = from + TimeDelta::hours(30);
        let windows = Windows::new(&policy, &customer, Tz::UTC).unwrap();
        let intervals = windows.intervals(from, until);
        prop_assert!(intervals.windows(2).all(|pair| pair[0].until < pair[1].from));
        let mut minute = from;
        while minute < until {
            let expected = inside(&policy, minute) && (customer.is_empty() || inside(&customer, minute));
            prop_assert_eq!(intervals.iter().any(|interval| interval.contains(minute)), expected, "{}", minute);
            minute += TimeDelta::minutes(15);
        }
    }

    #[test]
    fn an_opening_is_the_first_instant_with_the_reserve_left(
        policy in prop::collection::vec(spec(), 1..3),
        customer in prop::collection::vec(spec(), 0..2),
        minutes in 0..600_000_i64,
    ) {
        let now: DateTime<Utc> = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minutes);
        let windows = Windows::new(&policy, &customer, Tz::UTC).unwrap();
        let reserve = windows.reserve().to_delta();
        let far = now + TimeDelta::days(800);
        let usable: Vec<Interval> = windows
            .intervals(now - TimeDelta::days(40), far)
            .into_iter()
            .filter(|interval| interval.until - interval.from >= reserve)
            .collect();
        let open = usable.iter().find(|i| i.from <= now && now < i.until && i.until - now >= reserve);
        let next = usable.iter().find(|i| i.from > now);
        match windows.opening(now) {
            Opening::Open { until } => {
                let open = open.expect("it is open");
                // What reaches the end of what was looked at may go on.
                prop_assert!(until > open.until - reserve - TimeDelta::milliseconds(1));
                prop_assert!(until <= open.until || open.until == far);
            }
            Opening::Opens { at } => {
                prop_assert!(open.is_none());
                prop_assert!(next.is_none_or(|next| next.from == at), "{} {:?}", at, next);
            }
            Opening::Never => prop_assert!(open.is_none() && next.is_none()),
        }
    }
}
