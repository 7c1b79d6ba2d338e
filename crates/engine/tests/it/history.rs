//! The past of a product as its journal tells it: deploys of one customer, and numbers over a time (A12).

use engine::store::Changes;
use engine::{DeploysOf, EngineLock, History, LockFor, Store};
use policy::{CustomerId, Role, Span, Timestamp};
use rollout::event::GENESIS;
use rollout::fact::{
    DeployAbsent, DeployCreated, DeployFailed, DeployIntended, DeployLive, HealthFailed,
    HealthPassed, RollbackIntended, RollbackLive, ServicePlace,
};
use rollout::report::{DeployDirection, DeployOutcome};
use rollout::{Event, Fact, Kind, Line, RolloutId};

use crate::lab::Lab;

/// `(minutes after 09:00, kind, customer)`, all of the backend in r1.
const STORY: &[(i64, Kind, &str)] = &[
    (0, Kind::DeployIntended, "acme"),
    (2, Kind::DeployLive, "acme"),
    (2, Kind::HealthPassed, "acme"),
    (60, Kind::DeployIntended, "beta"),
    (64, Kind::DeployLive, "beta"),
    (65, Kind::HealthFailed, "beta"),
    (65, Kind::RollbackIntended, "beta"),
    (66, Kind::RollbackLive, "beta"),
    (120, Kind::DeployIntended, "beta"),
    (121, Kind::DeployFailed, "beta"),
    (180, Kind::DeployIntended, "acme"),
    (181, Kind::DeployAbsent, "acme"),
    (182, Kind::DeployIntended, "acme"),
    (183, Kind::DeployCreated, "acme"),
];

fn at(minutes: i64) -> Timestamp {
    let begin: Timestamp = "2027-01-11T09:00:00Z".parse().unwrap();
    begin + Span::from_secs(minutes * 60).to_delta()
}

fn line(kind: Kind, customer: &str) -> Line {
    let place = ServicePlace {
        phase: "main".into(),
        batch: None,
        customer: CustomerId::new(customer),
        service: Role::new("backend"),
    };
    Line {
        rollout: Some(RolloutId::Rollout(1)),
        ..fact(kind, place).line()
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the story tells of no other kind"
)]
fn fact(kind: Kind, place: ServicePlace) -> Fact {
    let (attempt, reason) = (1, "so it is told".to_owned());
    let (commit, deploy) = ("c0ffee".to_owned(), None);
    match kind {
        Kind::DeployIntended => Fact::from(DeployIntended {
            place,
            attempt,
            commit,
            known: Vec::new(),
            baseline: None,
        }),
        Kind::DeployCreated => Fact::from(DeployCreated {
            place,
            attempt,
            deploy: "dep-1".into(),
            commit: None,
            until: at(600),
        }),
        Kind::DeployLive => Fact::from(DeployLive {
            place,
            attempt,
            deploy: "dep-1".into(),
            commit: None,
            version: None,
            replaced: false,
        }),
        Kind::DeployFailed => Fact::from(DeployFailed {
            place,
            attempt: Some(attempt),
            deploy,
            commit: None,
            reason,
            status: None,
            failure: true,
        }),
        Kind::DeployAbsent => Fact::from(DeployAbsent {
            place,
            attempt: Some(attempt),
            reason,
        }),
        Kind::HealthPassed => Fact::from(HealthPassed {
            place,
            attempt,
            deploy,
            cycles: Vec::new(),
            returned: false,
        }),
        Kind::HealthFailed => Fact::from(HealthFailed {
            place,
            attempt,
            deploy,
            commit: None,
            reason,
            cycles: None,
            judged: None,
            failure: true,
        }),
        other => rollback(other, place),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the story tells of no other kind"
)]
fn rollback(kind: Kind, place: ServicePlace) -> Fact {
    match kind {
        Kind::RollbackIntended => Fact::from(RollbackIntended {
            place,
            attempt: 1,
            commit: None,
            known: Vec::new(),
            target: None,
        }),
        Kind::RollbackLive => Fact::from(RollbackLive {
            place,
            attempt: 1,
            deploy: "dep-2".into(),
            commit: None,
            version: None,
        }),
        other => panic!("the story tells of no {other}"),
    }
}

fn history() -> (Lab, History) {
    let lab = Lab::new();
    let lock = EngineLock::acquire(&lab.state, LockFor::Engine).unwrap();
    let mut store = Store::open(&lab.state, &lock).unwrap();
    let mut prev = GENESIS.to_owned();
    let events = STORY
        .iter()
        .zip(1..)
        .map(|((minutes, kind, customer), seq)| {
            let event = Event::link(seq, at(*minutes), line(*kind, customer), prev.clone());
            prev.clone_from(&event.hash);
            event
        });
    let events = events.collect();
    store
        .commit(&Changes {
            events,
            ..Changes::default()
        })
        .unwrap();
    let history = History::open(&lab.state).unwrap();
    (lab, history)
}

#[test]
fn deploys_of_a_customer_come_newest_first_and_no_more_than_asked_for() {
    let (_lab, history) = history();
    let of = DeploysOf {
        customer: Some("beta".into()),
        ..DeploysOf::default()
    };
    let deploys = history.deploys(&of, 2).unwrap();
    let told: Vec<_> = deploys.iter().map(|one| (one.way, one.outcome)).collect();
    let expected = [
        (DeployDirection::Forward, DeployOutcome::Failed),
        (DeployDirection::Back, DeployOutcome::Live),
    ];
    assert_eq!(told, expected);
    assert_eq!(history.deploys(&of, 10).unwrap().len(), 3);
    let other = DeploysOf {
        service: Some("frontend".into()),
        ..DeploysOf::default()
    };
    assert_eq!(history.deploys(&other, 10).unwrap(), []);
}

#[test]
fn statistics_count_what_was_decided_in_their_time() {
    let (_lab, history) = history();
    let all = history.statistics(at(0), at(600)).unwrap();
    // Healthy, unhealthy, failed; the absent one never was, the last one is under way.
    assert_eq!((all.total.success.count, all.total.success.of), (1, 3));
    assert_eq!(all.total.success.percent, Some(33.3));
    assert_eq!(all.total.deploys, 5);
    assert_eq!(all.total.median, Some(Span::from_secs(120)));
    assert_eq!(all.total.p95, Some(Span::from_secs(240)));
    assert_eq!(
        (all.total.rollbacks, all.total.rollback_frequency.of),
        (1, 2)
    );
    assert_eq!((all.total.health.count, all.total.health.of), (1, 2));
    assert_eq!(all.phases.len(), 1);

    let later = history.statistics(at(60), at(120)).unwrap();
    assert_eq!((later.total.deploys, later.total.rollbacks), (1, 1));
    let never = history.statistics(at(600), at(700)).unwrap();
    assert_eq!(never.total.deploys, 0);
    assert_eq!(never.total.success.percent, None, "nothing is not 100 %");
}
