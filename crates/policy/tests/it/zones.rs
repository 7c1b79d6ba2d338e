//! Windows that name no zone, and plans that were frozen while such windows were in the project's.

use std::collections::BTreeMap;

use policy::calendar::ZoneSpec;
use policy::parse::load;
use policy::plan::{RunningVersions, compile};
use policy::zones::{ZoneOf, as_frozen, moved, taken};
use policy::{Config, CustomerId, Plan, PlanInput, PlanScope, Release, Sources, Timestamp};

use crate::support::{file, sources};

fn config(window: &str, timezone: &str) -> Config {
    let text = format!(
        "customers:\n  acme: {{ tier: demo, {timezone}window: {window}, services: {{ backend: {{ id: srv-1, url: https://acme.example }} }} }}\n"
    );
    load(&Sources {
        customers: file("customers.yaml", &text),
        ..sources()
    })
    .unwrap()
}

fn plan(config: &Config) -> Plan {
    let release = Release {
        version: "v1.1.0".to_owned(),
        commit: "c".repeat(40),
    };
    let input = PlanInput::of(config, release, PlanScope::default());
    compile(&input, &RunningVersions::new(), at()).unwrap()
}

/// What a release froze in which such windows were in the project's zone.
fn older(config: &Config) -> Plan {
    let mut plan = plan(config);
    for planned in plan.customers.values_mut() {
        for window in &mut planned.customer.window {
            window.zone = ZoneSpec::Zone(plan.project.timezone);
        }
    }
    plan
}

fn at() -> Timestamp {
    "2027-01-11T09:00:00Z".parse().unwrap()
}

fn is_as_frozen(config: &Config, plan: &Plan) -> bool {
    let id = CustomerId::from("acme");
    let (now, frozen) = (&config.fleet.customers[&id], &plan.customers[&id].customer);
    as_frozen(config, &id, now, frozen, plan) == frozen.window
}

const NIGHT: &str = "{ cron: \"0 22 * * SAT#3\", duration: 8h }";
const NEW_YORK: &str = "timezone: America/New_York, ";

#[test]
fn a_window_without_a_zone_is_no_edit_of_a_plan_that_has_it_in_the_projects() {
    let now = config(NIGHT, NEW_YORK);
    assert!(is_as_frozen(&now, &older(&now)));
    assert!(is_as_frozen(&now, &plan(&now)));
    // Everything else about it is an edit.
    let before = older(&now);
    for edited in [
        "{ cron: \"0 23 * * SAT#3\", duration: 8h }",
        "{ cron: \"0 22 * * SAT#3\", duration: 7h }",
        "{ cron: \"0 22 * * SAT#3\", duration: 8h, reserve: 1h }",
        "{ cron: \"0 22 * * SAT#3\", duration: 8h, timezone: America/New_York }",
        "{ cron: \"0 22 * * SAT#3\", duration: 8h, timezone: customer }",
        "[ { cron: \"0 22 * * SAT#3\", duration: 8h }, { cron: \"0 22 * * SUN\", duration: 8h } ]",
    ] {
        assert!(
            !is_as_frozen(&config(edited, NEW_YORK), &before),
            "{edited}"
        );
    }
    // And writing down what is frozen is none.
    let written = config(
        "{ cron: \"0 22 * * SAT#3\", duration: 8h, timezone: UTC }",
        NEW_YORK,
    );
    assert!(is_as_frozen(&written, &before));
}

#[test]
fn a_customer_without_a_zone_follows_the_project_and_its_edits() {
    let now = config(NIGHT, "");
    assert_eq!(older(&now), plan(&now));
    let mut moved_project = plan(&now);
    moved_project.project.timezone = chrono_tz::Tz::Asia__Tokyo;
    for planned in moved_project.customers.values_mut() {
        planned.customer.window[0].zone = ZoneSpec::Zone(chrono_tz::Tz::Asia__Tokyo);
    }
    assert!(!is_as_frozen(&now, &moved_project));
}

#[test]
fn a_window_that_moves_is_named_from_when_to_when() {
    let now = config(NIGHT, NEW_YORK);
    assert_eq!(moved(&now, &plan(&now), at()), []);
    let found = moved(&now, &older(&now), at());
    let [one] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (one.frozen_in.name(), one.now_in.name()),
        ("UTC", "America/New_York")
    );
    let next = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    assert_eq!(one.frozen_next, next("2027-01-16T22:00:00Z"));
    assert_eq!(one.now_next, next("2027-01-17T03:00:00Z"));
    // Who writes a zone has said what is meant.
    let written = config(
        "{ cron: \"0 22 * * SAT#3\", duration: 8h, timezone: UTC }",
        NEW_YORK,
    );
    assert_eq!(moved(&written, &older(&now), at()), []);
}

#[test]
fn the_zone_that_is_taken_is_known_for_every_window_that_names_none() {
    let found = taken(&config(NIGHT, NEW_YORK));
    assert_eq!(
        (found[0].timezone.name(), found[0].of),
        ("America/New_York", ZoneOf::Customer)
    );
    let found = taken(&config(NIGHT, ""));
    assert_eq!(
        (found[0].timezone.name(), found[0].of),
        ("UTC", ZoneOf::Project)
    );
    let written = "{ cron: \"0 22 * * SAT#3\", duration: 8h, timezone: customer }";
    assert_eq!(taken(&config(written, NEW_YORK)), []);
    assert_eq!(config(written, NEW_YORK).unzoned.customers, BTreeMap::new());
}
