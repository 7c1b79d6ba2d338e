//! Mistakes that the core once made.

use rollout::{HoldKind, Input, Kind, RolloutId};

use crate::script::{Story, read_request};

const ONE: &str = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo, soak: 2h } ]";

fn told(project: &str, lines: &str) -> Story {
    let mut story = Story::new(project);
    story.tell(lines);
    let lost = story
        .transcript
        .iter()
        .find(|line| line.starts_with("  ??"));
    assert_eq!(lost, None);
    story
}

/// Whether a person is refused.
fn is_refused(story: &mut Story, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let request = read_request(&story.lab, &words);
    story.lab.step(Input::Request(request)).is_err()
}

fn state(story: &Story, run: u32) -> String {
    let view = story.lab.product.rollout_view(RolloutId::Rollout(run));
    view.unwrap().state.to_string()
}

#[test]
fn a_rollback_to_a_version_is_no_way_around_a_gate() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo, approval: { per: customer } } ]
project: { people: { ann: {}, bob: {} } }";
    let mut story = told(project, "start");
    assert!(is_refused(&mut story, "rollback acme v2"));
}

#[test]
fn a_held_customer_gets_no_second_change_beside_it() {
    let lines = "start\ngood acme until follow_deploy\nworld acme:backend foreign_live\nreport canceled acme\nreport listed acme";
    let mut story = told(ONE, lines);
    assert!(is_refused(&mut story, "rollback acme v2"));
}

#[test]
fn a_customer_that_was_taken_back_cannot_be_taken_back_again() {
    let mut story = told(ONE, "start\ngood acme\n+2h\nrollback acme\ngood acme");
    assert!(is_refused(&mut story, "rollback acme"));
}

#[test]
fn a_job_of_a_service_that_a_customer_does_not_have_asks_a_person() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: other, services: { worker: {} } } }
policies:
  - { policy: demo, hooks: { before: [ { job: { service: worker, command: ./migrate } } ] } }
  - { policy: other }";
    let story = told(project, "start customers=acme\ngood acme");
    let mut journal = story.lab.journal.iter();
    let held = journal.find(|event| event.line.kind == Kind::CustomerHeld);
    let reason = held.and_then(|event| event.line.reason.as_deref());
    let said = "the before hook 1 is a job of its worker, and it has no such service";
    assert_eq!(reason, Some(said));
    assert_eq!(story.lab.out.len(), 0);
}

#[test]
fn a_replan_without_an_edit_is_refused() {
    let mut story = told(ONE, "start\npause");
    assert!(is_refused(&mut story, "replan"));
}

#[test]
fn a_release_on_the_way_back_does_not_lift_the_halt() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: 1, order: strict } ]";
    let lines = "start\ngood acme until verify\nreport unhealthy acme\nworld acme:backend foreign_live\nreport listed acme\nretry acme";
    let story = told(project, lines);
    assert_ne!(state(&story, 1), "running");
}

#[test]
fn an_aborting_rollout_stays_aborted_when_another_supersedes_it() {
    let lines = "start\ngood acme until follow_deploy\nabort\nstart v3 supersede\ngood acme";
    let story = told(ONE, lines);
    assert_eq!(state(&story, 1), "aborted");
}

#[test]
fn nobody_without_a_role_may_block_a_version() {
    for lines in ["status", "files", "files broken"] {
        let mut story = told(ONE, lines);
        assert!(is_refused(&mut story, "block v2 by eve"), "{lines}");
    }
}

#[test]
fn files_that_were_never_readable_keep_nobody_from_going() {
    let story = told(ONE, "files broken\nstart\ngood acme");
    assert_eq!(state(&story, 1), "running");
    let healthy = story
        .lab
        .journal
        .iter()
        .any(|event| event.line.kind == Kind::CustomerHealthy);
    assert!(healthy);
}

#[test]
fn a_proof_of_absence_names_the_attempt() {
    let lines = "start\ngood acme until create_deploy\nreport unknown acme\nreport listed acme\n+2m\nreport listed acme";
    let story = told(ONE, lines);
    let absent = story
        .lab
        .journal
        .iter()
        .find(|event| event.line.kind == Kind::DeployAbsent);
    assert_eq!(absent.unwrap().line.attempt, Some(1));
}

#[test]
fn a_failed_rollback_says_that_a_person_is_awaited() {
    let lines = "start\ngood acme until verify\nreport unhealthy acme\ngood acme until verify\nreport unhealthy acme";
    let story = told(ONE, lines);
    let lab = &story.lab;
    let holds = lab
        .product
        .holds(RolloutId::Rollout(1), &"acme".into(), lab.now);
    assert!(
        holds.iter().any(|hold| hold.kind == HoldKind::Person),
        "{holds:?}"
    );
}

#[test]
fn a_refused_switch_of_auto_deploy_asks_a_person() {
    let project = "fleet: { acme: { tier: demo } }
policies: [ { policy: demo } ]
project: { render: { auto_deploy: manage } }";
    let lines = "world acme:backend auto_deploy\nstart\ngood acme until set_auto_deploy";
    let mut story = told(project, lines);
    for _ in 0..3 {
        let asks = story
            .lab
            .out
            .values()
            .any(|command| matches!(command.kind, rollout::CommandKind::SetAutoDeploy { .. }));
        if asks {
            story.tell("report refused acme 403\nreport inspected acme");
        }
    }
    let lab = &story.lab;
    let holds = lab
        .product
        .holds(RolloutId::Rollout(1), &"acme".into(), lab.now);
    assert_eq!(holds.first().map(|hold| hold.kind), Some(HoldKind::Person));
}

#[test]
fn who_waits_for_a_place_that_only_a_person_gives_back_keeps_nobody_waiting() {
    let project = "fleet: { acme: { tier: demo }, beta: { tier: demo } }
policies: [ { policy: demo, batch: all } ]
project: { render: { max_parallel: 1 } }";
    let lines = "start\ngood acme until list_deploys\nreport failed acme\ngood beta until follow_deploy\nreport failed beta";
    let mut story = told(project, lines);
    assert!(story.lab.product.is_idle());
    story.tell("retry acme");
    let lab = &story.lab;
    assert!(lab.product.is_idle(), "{:?}", lab.out);
    let holds = lab
        .product
        .holds(RolloutId::Rollout(1), &"acme".into(), lab.now);
    assert_eq!(holds.first().map(|hold| hold.kind), Some(HoldKind::Slot));
    story.tell("retry beta");
    assert!(!story.lab.product.is_idle());
}
