//! Whoever waits for one of Render's limits is told which one, and until when.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story, spawn};

const PATIENCE: Duration = Duration::from_secs(30);

/// 429 for the next read of the deploys.
const SILENCE: &str =
    r#"{"fault":"request","op":"list_deploys","trouble":"rate_limited","retry_after":4,"times":1}"#;

#[test]
fn a_command_that_reads_render_says_what_it_waits_for_once() {
    let story = Story::new(&[]);
    let project = &story.project;
    let words = "waiting for Render's limit of 400 GET requests a minute, until ";
    for command in [
        &["plan", "v1.1.0"][..],
        &["render", "deploys", "acme/backend"],
    ] {
        story.send("POST", "/_sim/faults", SILENCE);
        let said = project.tranche_with(command, &[KEY]).succeeds();
        assert_eq!(said.err.matches(words).count(), 1, "{}", said.err);
        assert!(said.err.contains("(in "), "{}", said.err);
    }
    story.send("POST", "/_sim/faults", SILENCE);
    let said = project.tranche_with(&["plan", "v1.1.0", "--quiet"], &[KEY]);
    assert_eq!(said.succeeds().err, "");
    let said = project.tranche_with(&["plan", "v1.1.0"], &[KEY]).succeeds();
    assert!(!said.err.contains("limit"), "{}", said.err);
}

fn json(project: &Project, args: &[&str]) -> Value {
    let said = project.tranche(&[args, &["-o", "json"]].concat());
    serde_json::from_str(&said.succeeds().out).unwrap()
}

/// Waits until a customer waits for a limit, and says how `why` shows that.
fn held(project: &Project, customer: &str) -> Value {
    let begun = Instant::now();
    loop {
        let why = json(project, &["why", customer]);
        let holds = why["holds"].as_array().unwrap();
        if let Some(hold) = holds.iter().find(|hold| hold["kind"] == "limit") {
            assert_eq!(holds.len(), 1, "{why:#}");
            return hold.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{why:#}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_ahead(until: &Value) -> bool {
    let until: DateTime<Utc> = until.as_str().unwrap().parse().unwrap();
    (Utc::now()..Utc::now() + Duration::from_secs(61)).contains(&until)
}

/// The reads of Render are few, so the deploy of the first customer cannot be followed for a while.
#[test]
fn status_and_why_name_the_limit_and_the_instant_while_it_is_waited_for() {
    let story = Story::new(&[]);
    let project = &story.project;
    // Its deploy takes long enough to be read until the minute's reads are used up.
    story.send(
        "PATCH",
        "/_sim/settings",
        r#"{"deploy":"1m","limits":{"reads":30}}"#,
    );
    let start = ["start", "v1.1.0", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    let mut engine = spawn(project, &["run"]);
    let limit = "Render's limit of 30 GET requests a minute is used up";
    let hold = held(project, "acme");
    assert_eq!(hold["text"], limit);
    assert_eq!(hold["owner"], "Render");
    assert!(is_ahead(&hold["until"]), "{hold}");
    let status = json(project, &["status"]);
    let waits = &status["customers"][0]["waits_for"];
    assert_eq!(waits["text"], limit, "{status:#}");
    assert!(is_ahead(&waits["until"]), "{waits}");
    assert_eq!(status["customers"][1].get("waits_for"), None);
    let until = format!("{limit}, until ");
    let said = project.tranche(&["status"]).succeeds().out;
    assert!(said.contains(&until), "{said}");
    let said = project.tranche(&["why", "acme"]).succeeds().out;
    assert!(said.contains(limit), "{said}");
    assert!(!said.contains("no end is known"), "{said}");
    let watch = ["watch", "r1", "--timeout", "4s"];
    let said = project.tranche(&watch).exits(6).err;
    assert_eq!(said.matches(&format!("acme: {until}")).count(), 1, "{said}");
    // What a process has told that is gone is not told any more.
    engine.kill().unwrap();
    engine.wait().unwrap();
    let why = json(project, &["why", "acme"]);
    assert!(!why.to_string().contains(limit), "{why:#}");
    let status = json(project, &["status"]);
    assert_eq!(status["customers"][0].get("waits_for"), None, "{status:#}");
}

/// A refused deploy waits for as long as Render asks, and the customer is not simply under way.
#[test]
fn a_deploy_that_render_puts_off_is_named_by_its_limit() {
    let story = Story::new(&[]);
    let project = &story.project;
    let fault = r#"{"service":"srv-acme","fault":"request","op":"trigger_deploy","trouble":"rate_limited","retry_after":20,"times":1}"#;
    story.send("POST", "/_sim/faults", fault);
    let start = ["start", "v1.1.0", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    let mut engine = spawn(project, &["run"]);
    let hold = held(project, "acme");
    assert_eq!(
        hold["text"],
        "Render's limit of 10 deploys a minute for each service is used up"
    );
    assert!(is_ahead(&hold["until"]), "{hold}");
    engine.kill().unwrap();
    engine.wait().unwrap();
}

#[test]
fn a_simulation_says_what_the_limits_have_moved() {
    let project = Project::bare();
    let scenario = |customers: usize| {
        let mut text = "version: v1.1.0\nstart: 2027-01-11T09:00:00Z\nby: ann\nworld: { deploy: 5m }\n\
                        project: { render: { max_parallel: 500 }, variables: { backend: { VERSION: \"${version}\" } } }\n\
                        policies: [ { policy: main, batch: all, max_parallel: 500 } ]\n\
                        expect: [ { at: 2027-01-11T09:00:00Z, kind: rollout_started } ]\nfleet:\n"
            .to_owned();
        for n in 0..customers {
            writeln!(text, "  c{n:03}: {{ tier: main }}").unwrap();
        }
        project.write("fleet.yaml", &text);
    };
    let words = "Render's limit of 30 POST, PATCH, PUT and DELETE requests a minute delays ";
    scenario(100);
    let said = project.tranche(&["simulate", "--scenario", "fleet.yaml"]);
    let said = said.succeeds();
    assert!(said.out.contains(words), "{}", said.out);
    let said = project.tranche(&["simulate", "--scenario", "fleet.yaml", "-o", "json"]);
    assert!(said.succeeds().err.contains(words));
    let said = project.tranche(&["test", "fleet.yaml"]).succeeds();
    assert!(said.out.contains(words), "{}", said.out);
    scenario(20);
    let said = project.tranche(&["simulate", "--scenario", "fleet.yaml"]);
    assert!(!said.succeeds().out.contains("limit"));
}
