//! Reports of whole rollouts in virtual time: what the example's stories come to, worked out by hand.

use std::fs;
use std::path::{Path, PathBuf};

use policy::parse::File;
use policy::parse::scenario::Scenario;
use policy::{Sources, Span};
use rollout::report::{Answer, Report, Reporter, Standing};
use rollout::{Kind, RolloutId};
use sim::world::{World, scenario};

fn examples(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(path)
}

fn read(path: &Path) -> File {
    File {
        path: path.display().to_string(),
        text: fs::read_to_string(path).unwrap(),
    }
}

fn securewatch() -> Sources {
    let folder = examples("securewatch");
    let mut policies: Vec<PathBuf> = fs::read_dir(folder.join("policies"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    policies.sort();
    Sources {
        project: read(&folder.join("tranche.yaml")),
        customers: read(&folder.join("customers.yaml")),
        policies: policies.iter().map(|path| read(path)).collect(),
        unread: Vec::new(),
        calendars: Vec::new(),
    }
}

fn report(path: &str, base: Option<&Sources>) -> Report {
    run(&read(&examples(path)), base)
}

fn run(file: &File, base: Option<&Sources>) -> Report {
    let scenario = Scenario::parse(file).unwrap();
    let mut world = World::new(scenario::setup(&scenario, base).unwrap());
    world.run();
    let mut reporter = Reporter::new(RolloutId::Rollout(1));
    for event in world.events() {
        reporter.take(event);
    }
    let at = world.events().last().unwrap().at;
    reporter.report(at).unwrap()
}

fn span(text: &str) -> Span {
    text.parse().unwrap()
}

#[test]
fn the_report_of_fifty_one_days_adds_up() {
    let report = report(
        "securewatch/scenarios/fifty-one-days.yaml",
        Some(&securewatch()),
    );
    assert_eq!(report.version, "v1.1.0");
    let phases: Vec<(&str, u32, u32, u32)> = report
        .phases
        .iter()
        .map(|one| (one.name.as_str(), one.planned, one.updated, one.left_out))
        .collect();
    // Harborline is pinned: a member of its phase, and left out of it (R22).
    let expected = [
        ("demo", 2, 2, 0),
        ("startup", 5, 5, 0),
        ("standard", 7, 7, 1),
        ("enterprise", 4, 4, 0),
    ];
    assert_eq!(phases, expected);
    // Two services a customer, Cloudnest one: 18 * 2 - 1.
    assert_eq!(report.figures.deploys, 35);
    assert_eq!(report.figures.success.percent, Some(100.0));
    assert_eq!(report.figures.median, Some(span("5m")));
    assert_eq!(report.figures.rollbacks, 0);
    let lasted = report.ended_at.unwrap() - report.started_at.unwrap();
    assert_eq!(report.spent.total().to_delta(), lasted);
    let demo = &report.phases[0];
    assert_eq!(demo.spent.working, span("10m"));
    assert_eq!(demo.spent.people, Span::ZERO);
    let pinned = report
        .customers
        .iter()
        .find(|one| one.customer.as_str() == "harborline");
    assert!(matches!(pinned.unwrap().standing, Standing::Pinned { .. }));
}

#[test]
fn approvals_say_who_and_how_long_they_waited() {
    let report = report(
        "securewatch/scenarios/fifty-one-days.yaml",
        Some(&securewatch()),
    );
    let told: Vec<(&str, Vec<&str>, Option<Span>)> = report
        .approvals
        .iter()
        .map(|one| {
            assert_eq!(one.answer, Answer::Passed, "{}", one.gate);
            let votes = one.votes.iter().map(|vote| vote.person.as_str());
            (one.gate.as_str(), votes.collect(), one.waited)
        })
        .collect();
    // Asked on 2 February at 09:00; each waited until the second vote.
    let expected = [
        ("financefirst", vec!["bob", "carol"], Some(span("1d 6h"))),
        ("medhealth", vec!["bob", "dave"], Some(span("7d 23h"))),
        ("nippon-logix", vec!["carol", "dave"], Some(span("13d 3h"))),
        ("union-power", vec!["bob", "carol"], Some(span("22d 2h"))),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_failure_is_an_incident_and_counts_against_its_phase() {
    let report = report(
        "securewatch/scenarios/failure-in-standard.yaml",
        Some(&securewatch()),
    );
    let incidents: Vec<(Kind, Option<&str>)> = report
        .incidents
        .iter()
        .take(2)
        .map(|one| {
            (
                one.kind,
                one.customer.as_ref().map(policy::CustomerId::as_str),
            )
        })
        .collect();
    let expected = [
        (Kind::DeployFailed, Some("copperline")),
        (Kind::RolloutHalted, None),
    ];
    assert_eq!(incidents, expected);
    let standard = &report.phases[2];
    assert_eq!(
        (standard.updated, standard.failed),
        (7, 0),
        "it was retried"
    );
    // Fifteen deploys in the phase: seven customers with two services, and the one that failed.
    assert_eq!(
        (standard.figures.success.count, standard.figures.success.of),
        (14, 15)
    );
    assert_eq!(standard.figures.success.percent, Some(93.3));
    // Halted from 15:13 until the retry at 08:00 the next day.
    assert_eq!(standard.spent.people, span("16h 47m"));
}

#[test]
fn figures_from_outside_stand_beside_the_phase_also_after_the_end() {
    let text = "version: v2.0.0
start: 2027-01-11T09:00:00Z
by: ann
world: { deploy: 5m, rollback: 2m, health_every: 1m }
fleet: { a: { tier: main }, b: { tier: main } }
policies: [ { policy: main, soak: 1h } ]
script:
  - { at: 2027-01-11T09:10:00Z, do: observe, customer: a, name: tickets, value: 9 }
  - { at: 2027-01-11T09:20:00Z, do: observe, customer: a, name: tickets, value: 4 }
  - { at: 2027-01-11T09:30:00Z, do: observe, customer: b, name: tickets, value: 1 }
expect: []
";
    let file = File {
        path: "figures.yaml".to_owned(),
        text: text.to_owned(),
    };
    let report = run(&file, None);
    let tickets = &report.phases[0].observed["tickets"];
    assert_eq!(tickets.figures.len(), 3);
    assert!((tickets.mean - 2.5).abs() < 1e-9, "the newest of each");
}

#[test]
fn an_override_names_both_people_and_the_first_alone_is_incomplete() {
    let report = report("rules/r09-override.yaml", None);
    let told: Vec<(&str, &str, bool)> = report
        .overrides
        .iter()
        .map(|one| (one.person.as_str(), one.what.as_str(), one.complete))
        .collect();
    let expected = [
        ("ann", "freeze audit", false),
        ("bob", "freeze audit", true),
    ];
    assert_eq!(told, expected);
    assert_eq!(report.customers[0].standing, Standing::Updated);
    assert_eq!(report.spent.working, span("5m"));
    assert_eq!(report.spent.clock, span("20m"), "frozen until both agreed");
}
