//! Every verb in every state of a rollout and of a customer: accepted with these events, or refused with a way out.
//!
//! States are told in `tests/data/verbs/*.states` as the lines that lead there; the answers stand in `*.answers`. That a
//! refusal changes no row, issues nothing and is exactly one `denied` event is checked by `lab` for each of them.

use std::fmt::Write;
use std::fs;

use rollout::{Input, RejectedCode};

use crate::lab::Lab;
use crate::script::{Story, read_request};
use crate::transcripts::{compare, data};

/// A state and the lines that lead there.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) lines: String,
}

pub(crate) fn states(text: &str) -> (String, Vec<Told>) {
    let mut parts = text.split("\n## ");
    let project = parts.next().unwrap().to_owned();
    let states = parts.map(|part| {
        let (name, lines) = part.split_once('\n').unwrap();
        Told {
            name: name.to_owned(),
            lines: lines.to_owned(),
        }
    });
    (project, states.collect())
}

/// What comes of a verb, as one line.
fn answer(lab: &mut Lab, verb: &str) -> String {
    let words: Vec<&str> = verb.split_whitespace().collect();
    let request = read_request(lab, &words);
    let line = match lab.step(Input::Request(request)) {
        Ok(step) => {
            assert!(
                !step.events.is_empty(),
                "`{verb}` was accepted and changed nothing"
            );
            let kinds: Vec<&str> = step
                .events
                .iter()
                .map(|event| event.line.kind.as_str())
                .collect();
            format!("yes  {}", kinds.join(" "))
        }
        Err(rejected) => {
            let code = match rejected.code {
                RejectedCode::State => "no  ",
                RejectedCode::NotPermitted => "who?",
                RejectedCode::Usage => "huh?",
                RejectedCode::AlreadySo => "so  ",
            };
            let way_out = rejected.way_out.unwrap_or_else(|| "-".to_owned());
            format!("{code} {} -> {way_out}", rejected.message)
        }
    };
    lab.settle();
    lab.check_rows();
    lab.check_early_tick();
    line
}

/// The answers to every verb in every state told in a file.
fn answers(name: &str, verbs: &[&str]) -> Result<(), String> {
    let file = data().join("verbs").join(name);
    let text = fs::read_to_string(file.with_extension("states")).unwrap();
    let (project, states) = states(&text);
    let mut table = String::new();
    for state in &states {
        writeln!(table, "## {}", state.name).unwrap();
        for verb in verbs {
            let mut story = Story::new(&project);
            story.tell(&state.lines);
            let lost = story
                .transcript
                .iter()
                .find(|line| line.starts_with("  ??"));
            assert_eq!(lost, None, "{}", state.name);
            writeln!(table, "{verb:24} {}", answer(&mut story.lab, verb)).unwrap();
        }
    }
    let without = table.lines().find(|line| line.ends_with(" -> -"));
    assert_eq!(without, None, "a refusal shows what to type instead");
    compare(&file.with_extension("answers"), &table)
}

/// What is asked in every state of a rollout.
pub(crate) const OF_ROLLOUTS: &[&str] = &[
    "start v3",
    "start v3 queue",
    "start v3 supersede",
    "start v3 hotfix",
    "pause",
    "resume",
    "confirm_clock",
    "abort",
    "abort rollback",
    "retry failed",
    "retry demo",
    "skip demo",
    "skip demo/2",
    "promote",
    "promote demo",
    "promote full",
    "replan",
    "approve demo/2 by bob",
    "reject demo/2 by bob",
    "withdraw demo/2 by bob",
    "block v2",
    "unblock v2",
    "freeze fire +1h",
    "unfreeze fire",
    "override fire",
    "pause by eve",
    "abort in r7",
    "retry nobody",
];

/// What is asked in every state of a customer.
pub(crate) const OF_CUSTOMERS: &[&str] = &[
    "retry acme",
    "skip acme",
    "rollback acme",
    "rollback acme v1",
    "approve acme by bob",
    "reject acme by bob",
    "withdraw acme by bob",
    "approve acme by ann",
    "approve acme by eve",
    "approve acme service ci",
];

#[test]
fn every_verb_in_every_state_of_a_rollout() {
    answers("rollouts", OF_ROLLOUTS).unwrap();
}

#[test]
fn every_verb_in_every_state_of_a_customer() {
    answers("customers", OF_CUSTOMERS).unwrap();
}

#[test]
fn every_verb_twice_is_refused_or_says_that_it_is_so() {
    let file = data().join("verbs/rollouts.states");
    let (project, states) = states(&fs::read_to_string(file).unwrap());
    let once = [
        "pause",
        "abort",
        "abort rollback",
        "block v3",
        "freeze ice +1h",
        "skip demo",
    ];
    for state in &states {
        for verb in once {
            let mut story = Story::new(&project);
            story.tell(&state.lines);
            answer(&mut story.lab, verb);
            let again = answer(&mut story.lab, verb);
            assert!(
                !again.starts_with("yes"),
                "{}: `{verb}` twice: {again}",
                state.name
            );
        }
    }
}
