//! The oracle of [`super::recomputed`] is no rubber stamp: journals that were tampered with are reported.

use std::collections::BTreeSet;

use policy::Timestamp;
use rollout::fact::{Frozen, Payload as _};
use rollout::health::{Cycle, CycleResult};
use rollout::{Event, Kind};
use serde::Deserialize as _;
use sim::world::World;

use super::recomputed::Recomputed;
use super::{setup, written};

/// Two customers, of which `b` turns out bad; a gate that two people open, and a window.
const STORY: &str = "version: v1.1.0\nstart: 2027-01-11T09:00:00Z\nby: ann\n\
    world: { deploy: 5m, rollback: 2m, health_every: 1m }\n\
    fleet: { a: { tier: main }, b: { tier: main } }\n\
    policies:\n  - { policy: main, batch: all, approval: { per: phase, quorum: 2, from: [approvers], valid_for: 1d }, \
    window: { cron: \"0 */6 * * *\", duration: 2h } }\n\
    project: { groups: { approvers: [ann, bob, carol] } }\n\
    inject:\n  - { customer: b, service: backend, health: failing, from: live }\n";

/// What really happened.
fn journal() -> Vec<Event> {
    let mut world = World::new(setup(&written(STORY)));
    world.run();
    world.events().to_vec()
}

/// What the oracle says of a journal.
fn judged(journal: &[Event]) -> Result<(), String> {
    let mut oracle = Recomputed::default();
    journal.iter().try_for_each(|event| oracle.follow(event))
}

/// The journal with the first event of a kind changed.
fn forged(kind: Kind, forge: impl FnOnce(&mut Event)) -> Vec<Event> {
    let mut journal = journal();
    forge(&mut journal[place(kind)]);
    journal
}

/// Where the first event of a kind stands.
fn place(kind: Kind) -> usize {
    let journal = journal();
    let place = journal.iter().position(|event| event.line.kind == kind);
    place.unwrap_or_else(|| panic!("no {} in the story", kind.as_str()))
}

#[track_caller]
fn assert_reported(journal: &[Event], broken: &str) {
    let said = judged(journal).unwrap_err();
    assert!(said.starts_with(broken), "{said}");
}

#[test]
fn what_really_happened_breaks_nothing() {
    assert_eq!(judged(&journal()), Ok(()));
}

#[test]
fn a_start_with_a_vote_too_few_is_reported() {
    let mut journal = journal();
    journal.remove(place(Kind::Approved));
    assert_reported(&journal, "P1: main has 1 of 2 votes");
}

#[test]
fn two_votes_of_one_person_are_reported() {
    let second = journal()[place(Kind::Approved) + 1].line.actor.clone();
    let journal = forged(Kind::Approved, |event| event.line.actor = second);
    assert_reported(&journal, "P1: main has 1 of 2 votes");
}

#[test]
fn a_vote_of_the_starter_is_reported() {
    let journal = forged(Kind::Approved, |event| {
        event.line.actor = Some("ann".into());
    });
    assert_reported(&journal, "P1: main has 1 of 2 votes");
}

#[test]
fn a_start_after_the_approval_has_lapsed_is_reported() {
    let journal = forged(Kind::CustomerStarted, |event| {
        event.at += chrono::TimeDelta::days(1);
    });
    assert_reported(&journal, "P5: the approval of main had lapsed");
}

#[test]
fn a_start_outside_the_window_is_reported() {
    let journal = forged(Kind::CustomerStarted, |event| {
        event.at += chrono::TimeDelta::minutes(91);
    });
    assert_reported(&journal, "P23: a starts outside its window");
}

#[test]
fn a_start_in_a_freeze_is_reported_and_one_at_its_end_is_not() {
    let start = place(Kind::CustomerStarted);
    let frozen_until = |until: Timestamp| {
        let mut journal = journal();
        let outage = Frozen {
            actor: "ann".into(),
            reason: "an outage".to_owned(),
            until,
            name: "outage".to_owned(),
            customers: BTreeSet::new(),
        };
        let frozen = Event {
            line: outage.line(),
            ..journal[start - 1].clone()
        };
        journal.insert(start, frozen);
        judged(&journal)
    };
    let at = journal()[start].at;
    assert_eq!(frozen_until(at), Ok(()));
    let said = frozen_until(at + chrono::TimeDelta::milliseconds(1)).unwrap_err();
    assert!(said.starts_with("P23: a starts during"), "{said}");
}

/// The cycles that a verdict tells of.
fn cycles(event: &Event) -> Vec<Cycle> {
    Vec::deserialize(&event.line.data["cycles"]).unwrap()
}

/// Has a verdict tell of other cycles.
fn tell(event: &mut Event, cycles: &[Cycle]) {
    let cycles = serde_json::to_value(cycles).unwrap();
    event.line.data.insert("cycles".to_owned(), cycles);
}

#[test]
fn a_rollback_without_the_samples_that_decide_it_is_reported() {
    let journal = forged(Kind::HealthFailed, |event| {
        event.line.data.remove("cycles");
    });
    assert_reported(&journal, "P34: a verdict without cycles");
    let journal = forged(Kind::HealthFailed, |event| {
        let mut cycles = cycles(event);
        cycles.truncate(cycles.len() - 1);
        tell(event, &cycles);
    });
    assert_reported(&journal, "P34: ");
}

#[test]
fn a_failure_between_that_was_no_failure_is_reported() {
    let journal = forged(Kind::HealthFailed, |event| {
        let mut cycles = cycles(event);
        let middle = cycles.len() - 2;
        cycles[middle].result = CycleResult::Passed;
        tell(event, &cycles);
    });
    assert_reported(&journal, "P34: ");
}

#[test]
fn a_pass_that_no_cycle_shows_is_reported() {
    let journal = forged(Kind::HealthPassed, |event| {
        let mut cycles = cycles(event);
        for cycle in &mut cycles {
            let reason = "nothing was heard".to_owned();
            cycle.result = CycleResult::NoData { reason };
        }
        tell(event, &cycles);
    });
    assert_reported(&journal, "P34: ");
}
