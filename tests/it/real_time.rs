//! The same core in virtual and in real time: the order of phases, batches, gates and of what each customer sees is equal.
//!
//! Every duration of the four tiers is divided by 3600, and windows open every minute. A slice with the days cut short
//! runs with every test; `TRANCHE_REAL_TIME=all` takes the whole 51 days (some twelve minutes).

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::Command;

use serde_json::Value;

use crate::lab::{Files, Lab, RELEASE};

/// Kinds that belong to the process, not to the rollout.
const OF_THE_PROCESS: &[&str] = &[
    "engine_started",
    "files_read",
    "clock_suspected",
    "clock_trusted",
    "workspace_held",
    "token_created",
    "workspace_released",
];

#[test]
fn real_time_and_virtual_time_tell_the_same_story() {
    let whole = env::var("TRANCHE_REAL_TIME").is_ok_and(|value| value == "all");
    let lab = Lab::of(&files(whole));
    let virtually = lab.tranche(&["simulate", RELEASE, "--approve", "at-once", "-o", "json"]);
    assert!(
        virtually.status.success(),
        "{}",
        String::from_utf8_lossy(&virtually.stderr)
    );
    let virtually = Telling::of(&String::from_utf8(virtually.stdout).unwrap());
    let really = Telling::of(&drive(&lab));
    assert_eq!(really.course, virtually.course);
    assert_eq!(really.customers, virtually.customers);
}

/// The rollout in real time: whoever is asked approves.
fn drive(lab: &Lab) -> String {
    let token = |person: &str| {
        let output = lab.tranche(&["-q", "token", "create", person]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // Whoever makes the tokens is not who starts, so that they count.
    let [ann, approvers @ ..] = ["ann", "bob", "carol"].map(token);
    let mut engine = lab.spawn_as(&ann, &["start", RELEASE, "--yes"]);
    let mut approved = BTreeSet::new();
    let status = loop {
        if let Some(status) = engine.try_wait().unwrap() {
            break status;
        }
        for gate in asked(&journal(lab)).difference(&approved.clone()) {
            for approver in &approvers {
                let output = lab.tranche_as(approver, &["approve", gate]);
                assert!(
                    output.status.success(),
                    "{gate}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            approved.insert(gate.clone());
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    };
    assert!(status.success(), "{status}");
    journal(lab)
}

fn journal(lab: &Lab) -> String {
    String::from_utf8(lab.tranche(&["events"]).stdout).unwrap()
}

fn asked(journal: &str) -> BTreeSet<String> {
    let events = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let asked = events.filter(|event| event["kind"] == "approval_requested");
    asked
        .filter_map(|event| event["data"]["gate"].as_str().map(str::to_owned))
        .collect()
}

/// What is compared of a journal.
struct Telling {
    /// Phases, batches and gates, in order.
    course: Vec<String>,
    /// What each customer went through, in order.
    customers: BTreeMap<String, Vec<String>>,
}

impl Telling {
    fn of(journal: &str) -> Self {
        let mut telling = Self {
            course: Vec::new(),
            customers: BTreeMap::new(),
        };
        for line in journal.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let kind = event["kind"].as_str().unwrap();
            if OF_THE_PROCESS.contains(&kind) {
                continue;
            }
            match event["customer"].as_str() {
                Some(customer) => {
                    let told = format!("{kind} {}", event["service"].as_str().unwrap_or("-"));
                    telling
                        .customers
                        .entry(customer.to_owned())
                        .or_default()
                        .push(told);
                }
                None => telling
                    .course
                    .push(format!("{kind} {} {}", event["phase"], event["batch"])),
            }
        }
        telling
    }
}

/// The four tiers with everything divided by 3600; cut short, the days are an hour each.
fn files(whole: bool) -> Files {
    let day = if whole { 24_000 } else { 1_000 };
    let days = |n: u64| format!("{}ms", n * day);
    let hours = |n: u64| format!("{n}s");
    let account = Command::new("id").arg("-un").output().unwrap();
    let account = String::from_utf8(account.stdout).unwrap();
    let project = format!(
        "
product: lab
repository: repository
render: {{ url: http://127.0.0.1:1/v1, settle: 600ms, poll: {{ from: 40ms, to: 80ms }} }}
network: {{ allow: [127.0.0.0/8] }}
variables:
  backend: {{ VERSION_TAG: \"${{version}}\" }}
health:
  comprehensive: {{ every: 100ms, checks: [{{ http: /api/health }}, {{ version: /api/version }}, {{ database: /api/health }}] }}
people:
  zoe: {{ os: \"{}\" }}
  ann: {{}}
  bob: {{}}
  carol: {{}}
",
        account.trim()
    );
    // Deploys take their minutes in virtual time: a grant must outlast them in both.
    let enterprise = "
approval: { per: customer, quorum: 2, valid_for: 1h, expires: 2h }
window: { cron: \"* * * * *\", duration: 20s, reserve: 5s }
";
    let policies = vec![
        ("demo", "policy: demo\nbatch: all\n".to_owned()),
        (
            "startup",
            format!(
                "policy: startup\nafter: demo\nnot_before: {}\nbatch: 50%\ndelay: {}\n",
                days(1),
                hours(2)
            ),
        ),
        (
            "standard",
            format!(
                "policy: standard\nafter: startup\nnot_before: {}\nbatch: 25%\ndelay: {}\nhealth: comprehensive\nsoak: {}\n",
                days(8),
                hours(6),
                hours(if whole { 24 } else { 4 }),
            ),
        ),
        (
            "enterprise",
            format!(
                "policy: enterprise\nafter: standard\nnot_before: {}\nbatch: 1\nhealth: comprehensive\n{enterprise}",
                days(22),
            ),
        ),
    ];
    let both = || vec!["backend", "frontend"];
    let mut fleet = vec![
        ("acme", "standard", both()),
        ("bluewave", "standard", vec!["backend"]),
        ("demo-internal", "demo", both()),
        ("techstart", "startup", both()),
        ("brightpath", "startup", vec!["backend"]),
        ("financefirst", "enterprise", both()),
    ];
    if whole {
        fleet.push(("medhealth", "enterprise", vec!["backend"]));
    }
    Files {
        project,
        policies,
        fleet,
    }
}
