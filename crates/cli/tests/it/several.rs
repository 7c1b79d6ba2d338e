//! Several rollouts at once, and who drives them.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use crate::project::Project;
use crate::rollouts::{KEY, Story, spawn};

/// An engine in a process of its own.
struct Engine(Child);

impl Engine {
    fn start(project: &Project) -> Self {
        let mut child = spawn(project, &["run", "-o", "json"]);
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.contains("engine_started"), "{first}");
        Self(child)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A project with three versions, of which none is deployed by itself: every customer waits for somebody's approval.
fn gated() -> Story {
    let story = Story::new(&[]);
    story.project.tag("v1.2.0");
    let account = project::account_name();
    story.project.edit("tranche.yaml", |text| {
        format!("{text}people: {{ me: {{ os: {account} }} }}\n")
    });
    story.project.write(
        "policies/fast.yaml",
        "policy: fast\napproval: { per: phase, not: [] }\n",
    );
    story
}

#[test]
fn a_queued_rollout_names_what_it_waits_for_and_does_not_hide_the_one_that_goes_on() {
    let story = gated();
    let project = &story.project;
    let start = |args: &[&str]| project.tranche_with(&[&["start"], args].concat(), &[KEY]);
    let said = start(&["v1.1.0", "--detach"]).succeeds();
    assert!(
        said.out.contains("r1: rollout of v1.1.0 started"),
        "{}",
        said.out
    );
    assert!(said.err.contains("`tranche run` does"), "{}", said.err);
    let said = start(&["v1.2.0", "--detach", "--queue"]).succeeds();
    assert!(
        said.out
            .contains("r2: rollout of v1.2.0 queued; it begins when r1 has ended"),
        "{}",
        said.out
    );

    let said = project.tranche(&["status"]).succeeds();
    assert!(said.out.starts_with("r1 v1.1.0"), "{}", said.out);
    let also = "also unfinished: r2 v1.2.0 (queued behind r1)";
    assert!(said.out.contains(also), "{}", said.out);
    assert!(said.err.contains("nobody drives"), "{}", said.err);

    let said = project.tranche(&["status", "r2"]).succeeds();
    assert!(said.out.contains(": queued behind r1\n"), "{}", said.out);
    assert!(!said.out.contains("plan"), "{}", said.out);
    assert!(!said.out.contains("PHASE"), "{}", said.out);
}

#[test]
fn a_start_without_driving_says_who_drives() {
    let story = gated();
    let project = &story.project;
    let _engine = Engine::start(project);
    let said = project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    assert!(said.err.contains("tranche watch r1"), "{}", said.err);
    let said = project.tranche(&["status"]).succeeds();
    assert_eq!(said.err, "");
}

#[test]
fn what_a_rollout_leaves_behind_when_it_makes_way_is_over() {
    let story = gated();
    let project = &story.project;
    let start = |args: &[&str]| project.tranche_with(&[&["start"], args].concat(), &[KEY]);
    start(&["v1.1.0", "--detach"]).succeeds();
    let said = start(&["v1.2.0", "--detach", "--supersede"]).succeeds();
    assert!(
        said.out.contains("; r1: nothing new starts"),
        "{}",
        said.out
    );
    let _engine = Engine::start(project);
    project
        .tranche(&["watch", "r2", "--until", "gate", "--timeout", "20s"])
        .succeeds();
    let said = project.tranche(&["status", "r1"]).succeeds();
    assert!(said.out.contains("superseded"), "{}", said.out);
    assert!(!said.out.contains("asked"), "{}", said.out);
    assert!(said.out.contains("fast   ended"), "{}", said.out);
    let said = project.tranche(&["why", "acme", "-r", "r1"]).succeeds();
    assert_eq!(
        said.out.trim(),
        "acme does not start in r1 (v1.1.0):\n  the rollout has ended"
    );
    // A gate of that name means the one that is still asked for.
    let said = project.tranche(&["approve", "fast"]).succeeds();
    assert!(said.out.starts_with("r2: "), "{}", said.out);
}

#[test]
fn a_foreground_start_names_the_rollouts_that_it_leaves_undriven() {
    let story = gated();
    let project = &story.project;
    project
        .tranche_with(
            &["start", "v1.1.0", "--customers", "acme", "--detach"],
            &[KEY],
        )
        .succeeds();
    project.write("policies/fast.yaml", "policy: fast\n");
    let said = project
        .tranche_with(&["start", "v1.2.0", "--customers", "bolt"], &[KEY])
        .succeeds();
    assert!(said.out.contains("r2  rollout succeeded"), "{}", said.out);
    assert!(
        said.err
            .contains("r1 v1.1.0 is unfinished, and nobody drives it from now on"),
        "{}",
        said.err
    );
}
