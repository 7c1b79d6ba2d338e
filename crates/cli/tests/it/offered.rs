//! What the program says can be typed next is typed, as it stands there, in the state in which it was said. That every offer
//! of the core is taken is tested there, in all states; here are the words around them, and the commands that only look.

use rollout::Form;

use crate::people;
use crate::project::{Project, Said};
use crate::rollouts::{KEY, Story};

/// The commands that an answer, or a refusal, offers.
fn offered(said: &Said) -> Vec<String> {
    let quoted = said.out.split('`').skip(1).step_by(2);
    let tries = said.out.lines().chain(said.err.lines());
    let tries = tries.filter_map(|line| line.trim().strip_prefix("try: "));
    let tries = tries.map(|line| line.split("  (").next().unwrap());
    quoted
        .chain(tries)
        .filter(|text| text.starts_with("tranche "))
        .map(str::to_owned)
        .collect()
}

/// Types a command, with what is left to whoever types it.
fn type_it(project: &Project, command: &str, more: &[&str]) -> Said {
    let words = command.split(' ').skip(1).map(|word| match word {
        "..." => "because",
        "VERSION" => "v1.1.0",
        word => word,
    });
    let words: Vec<&str> = words.chain(more.iter().copied()).collect();
    project.tranche_with(&words, &[KEY])
}

/// Asks for something, and types the one thing that the answer offers.
fn follow(project: &Project, args: &[&str], expected: &str, more: &[&str]) {
    let said = project.tranche_with(args, &[KEY]).succeeds();
    assert_eq!(offered(&said), [expected], "{args:?}: {}", said.out);
    type_it(project, expected, more).succeeds();
}

/// A rollout that Ann has started, and in which each customer waits for somebody else; who types is Zoe.
fn waits_for_its_gates() -> Story {
    let story = people::asking("per: customer");
    let project = &story.project;
    let zoe = format!("zoe: {{ os: {} }}, ann: {{}}", people::account());
    people::write_people(project, &zoe);
    project.edit("tranche.yaml", |text| {
        text + "variables: { backend: { VERSION_TAG: \"${version}\" } }\n"
    });
    let ann = people::token(project, &[], "ann");
    people::start(project, &[("TRANCHE_TOKEN", &ann)]);
    story
}

#[test]
fn what_an_answer_offers_next_is_taken() {
    let story = waits_for_its_gates();
    let project = &story.project;
    let until = "2099-01-01T00:00:00Z";
    follow(project, &["pause"], "tranche resume", &[]);
    follow(
        project,
        &["block", "v1.1.0", "--reason", "x"],
        "tranche unblock v1.1.0",
        &[],
    );
    follow(
        project,
        &["freeze", "ice", "--until", until, "--reason", "x"],
        "tranche unfreeze ice",
        &[],
    );
    let reject = |customer| ["reject", customer, "--reason", "audit week"];
    follow(project, &reject("acme"), "tranche retry acme", &[]);
    project.tranche(&reject("acme")).succeeds();
    // The last open gate: the rollout ends, and nothing in it can be asked anew.
    let again = "tranche start v1.1.0 --customers bolt";
    follow(project, &reject("bolt"), again, &["--detach"]);
    follow(project, &["abort"], "tranche start VERSION", &["--detach"]);
}

#[test]
fn a_status_and_a_refusal_offer_what_is_taken() {
    let story = waits_for_its_gates();
    let project = &story.project;
    project.tranche(&["pause"]).succeeds();
    let said = project.tranche(&["status"]).succeeds();
    assert_eq!(offered(&said), ["tranche resume"]);
    let said = project.tranche(&["why", "acme"]).succeeds();
    for command in offered(&said) {
        type_it(project, &command, &[]).succeeds();
    }
    let said = project.tranche(&["resume"]).exits(3);
    for command in offered(&said) {
        type_it(project, &command, &[]).succeeds();
    }
}

/// What each offer that changes nothing is in the project of these tests; `None`: it asks for something, or is no command.
fn looks(form: Form) -> Option<&'static str> {
    match form {
        Form::Status => Some("tranche status r1"),
        Form::Why => Some("tranche why acme"),
        Form::Watch => Some("tranche watch r1"),
        Form::Approvals => Some("tranche approvals"),
        Form::AllApprovals => Some("tranche approvals --all"),
        Form::List => Some("tranche list"),
        Form::Customers => Some("tranche customers"),
        Form::Customer => Some("tranche customers show acme"),
        Form::EnvDiff => Some("tranche env diff acme"),
        Form::Plan => Some("tranche plan v1.1.0"),
        Form::Validate => Some("tranche validate"),
        Form::RenderCheck => Some("tranche render check"),
        Form::Approve
        | Form::Withdraw
        | Form::Retry
        | Form::RetryFailed
        | Form::Skip
        | Form::SkipFailed
        | Form::Resume
        | Form::ResumeClock
        | Form::ResumeMoved
        | Form::Promote
        | Form::Replan
        | Form::Abort
        | Form::Unblock
        | Form::Unfreeze
        | Form::Override
        | Form::Rollback
        | Form::RollbackTo
        | Form::RollbackByForce
        | Form::UndoVariables
        | Form::Start
        | Form::Advice => None,
    }
}

#[test]
fn every_look_that_is_offered_shows_something() {
    let story = waits_for_its_gates();
    let project = &story.project;
    project
        .tranche(&["skip", "acme", "--reason", "x"])
        .succeeds();
    project
        .tranche(&["skip", "bolt", "--reason", "x"])
        .succeeds();
    for command in Form::ALL.into_iter().filter_map(looks) {
        type_it(project, command, &[]).succeeds();
    }
}
