//! Freezes that come again, against their definition: which occurrence holds whom, how long, and what an edit takes away.

use std::collections::BTreeSet;

use chrono::{NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use policy::calendar::{
    Boundary, Cron, Freeze, FreezeScope, FreezeTimes, Interval, Occurrence, Period, Repetition,
    WrittenCron, ZoneSpec, resolve_local, shortened,
};
use policy::parse::{Calendar, Diagnostic, Severity};
use policy::{Config, Span, Timestamp};
use proptest::prelude::*;

use crate::support::{file, sources};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn freeze(times: FreezeTimes, zone: ZoneSpec) -> Freeze {
    Freeze {
        name: "hours".to_owned(),
        times,
        zone,
        customers: FreezeScope::All,
        reason: None,
    }
}

fn repeating(cron: &str, duration: &str, zone: ZoneSpec) -> Freeze {
    let repetition = Repetition {
        cron: WrittenCron::try_from(cron.to_owned()).unwrap(),
        duration: duration.parse().unwrap(),
        except: BTreeSet::new(),
    };
    freeze(FreezeTimes::Repeats(repetition), zone)
}

fn without(mut freeze: Freeze, date: &str) -> Freeze {
    if let FreezeTimes::Repeats(repetition) = &mut freeze.times {
        repetition.except.insert(date.parse().unwrap());
    }
    freeze
}

fn none(_: &Occurrence<'_>) -> bool {
    false
}

/// What holds a customer of a zone: the start of the occurrence as written, and the end of all that touch it.
fn held(freeze: &Freeze, now: &str, zone: Tz) -> Option<(String, String)> {
    let held = freeze.held(at(now), zone, none)?;
    let start = held.occurrence.period.from.to_string();
    Some((start, held.interval.until.format("%FT%RZ").to_string()))
}

fn both(start: &str, until: &str) -> (String, String) {
    (start.to_owned(), until.to_owned())
}

#[test]
fn one_occurrence_has_other_instants_for_customers_of_other_zones() {
    let hours = repeating("0 9 * * 1-5", "8h", ZoneSpec::Customer);
    let (berlin, york) = (Tz::Europe__Berlin, Tz::America__New_York);
    let monday = "2027-01-11T09:00";
    assert_eq!(
        held(&hours, "2027-01-11T08:00:00Z", berlin),
        Some(both(monday, "2027-01-11T16:00Z"))
    );
    assert_eq!(held(&hours, "2027-01-11T08:00:00Z", york), None);
    assert_eq!(
        held(&hours, "2027-01-11T14:00:00Z", york),
        Some(both(monday, "2027-01-11T22:00Z"))
    );
    // Its beginning is inclusive, its end exclusive.
    assert_eq!(held(&hours, "2027-01-11T13:59:59Z", york), None);
    assert_eq!(held(&hours, "2027-01-11T22:00:00Z", york), None);
    assert_eq!(
        held(&hours, "2027-01-16T12:00:00Z", york),
        None,
        "a Saturday"
    );
}

#[test]
fn a_date_that_is_left_out_is_that_of_the_start() {
    let zone = ZoneSpec::Zone(Tz::UTC);
    let nights = without(repeating("0 22 * * *", "8h", zone), "2027-01-12");
    let monday = Some(both("2027-01-11T22:00", "2027-01-12T06:00Z"));
    assert_eq!(held(&nights, "2027-01-12T05:00:00Z", Tz::UTC), monday);
    assert_eq!(held(&nights, "2027-01-12T23:00:00Z", Tz::UTC), None);
    assert_eq!(held(&nights, "2027-01-13T05:00:00Z", Tz::UTC), None);
}

#[test]
fn each_end_of_an_occurrence_is_a_local_time_of_its_own() {
    let zone = ZoneSpec::Zone(Tz::Europe__Berlin);
    let nights = repeating("0 22 * * *", "8h", zone);
    let interval = |now: &str| nights.held(at(now), Tz::UTC, none).unwrap().interval;
    // The hour from 02:00 is missing in spring and comes twice in autumn.
    assert_eq!(
        interval("2027-03-27T22:00:00Z").length(),
        "7h".parse().unwrap()
    );
    assert_eq!(
        interval("2027-10-30T22:00:00Z").length(),
        "9h".parse().unwrap()
    );
    let gap = repeating("15 2 * * *", "30m", zone);
    assert_eq!(
        held(&gap, "2027-03-28T01:00:00Z", Tz::UTC),
        None,
        "it is empty that day"
    );
    let end = repeating("30 1 * * *", "1h", zone);
    assert_eq!(
        held(&end, "2027-03-28T00:45:00Z", Tz::UTC),
        Some(both("2027-03-28T01:30", "2027-03-28T01:00Z"))
    );
    let twice = repeating("30 2 * * *", "1h", zone);
    assert_eq!(
        held(&twice, "2027-10-31T00:30:00Z", Tz::UTC),
        Some(both("2027-10-31T02:30", "2027-10-31T02:30Z")),
        "from the earlier 02:30 until 03:30"
    );
}

#[test]
fn what_touches_is_one_time_and_what_is_lifted_breaks_it() {
    let days = repeating("0 0 * * 1-5", "24h", ZoneSpec::Zone(Tz::UTC));
    assert_eq!(
        held(&days, "2027-01-12T12:00:00Z", Tz::UTC),
        Some(both("2027-01-12T00:00", "2027-01-16T00:00Z"))
    );
    let thursday: Boundary = "2027-01-14".parse().unwrap();
    let lifted = |occurrence: &Occurrence<'_>| occurrence.period.from == thursday;
    let until = |now: &str| Some(days.held(at(now), Tz::UTC, lifted)?.interval.until);
    assert_eq!(
        until("2027-01-12T12:00:00Z"),
        Some(at("2027-01-14T00:00:00Z"))
    );
    assert_eq!(until("2027-01-14T12:00:00Z"), None);
    assert_eq!(
        until("2027-01-15T12:00:00Z"),
        Some(at("2027-01-16T00:00:00Z"))
    );
}

#[test]
fn overlapping_occurrences_are_lifted_one_by_one() {
    let shifts = repeating("0 */6 * * *", "8h", ZoneSpec::Zone(Tz::UTC));
    let now = at("2027-01-11T07:00:00Z");
    let six: Boundary = "2027-01-11T06:00".parse().unwrap();
    let held = shifts
        .held(now, Tz::UTC, |one| one.period.from < six)
        .unwrap();
    assert_eq!(held.occurrence.period.from, six);
    assert!(
        shifts
            .held(now, Tz::UTC, |one| one.period.from <= six)
            .is_none()
    );
    assert_eq!(shifts.occurrence(six).unwrap().period.from, six);
    assert_eq!(shifts.occurrence("2027-01-11T07:00".parse().unwrap()), None);
}

#[test]
fn times_of_a_calendar_are_found_whatever_clock_they_are_by() {
    let period = |from: &str, until: &str| Period {
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
    };
    let read = Calendar::new(
        "finance.ics",
        vec![
            period("2027-01-12T12:00:00Z", "2027-01-12T14:00:00Z"),
            period("2027-01-12", "2027-01-13"),
            period("2027-01-11T09:00:00Z", "2027-01-11T10:00:00Z"),
            period("2027-01-11T09:00:00Z", "2027-01-11T11:00:00Z"),
        ],
    );
    assert_eq!(
        read.busy.len(),
        3,
        "of two with one beginning the longer counts"
    );
    let times = FreezeTimes::Dated {
        ics: "finance.ics".to_owned(),
        occurrences: read.busy,
    };
    // By its local time where the freeze is, where that is one place.
    let ten = "2027-01-11T10:00".parse().unwrap();
    let in_berlin = freeze(times.clone(), ZoneSpec::Zone(Tz::Europe__Berlin));
    let found = in_berlin.occurrence(ten).map(|one| one.period.from);
    assert_eq!(found, "2027-01-11T09:00:00Z".parse().ok());
    let finance = freeze(times, ZoneSpec::Customer);
    assert_eq!(finance.occurrence(ten), None);
    assert_eq!(
        held(&finance, "2027-01-11T10:30:00Z", Tz::UTC),
        Some(both("2027-01-11T09:00:00Z", "2027-01-11T11:00Z"))
    );
    let day = Some(both("2027-01-12T00:00", "2027-01-13T00:00Z"));
    assert_eq!(held(&finance, "2027-01-12T13:00:00Z", Tz::UTC), day);
    // In Tokyo the day is over when the two hours begin, which are there the same instants.
    let hours = Some(both("2027-01-12T12:00:00Z", "2027-01-12T15:00Z"));
    assert_eq!(
        held(&finance, "2027-01-12T12:30:00Z", Tz::Asia__Tokyo)
            .unwrap()
            .1,
        "2027-01-12T15:00Z"
    );
    assert_ne!(
        held(&finance, "2027-01-12T12:30:00Z", Tz::Asia__Tokyo),
        hours
    );
    assert_eq!(
        finance.intervals(
            Tz::UTC,
            Interval {
                from: at("2027-01-11T10:00:00Z"),
                until: at("2027-01-12T06:00:00Z")
            }
        ),
        [
            Interval {
                from: at("2027-01-11T10:00:00Z"),
                until: at("2027-01-11T11:00:00Z")
            },
            Interval {
                from: at("2027-01-12T00:00:00Z"),
                until: at("2027-01-12T06:00:00Z")
            },
        ]
    );
}

#[test]
fn an_edit_takes_away_what_is_removed_or_shortened_and_still_to_come() {
    let now = at("2027-01-13T00:00:00Z");
    let zone = ZoneSpec::Customer;
    let hours = || repeating("0 9 * * 1-5", "8h", zone);
    let taken = |planned: Freeze, written: Freeze| shortened(&[planned], &[written], now).count();
    assert_eq!(taken(hours(), hours()), 0);
    assert_eq!(
        taken(hours(), repeating("0 9 * * 1-5", "9h", zone)),
        0,
        "lengthened"
    );
    assert_eq!(taken(hours(), repeating("0 9 * * 1-5", "7h", zone)), 1);
    assert_eq!(taken(hours(), without(hours(), "2027-01-14")), 1);
    assert_eq!(taken(without(hours(), "2027-01-14"), hours()), 0);
    assert_eq!(shortened(&[hours()], &[], now).count(), 1, "removed");
    let once = |from: &str, until: &str| {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        freeze(FreezeTimes::Once(Period { from, until }), zone)
    };
    assert_eq!(
        taken(
            once("2027-01-10", "2027-01-20"),
            once("2027-01-10", "2027-01-19")
        ),
        1
    );
    assert_eq!(
        taken(
            once("2027-01-10", "2027-01-12"),
            once("2027-01-10", "2027-01-11")
        ),
        0,
        "over"
    );
    let dated = |starts: &[&str]| {
        let periods = starts.iter().map(|start| {
            let from: Boundary = start.parse().unwrap();
            let until = from.resolve(Tz::UTC) + TimeDelta::hours(1);
            Period {
                from,
                until: Boundary::Instant(until),
            }
        });
        let times = FreezeTimes::Dated {
            ics: "x.ics".to_owned(),
            occurrences: periods.collect(),
        };
        freeze(times, zone)
    };
    let all = dated(&["2027-01-12T09:00:00Z", "2027-01-14T09:00:00Z"]);
    assert_eq!(
        taken(
            all.clone(),
            dated(&["2027-01-14T09:00:00Z", "2027-01-15T09:00:00Z"])
        ),
        0
    );
    assert_eq!(taken(all, dated(&["2027-01-12T09:00:00Z"])), 1);
}

fn load(freeze: &str, calendars: Vec<Calendar>) -> Result<Config, Vec<Diagnostic>> {
    let text = format!("product: p\nfreezes:\n  - {{ name: x, {freeze} }}\n");
    let mut files = sources();
    files.project = file("tranche.yaml", &text);
    files.calendars = calendars;
    policy::parse::load(&files)
}

#[test]
fn what_cannot_be_meant_is_a_mistake_with_its_place() {
    let cases = [
        ("from: 2027-01-02", "`from` says nothing without `until`"),
        (
            "until: 2027-01-02",
            "a freeze needs one of `from`, `cron` or `ics`",
        ),
        (
            "cron: 0 9 * * 1-5",
            "`cron` says nothing without `duration`",
        ),
        ("cron: 0 9 * * 8, duration: 8h", "the weekday `8`"),
        ("cron: 0 9 1 * 1, duration: 8h", "both the day of month"),
        (
            "cron: 0 9 * * 1, duration: 0h",
            "this must last longer than 0",
        ),
        (
            "cron: 0 9 30 2 *, duration: 8h",
            "the freeze `x` never begins",
        ),
        (
            "cron: '* * * * *', duration: 1h",
            "more than 32 occurrences of the freeze `x` hold at once",
        ),
        (
            "cron: 0 9 * * 1, duration: 8h, from: 2027-01-02, until: 2027-01-03",
            "a freeze has `from` and `cron` at once",
        ),
        (
            "cron: 0 9 * * 1, duration: 8h, except: [monday]",
            "`monday` is no date",
        ),
        ("ics: x.ics", "the calendar `x.ics` was not read"),
    ];
    for (freeze, message) in cases {
        let mistakes = load(freeze, Vec::new()).unwrap_err();
        let found = mistakes.iter().find(|one| one.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{freeze}: {mistakes:#?}"));
        assert_eq!(
            (found.line, found.file.as_str()),
            (3, "tranche.yaml"),
            "{freeze}"
        );
        assert!(
            found.help.is_some() || message.contains("one of"),
            "{freeze}"
        );
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let config = load(
        "cron: 0 9 * * 1-5, duration: 8h, except: [2027-01-16]",
        Vec::new(),
    )
    .unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("{:#?}", config.warnings);
    };
    assert_eq!(
        warning.message,
        "no occurrence of the freeze `x` begins on 2027-01-16"
    );
    let empty = vec![Calendar::new("x.ics", Vec::new())];
    let config = load("ics: x.ics", empty).unwrap();
    assert!(config.warnings[0].message.contains("has no busy event"));
}

#[test]
fn mistakes_of_a_calendar_are_told_in_their_own_file() {
    let mistake = Diagnostic {
        severity: Severity::Error,
        code: "calendar".to_owned(),
        file: "x.ics".to_owned(),
        line: 7,
        column: 1,
        length: 1,
        source_line: "DTSTART:soon".to_owned(),
        message: "`soon` is no time".to_owned(),
        help: None,
    };
    let calendar = Calendar {
        path: "x.ics".to_owned(),
        mistakes: vec![mistake.clone()],
        ..Calendar::default()
    };
    assert_eq!(load("ics: x.ics", vec![calendar]).unwrap_err(), [mistake]);
    let unread = Calendar {
        path: "x.ics".to_owned(),
        unread: Some("it is no regular file".to_owned()),
        ..Calendar::default()
    };
    let mistakes = load("ics: x.ics", vec![unread]).unwrap_err();
    assert_eq!(mistakes[0].line, 3);
    assert!(
        mistakes[0]
            .message
            .ends_with("cannot be read: it is no regular file")
    );
}

#[test]
fn calendars_are_named_wherever_freezes_are() {
    let text = "project: { freezes: [ { name: a, ics: one.ics } ] }
script:
  - { do: edit, project: { freezes: [ { name: a, ics: two.ics }, { name: b, cron: x } ] } }";
    let named = policy::parse::calendars_named(&file("scenario.yaml", text));
    assert_eq!(
        named,
        BTreeSet::from(["one.ics".to_owned(), "two.ics".to_owned()])
    );
}

const ZONES: [Tz; 6] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Sao_Paulo,
    Tz::Pacific__Apia,
    Tz::UTC,
];

const CRONS: [&str; 7] = [
    "0 9 * * 1-5",
    "30 2 * * *",
    "0 0 * * *",
    "15 1,2,3 * * 1-5",
    "0 22 * * SATL",
    "0 0 1 * *",
    "*/30 1-3 * * 0",
];

/// Whether an occurrence holds at an instant, by the definition: `[start, start + duration)`, each end resolved.
fn holds(repetition: &Repetition, zone: Tz, now: Timestamp) -> bool {
    let cron: Cron = repetition.cron.text().parse().unwrap();
    let length = repetition.duration.to_delta();
    let local = |at: Timestamp| at.with_timezone(&zone).naive_local();
    let first: NaiveDateTime = local(now - length - TimeDelta::days(2));
    let starts = cron.starts_from(first);
    let starts = starts.take_while(|start| *start <= local(now + TimeDelta::days(2)));
    let mut starts = starts.filter(|start| !repetition.except.contains(&start.date()));
    starts
        .any(|start| resolve_local(zone, start) <= now && now < resolve_local(zone, start + length))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_freeze_holds_at_exactly_the_instants_of_its_occurrences(
        cron in prop::sample::select(&CRONS[..]),
        zone in prop::sample::select(&ZONES[..]),
        minutes in 1..1_700_i64,
        left_out in 0..400_i64,
        day in 0..400_i64,
    ) {
        let from = Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap() + TimeDelta::days(day);
        let until = from + TimeDelta::hours(30);
        let except = (Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap() + TimeDelta::days(left_out)).date_naive();
        let repetition = Repetition {
            cron: WrittenCron::try_from(cron.to_owned()).unwrap(),
            duration: Span::from_secs(minutes * 60),
            except: BTreeSet::from([except, from.date_naive()]),
        };
        let frozen = freeze(FreezeTimes::Repeats(repetition.clone()), ZoneSpec::Customer);
        let intervals = frozen.intervals(zone, Interval { from, until });
        prop_assert!(intervals.windows(2).all(|pair| pair[0].until < pair[1].from));
        let mut now = from;
        while now < until {
            let expected = holds(&repetition, zone, now);
            let held = frozen.held(now, zone, none);
            prop_assert_eq!(held.is_some(), expected, "{}", now);
            prop_assert_eq!(intervals.iter().any(|one| one.contains(now)), expected, "{}", now);
            if let Some(held) = held {
                prop_assert!(held.interval.contains(now));
                prop_assert!(held.occurrence.interval(zone).contains(now));
                // The end of what touches for longer than anybody looks ahead is found later.
                let until = held.interval.until;
                let is_far = until - now > TimeDelta::days(365);
                prop_assert!(is_far || !holds(&repetition, zone, until), "it goes on at its end");
            }
            now += TimeDelta::minutes(15);
        }
    }
}
