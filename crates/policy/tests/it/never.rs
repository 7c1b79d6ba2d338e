//! What can never be is said before anything begins: who can never start because of dates, and how bad that is.

use policy::parse::{Diagnostic, Severity, load, load_at, load_running};
use policy::{Sources, Timestamp};

use crate::support::file;

fn files(freezes: &str, customer: &str, policy: &str) -> Sources {
    let services = "services: { backend: { id: srv-1, url: https://acme.example } }";
    Sources {
        project: file("tranche.yaml", &format!("product: p\nfreezes:\n{freezes}")),
        customers: file(
            "customers.yaml",
            &format!("customers:\n  acme: {{ tier: demo, {customer}{services} }}\n"),
        ),
        policies: vec![file(
            "policies/demo.yaml",
            &format!("policy: demo\n{policy}"),
        )],
        unread: Vec::new(),
        calendars: Vec::new(),
    }
}

fn at() -> Timestamp {
    "2027-01-11T09:00:00Z".parse().unwrap()
}

fn never(sources: &Sources) -> Vec<Diagnostic> {
    load_at(sources, at()).map_or_else(|mistakes| mistakes, |config| config.warnings)
}

const SUNDAYS: &str = "window: { cron: \"0 2 * * SUN\", duration: 2h }\n";

#[test]
fn a_freeze_that_covers_every_window_is_named_at_the_freeze() {
    let eternal = "  - { name: eternal, from: 2020-01-01, until: 2999-01-01 }\n";
    let found = never(&files(eternal, "", SUNDAYS));
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (one.file.as_str(), one.line, one.column),
        ("tranche.yaml", 3, 13)
    );
    // An override would let them go.
    assert_eq!(one.severity, Severity::Warning);
    let said = "the freeze `eternal` covers all the time in which `acme` could start, for five years from 2027-01-11";
    assert_eq!(one.message, said);
    // With windows or without.
    assert_eq!(never(&files(eternal, "", ""))[0].message, said);
}

#[test]
fn freezes_cover_together_what_none_covers_alone() {
    let first = "  - { name: first, from: 2020-01-01, until: 2029-06-01 }\n";
    let second = "  - { name: second, from: 2029-05-01, until: 2040-01-01, customers: [acme] }\n";
    let both = format!("{first}{second}");
    let found = never(&files(&both, "", SUNDAYS));
    assert_eq!(
        found[0].message,
        "the freezes `first` and `second` together cover all the time in which `acme` could start, for five years from 2027-01-11"
    );
    // One of them leaves a window.
    for one in [first, second] {
        assert_eq!(never(&files(one, "", SUNDAYS)), []);
    }
}

#[test]
fn a_freeze_ends_in_time_if_one_window_is_left_before_the_horizon() {
    // Open on the last Sunday of the five years alone: 11 January 2032 less a day is what lies within.
    let freeze = "  - { name: long, from: 2020-01-01, until: 2032-01-04 }\n";
    assert_eq!(never(&files(freeze, "", SUNDAYS)), []);
    let freeze = "  - { name: long, from: 2020-01-01, until: 2032-02-01 }\n";
    assert_eq!(never(&files(freeze, "", SUNDAYS)).len(), 1);
}

#[test]
fn a_freeze_in_the_customers_zone_is_judged_there() {
    // Each Sunday of the window is frozen in Berlin, and half an hour of the first is left in New York.
    let freeze = "  - { name: f, from: 2027-01-11, until: 2999-01-01, timezone: customer }\n";
    let window = "window: { cron: \"30 4 11 1 *\", duration: 1h, timezone: UTC }\n";
    let at: Timestamp = "2027-01-11T04:30:00Z".parse().unwrap();
    let judged = |customer: &str| {
        load_at(&files(freeze, customer, window), at)
            .unwrap()
            .warnings
            .is_empty()
    };
    assert!(judged("timezone: America/New_York, "));
    assert!(!judged("timezone: Europe/Berlin, "));
}

#[test]
fn what_has_begun_only_waits() {
    let eternal = "  - { name: eternal, from: 2020-01-01, until: 2999-01-01 }\n";
    let apart = files(
        eternal,
        "window: { cron: \"0 9 * * MON\", duration: 2h }, ",
        SUNDAYS,
    );
    let config = load_running(&apart).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings)
    };
    assert_eq!(warning.severity, Severity::Warning);
    assert!(
        warning.message.contains("`acme` can never start"),
        "{warning}"
    );
    // Nobody says when it would be, so dates are not judged.
    assert!(load(&files(eternal, "", SUNDAYS)).is_ok());
}

#[test]
fn a_night_that_the_clock_change_swallows_is_announced() {
    let window = "window: { cron: \"0 2 * * SUN\", duration: 1h, timezone: Europe/Berlin }\n";
    let config = load_at(&files("  []\n", "", window), at()).unwrap();
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings)
    };
    assert_eq!(
        warning.message,
        "the window `0 2 * * SUN` of 2027-03-28 02:00 Europe/Berlin is empty: the clock change skips it"
    );
    // Longer than the gap: a part is left.
    let window = "window: { cron: \"0 2 * * SUN\", duration: 61m, timezone: Europe/Berlin }\n";
    assert!(
        load_at(&files("  []\n", "", window), at())
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn windows_that_could_not_be_read_are_not_judged() {
    for customer in [
        "window: { cron: \"0 9 * * MON\", duration: 2h, timezone: Europe/Berln }, ",
        "window: { cron: \"0 9 * * MON\", duration: 2h, reserve: 1M }, ",
        "window: [ { cron: \"0 9 * * MON\", duration: 2h }, { cron: \"0 9 * * MOO\", duration: 2h } ], ",
        "timezone: Europe/Berln, window: { cron: \"0 9 * * MON\", duration: 2h }, ",
    ] {
        let found = never(&files("  []\n", customer, SUNDAYS));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn many_customers_under_one_freeze_are_named_once() {
    let mut sources = files(
        "  - { name: eu, from: 2020-01-01, until: 2999-01-01, customers: { tags: eu } }\n",
        "tags: [eu], ",
        SUNDAYS,
    );
    for n in 0..3 {
        let customer = format!(
            "  c{n}: {{ tier: demo, tags: [eu], services: {{ backend: {{ id: srv-c{n}, url: https://c{n}.example }} }} }}\n"
        );
        sources.customers.text.push_str(&customer);
    }
    sources
        .policies
        .push(file("policies/hotfix.yaml", "policy: hotfix\n"));
    let found = never(&sources);
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    let said = "in which `acme` and 3 other customers could start";
    assert!(one.message.contains(said), "{one}");
}

#[test]
fn warnings_however_many_make_no_mistake_of_a_window_that_comes() {
    let leap_day = "window: { cron: \"0 2 29 2 *\", duration: 2h }, ";
    let mut sources = files("  []\n", "", "");
    for n in 0..1_000 {
        // Nobody knows where to ask for its health.
        let customer =
            format!("  c{n}: {{ tier: demo, services: {{ backend: {{ id: srv-c{n} }} }} }}\n");
        sources.customers.text.push_str(&customer);
    }
    let last = format!(
        "  last: {{ tier: demo, {leap_day}services: {{ backend: {{ id: srv-last, url: https://last.example }} }} }}\n"
    );
    sources.customers.text.push_str(&last);
    let config = load_at(&sources, at()).unwrap();
    assert_eq!(config.warnings.len(), 1_000);
}
