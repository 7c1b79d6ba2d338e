//! Operations outside any rollout, against a simulated Render over HTTP.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story};

fn events(project: &Project) -> String {
    project.tranche(&["events"]).succeeds().out
}

#[test]
fn a_single_service_is_deployed_watched_and_told_of() {
    let story = Story::new(&[]);
    let project = &story.project;
    let deploy = [
        "deploy",
        "acme/backend",
        "--commit",
        "v1.1.0",
        "--reason",
        "trial",
        "--watch",
        "1s",
        "--set",
        "GREETING=hello ${customer}",
    ];
    let mut dry: Vec<&str> = deploy.to_vec();
    dry.retain(|word| !["--reason", "trial"].contains(word));
    dry.push("--dry-run");
    let said = project.tranche_with(&dry, &[KEY]).succeeds();
    for request in [
        "PUT   /services/srv-acme/env-vars/GREETING",
        r#"{"value":"hello acme"}"#,
        "POST  /services/srv-acme/deploys",
    ] {
        assert!(said.out.contains(request), "{}", said.out);
    }
    project.tranche(&["status"]).exits(3);
    let said = project.tranche_with(&deploy, &[KEY]).succeeds();
    assert!(said.out.contains("o1  acme/backend: live"), "{}", said.out);
    assert!(said.out.contains("o1  operation done"), "{}", said.out);
    assert!(!said.out.contains("batch"), "{}", said.out);
    let said = project.tranche(&["status", "o1"]).succeeds();
    assert!(said.out.contains("done"), "{}", said.out);
    assert!(!said.out.contains("running"), "{}", said.out);
    let said = project.tranche(&["report", "o1"]).succeeds();
    assert!(
        said.out.contains("1 of 1 customer runs v1.1.0"),
        "{}",
        said.out
    );
    let said = project
        .tranche_with(&["env", "list", "acme"], &[KEY])
        .succeeds();
    assert!(said.out.contains("GREETING"), "{}", said.out);
    assert!(!said.out.contains("hello"), "{}", said.out);
    // What is under way comes before what is over.
    let start = ["start", "v1.1.0", "--yes", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    let said = project.tranche(&["why", "acme"]).succeeds();
    assert!(said.out.contains("r1 (v1.1.0)"), "{}", said.out);
    project.tranche(&["verify"]).succeeds();
}

#[test]
fn a_batch_goes_by_file_and_every_mistake_in_it_is_told_at_once() {
    let story = Story::new(&["bolt/backend=build_failed*1"]);
    let project = &story.project;
    project.write(
        "bad.yaml",
        "- { service: acme/backend }\n- { service: nobody/backend, commit: v1.1.0 }\n- { commit: v1.1.0, watch: soon }\n",
    );
    let bad = ["deploy", "--file", "bad.yaml", "--reason", "x"];
    let said = project.tranche_with(&bad, &[KEY]).exits(2);
    for mistake in [
        "service 1: it names neither",
        "service 3: it names no",
        "`watch: soon`",
    ] {
        assert!(said.err.contains(mistake), "{}", said.err);
    }
    project.write(
        "good.yaml",
        "- { service: acme/backend, commit: v1.1.0 }\n- { service: srv-bolt, commit: v1.1.0 }\n",
    );
    let mut good = vec!["deploy", "--file", "good.yaml", "--reason", "monthly"];
    good.extend(["--parallel", "1"]);
    let said = project.tranche_with(&good, &[KEY]).exits(1);
    let at = |what: &str| said.out.find(what).unwrap();
    let one_by_one = at("acme is healthy") < at("o1  bolt started");
    assert!(one_by_one, "{}", said.out);
    assert!(
        said.out.contains("bolt/backend: deploy failed"),
        "{}",
        said.out
    );
    let said = project.tranche(&["status", "o1"]).succeeds();
    assert!(
        said.out.contains("unchanged") && !said.out.contains("replan"),
        "{}",
        said.out
    );
}

#[test]
fn what_cannot_be_deployed_is_refused_before_anything_begins() {
    let story = Story::new(&[]);
    let project = &story.project;
    for (service, commit, way_out) in [
        ("acme/backnd", "v1.1.0", "tranche customers show acme"),
        ("nobody/backend", "v1.1.0", "tranche customers"),
        ("nobody", "v1.1.0", "tranche render services"),
        ("srv-missing", "v1.1.0", "tranche render services"),
        ("acme", "v1.1.0", "the same command with acme/backend"),
        ("acme/backend", "abc123", "git rev-parse abc123"),
        ("acme/backend", "v1.1", "git rev-parse v1.1"),
    ] {
        let args = ["deploy", service, "--commit", commit, "--reason", "x"];
        let said = project.tranche_with(&args, &[KEY]).exits(2);
        assert!(
            said.err.contains(&format!("try: {way_out}")),
            "{}",
            said.err
        );
    }
    assert!(!project.path().join(".tranche/tranche.db").exists() || events(project).is_empty());
}

#[test]
fn the_variables_of_a_version_are_written_and_taken_back_without_a_deploy() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| {
        text + "variables: { backend: { VERSION_TAG: \"${version}\" } }\n"
    });
    let said = project
        .tranche_with(&["env", "diff", "acme", "v1.1.0"], &[KEY])
        .succeeds();
    assert!(
        said.out.contains("VERSION_TAG") && said.out.contains("add"),
        "{}",
        said.out
    );
    let apply = ["env", "apply", "acme", "v1.1.0", "--reason", "ahead"];
    project.tranche_with(&apply, &[KEY]).succeeds();
    let said = project.tranche(&["status", "o1"]).succeeds();
    assert!(
        said.out.contains("o1 has set VERSION_TAG of acme/backend"),
        "{}",
        said.out
    );
    project.tranche_with(&apply, &[KEY]).exits(3);
    project
        .tranche(&["rollback", "acme", "--reason", "x"])
        .exits(3);
    let undo = ["env", "apply", "acme", "--undo", "--reason", "postponed"];
    let said = project.tranche_with(&undo, &[KEY]).succeeds();
    let undone = "nothing was deployed at acme; its variables are as before: postponed";
    assert!(said.out.contains(undone), "{}", said.out);
    let said = project.tranche(&["report", "o2"]).succeeds();
    let undone = "nothing was deployed, the variables are as before";
    assert!(said.out.contains(undone), "{}", said.out);
    let said = project
        .tranche_with(&["env", "diff", "acme", "v1.1.0"], &[KEY])
        .succeeds();
    assert!(said.out.contains("add"), "{}", said.out);
    assert!(!events(project).contains("deploy_intended"));
    let reveal = ["env", "list", "acme", "--reveal"];
    project.tranche_with(&reveal, &[KEY]).exits(2);
}

