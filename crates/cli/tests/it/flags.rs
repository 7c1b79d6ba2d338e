//! What a flag says arrives: at Render, in the journal, or as the refusal that it lifts.

use crate::project::{Project, Said};
use crate::rollouts::{KEY, Story, spawn};

fn start(project: &Project, more: &[&str]) -> Said {
    project.tranche_with(&[&["start"], more].concat(), &[KEY])
}

/// What the simulated Render noted of the deploys it was asked for.
fn asked_for(story: &Story) -> Vec<String> {
    let log = story.ask("GET", "/_sim/requests", "");
    let changes = log["changes"].as_array().unwrap().iter();
    let deploys = changes.filter(|one| one["path"].as_str().unwrap().ends_with("/deploys"));
    deploys
        .map(|one| one["summary"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_cache_is_cleared_and_an_older_version_deployed_only_when_that_is_said() {
    let story = Story::new(&[]);
    let project = &story.project;
    start(project, &["v1.1.0", "--customers", "acme", "--clear-cache"]).succeeds();
    let said = start(project, &["v1.0.0", "--customers", "acme"]).exits(3);
    assert!(said.err.contains("--allow-downgrade"), "{}", said.err);
    let older = ["v1.0.0", "--customers", "acme", "--allow-downgrade"];
    start(project, &older).succeeds();
    let asked = asked_for(&story);
    assert!(asked[0].contains("clearCache=clear"), "{asked:?}");
    assert!(asked[1].contains("clearCache=do_not_clear"), "{asked:?}");
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn suspended_services_are_left_out_only_when_that_is_said() {
    let story = Story::new(&[]);
    let project = &story.project;
    story.send("POST", "/v1/services/srv-bolt/suspend", "");
    let said = start(project, &["v1.1.0"]).exits(3);
    assert!(said.err.contains("--skip-suspended"), "{}", said.err);
    start(project, &["v1.1.0", "--skip-suspended"]).succeeds();
    assert_eq!(asked_for(&story).len(), 1, "acme only");
}

#[test]
fn a_deploy_may_take_as_long_as_the_flag_says() {
    let story = Story::new(&["acme=stuck"]);
    let project = &story.project;
    let limited = [
        "v1.1.0",
        "--customers",
        "acme",
        "--detach",
        "--deploy-timeout",
        "1s",
    ];
    start(project, &limited).succeeds();
    let mut engine = spawn(project, &["run"]);
    let said = project.tranche(&["watch", "r1", "--timeout", "3m"]);
    engine.kill().unwrap();
    engine.wait().unwrap();
    let said = said.exits(1);
    assert!(
        said.out.contains("acme/backend: deploy cancelled"),
        "{}",
        said.out
    );
}

#[test]
fn an_unhealthy_deploy_stays_for_people_when_that_is_said() {
    let story = Story::new(&["acme=unhealthy"]);
    let project = &story.project;
    let deploy = [
        "deploy",
        "acme/backend",
        "--commit",
        "v1.1.0",
        "--rollback",
        "manual",
        "--reason",
        "x",
    ];
    let said = project.tranche_with(&deploy, &[KEY]).exits(6);
    assert!(
        said.err.contains("only when a person does something"),
        "{}",
        said.err
    );
    let journal = project.tranche(&["events"]).succeeds().out;
    assert!(journal.contains("\"kind\":\"health_failed\""), "{journal}");
    assert!(!journal.contains("rollback_intended"), "{journal}");
}
