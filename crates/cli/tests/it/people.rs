//! What people say about gates and freezes reaches the journal as theirs, and as what they said.

use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// A rollout that waits for two approvals of each customer, and the tokens of two people who may give them.
fn gated() -> (Story, [String; 2]) {
    let story = Story::new(&[]);
    let project = &story.project;
    // A new project knows the account of whoever runs this test as ann.
    let fresh = std::fs::read_to_string(Project::new().path().join("tranche.yaml")).unwrap();
    let ann = fresh
        .lines()
        .find(|line| line.starts_with("  ann:"))
        .unwrap();
    project.edit("tranche.yaml", |text| {
        format!("{text}people:\n{ann}\n  bob: {{}}\n  carol: {{}}\n")
    });
    project.edit("policies/fast.yaml", |text| {
        text + "approval: { per: customer, quorum: 2 }\n"
    });
    let start = ["start", "v1.1.0", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    let tokens = ["bob", "carol"].map(|person| {
        let made = project.tranche(&["token", "create", person]).succeeds();
        made.out.trim().to_owned()
    });
    (story, tokens)
}

/// `(kind, actor)` of the events of these kinds, in order.
fn told(project: &Project, kinds: &[&str]) -> Vec<(String, String)> {
    let journal = project.tranche(&["events"]).succeeds().out;
    let events = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    events
        .map(|event| (text(&event, "kind"), text(&event, "actor")))
        .filter(|(kind, _)| kinds.contains(&kind.as_str()))
        .collect()
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    let owned = expected.map(|(kind, actor)| (kind.to_owned(), actor.to_owned()));
    owned.to_vec()
}

#[test]
fn votes_are_given_withdrawn_and_refused_by_those_who_say_so() {
    let (story, [bob, carol]) = gated();
    let project = &story.project;
    let bob = [("TRANCHE_TOKEN", bob.as_str())];
    let carol = [("TRANCHE_TOKEN", carol.as_str())];
    let said = project.tranche_with(&["approve", "acme"], &bob).succeeds();
    assert!(
        said.out.contains("more people have to approve"),
        "{}",
        said.out
    );
    project.tranche_with(&["approve", "acme"], &bob).exits(3);
    project.tranche_with(&["withdraw", "acme"], &bob).succeeds();
    project.tranche_with(&["reject", "bolt"], &carol).exits(2);
    let reject = ["reject", "bolt", "--reason", "not now"];
    let said = project.tranche_with(&reject, &carol).succeeds();
    assert!(said.out.contains("bolt is excluded"), "{}", said.out);
    // The starter has no vote.
    project.tranche(&["approve", "acme"]).exits(4);
    let kinds = ["approved", "withdrawn", "rejected", "customer_excluded"];
    let expected = pairs([
        ("approved", "bob"),
        ("withdrawn", "bob"),
        ("rejected", "carol"),
        ("customer_excluded", "carol"),
    ]);
    assert_eq!(told(project, &kinds), expected);
    assert_eq!(told(project, &["denied"]).len(), 2, "refusals are recorded");
}

#[test]
fn a_freeze_is_lifted_for_one_rollout_by_two_people() {
    let (story, [bob, _]) = gated();
    let project = &story.project;
    let freeze = [
        "freeze",
        "incident",
        "--until",
        "2099-01-01T00:00:00Z",
        "--reason",
        "x",
    ];
    project.tranche(&freeze).succeeds();
    let lift = ["override", "incident", "--reason", "security fix"];
    let said = project.tranche(&lift).succeeds();
    assert!(
        said.out.contains("ann asked to lift the freeze incident"),
        "{}",
        said.out
    );
    project.tranche(&lift).exits(3);
    let said = project
        .tranche_with(&lift, &[("TRANCHE_TOKEN", &bob)])
        .succeeds();
    assert!(
        said.out.contains("bob lifted the freeze incident"),
        "{}",
        said.out
    );
    let said = project.tranche(&["report", "r1"]).succeeds();
    assert!(said.out.contains("OVERRIDES"), "{}", said.out);
    let expected = pairs([
        ("frozen", "ann"),
        ("freeze_overridden", "ann"),
        ("freeze_overridden", "bob"),
    ]);
    assert_eq!(told(project, &["frozen", "freeze_overridden"]), expected);
}