#[test]
fn a_forced_rollback_lists_what_it_passes_over_and_wants_the_name() {
    let story = Story::new(&[]);
    let project = &story.project;
    let deploy = [
        "deploy",
        "acme/backend",
        "--commit",
        "v1.1.0",
        "--reason",
        "x",
    ];
    project.tranche_with(&deploy, &[KEY]).succeeds();
    let force = ["rollback", "acme", "--force", "--reason", "emergency"];
    project.tranche_with(&force, &[KEY]).exits(2);
    let mut wrong = force.to_vec();
    wrong.extend(["--confirm", "bolt"]);
    project.tranche_with(&wrong, &[KEY]).exits(2);
    let mut right = force.to_vec();
    right.extend(["--confirm", "acme"]);
    let said = project.tranche_with(&right, &[KEY]).succeeds();
    assert!(
        said.out.contains("acme is rolled back: emergency"),
        "{}",
        said.out
    );
    assert!(events(project).contains("customer_rolled_back"));
}

#[test]
fn a_rollback_is_driven_where_it_is_asked_for_and_reports_say_what_runs_since() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let wish = ["rollback", "acme", "--reason", "they asked"];
    let said = project.tranche_with(&wish, &[KEY]).succeeds();
    assert!(
        said.out.contains("acme is rolled back: they asked"),
        "{}",
        said.out
    );
    let said = project.tranche(&["report", "r1"]).succeeds();
    assert!(
        said.out.contains("1 of 2 customers run v1.1.0"),
        "{}",
        said.out
    );
    let detached = ["rollback", "bolt", "--detach", "--reason", "they too"];
    let said = project.tranche_with(&detached, &[KEY]).succeeds();
    assert!(said.err.contains("`tranche run` does"), "{}", said.err);
    let said = project.tranche(&["status", "o2"]).succeeds();
    assert!(said.out.contains("0/1"), "{}", said.out);
}

#[test]
fn an_operation_that_only_a_person_can_go_on_with_does_not_keep_its_terminal() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .succeeds();
    let deploys = || {
        let listed = ["render", "deploys", "srv-acme", "-o", "json"];
        let said = project.tranche_with(&listed, &[KEY]).succeeds();
        serde_json::from_str::<Vec<Value>>(&said.out).unwrap()
    };
    let before = deploys().last().unwrap()["source"].clone();
    let body = serde_json::json!({ "commitId": before }).to_string();
    let foreign = story.ask("POST", "/v1/services/srv-acme/deploys", &body);
    let since = Instant::now();
    while deploys()[0]["status"] != "live" {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "{foreign} is not live"
        );
    }
    let wish = ["rollback", "acme", "--reason", "they asked"];
    let said = project.tranche_with(&wish, &[KEY]).exits(6);
    assert!(
        said.out.contains("a newer deploy of somebody else"),
        "{}",
        said.out
    );
    assert!(said.err.contains("see: tranche status o1"), "{}", said.err);
}
