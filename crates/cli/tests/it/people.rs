//! What people say about gates and freezes reaches the journal as theirs, and as what they said.

use std::process::Command;

use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// A rollout that waits for two approvals of each customer. Ann has started it and Bob and Carol may approve, all three by
/// tokens of Zoe's making, who has the account of whoever runs this test.
fn gated() -> (Story, [String; 3]) {
    let story = asking("per: customer, quorum: 2");
    let project = &story.project;
    write_people(
        project,
        &format!(
            "zoe: {{ os: {} }}, ann: {{}}, bob: {{}}, carol: {{}}",
            account()
        ),
    );
    let tokens = ["ann", "bob", "carol"].map(|person| token(project, &[], person));
    start(project, &[("TRANCHE_TOKEN", &tokens[0])]);
    (story, tokens)
}

/// A project whose only policy asks for approval so; nothing has begun.
pub(crate) fn asking(approval: &str) -> Story {
    let story = Story::new(&[]);
    let project = &story.project;
    project.edit("tranche.yaml", |text| text + BELOW);
    project.edit("policies/fast.yaml", |text| {
        format!("{text}approval: {{ {approval} }}\n")
    });
    story
}

/// What a test writes anew stands below this.
const BELOW: &str = "# below\n";

/// Writes the end of `tranche.yaml`.
fn write_below(project: &Project, below: &str) {
    project.edit("tranche.yaml", |text| {
        let (above, _) = text.split_once(BELOW).unwrap();
        format!("{above}{BELOW}{below}\n")
    });
}

pub(crate) fn write_people(project: &Project, people: &str) {
    write_below(project, &format!("people: {{ {people} }}"));
}

/// The account of whoever runs this test.
pub(crate) fn account() -> String {
    let said = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

pub(crate) fn token(project: &Project, by: &[(&str, &str)], person: &str) -> String {
    let made = project
        .tranche_with(&["token", "create", person], by)
        .succeeds();
    made.out.trim().to_owned()
}

pub(crate) fn start(project: &Project, by: &[(&str, &str)]) {
    let env: Vec<_> = by.iter().copied().chain([KEY]).collect();
    let start = ["start", "v1.1.0", "--detach"];
    project.tranche_with(&start, &env).succeeds();
}

/// The events of a kind, in order.
fn events(project: &Project, kind: &str) -> Vec<Value> {
    let journal = project.tranche(&["events"]).succeeds().out;
    let events = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == kind).collect()
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
    let (story, [ann, bob, carol]) = gated();
    let project = &story.project;
    let ann = [("TRANCHE_TOKEN", ann.as_str())];
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
    project.tranche_with(&["approve", "acme"], &ann).exits(4);
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
    let (story, [ann, bob, _]) = gated();
    let project = &story.project;
    let ann = [("TRANCHE_TOKEN", ann.as_str())];
    let freeze = [
        "freeze",
        "incident",
        "--until",
        "2099-01-01T00:00:00Z",
        "--reason",
        "x",
    ];
    project.tranche_with(&freeze, &ann).succeeds();
    let lift = ["override", "incident", "--reason", "security fix"];
    let said = project.tranche_with(&lift, &ann).succeeds();
    assert!(
        said.out.contains("ann asked to lift the freeze incident"),
        "{}",
        said.out
    );
    project.tranche_with(&lift, &ann).exits(3);
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

#[test]
fn a_starter_votes_under_no_other_name() {
    let story = asking("per: phase, quorum: 2");
    let project = &story.project;
    let os = account();
    let people = |ann: &str, bob: &str, carol: &str| {
        let entry = |name: &str, os: &str| format!("{name}: {{ {os} }}");
        let all = [entry("ann", ann), entry("bob", bob), entry("carol", carol)];
        write_people(project, &all.join(", "));
    };
    let own = format!("os: {os}");
    people(&own, "", "");
    start(project, &[]);
    let made = token(project, &[], "carol");
    // Twice their own account under another's name: people act at once.
    people("", &own, "");
    let said = project.tranche(&["approve", "fast"]).exits(4);
    assert!(
        said.err.contains("which has acted here as ann"),
        "{}",
        said.err
    );
    let by_bob = token(project, &[], "carol");
    people("", "", &own);
    project.tranche(&["approve", "fast"]).exits(4);
    // Stopping is nobody's privilege.
    project.tranche(&["pause"]).succeeds();
    project.tranche(&["resume"]).succeeds();
    people(&own, "", "");
    // Tokens that they made, under their own name and under another, and one that is revoked.
    for token in [&made, &by_bob] {
        let carol = [("TRANCHE_TOKEN", token.as_str())];
        let said = project.tranche_with(&["approve", "fast"], &carol).exits(4);
        assert!(said.err.contains("ann made"), "{}", said.err);
    }
    project.tranche(&["token", "revoke", "carol"]).succeeds();
    let carol = [("TRANCHE_TOKEN", made.as_str())];
    project.tranche_with(&["approve", "fast"], &carol).exits(4);
    // A service that they made for the purpose.
    let service = project
        .tranche(&["token", "create", "--service", "robot"])
        .succeeds();
    let robot = [("TRANCHE_TOKEN", service.out.trim())];
    project.tranche_with(&["approve", "fast"], &robot).exits(4);

    assert_eq!(events(project, "approved").len(), 0);
    let denied = events(project, "denied");
    let proofs: Vec<&str> = denied
        .iter()
        .map(|event| event["data"]["proof"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(proofs, ["account", "account", "token", "token", "token"]);
    assert_eq!(denied[0]["data"]["proof"]["id"], os.as_str());
    assert_eq!(events(project, "people_changed").len(), 3);
    let said = project.tranche(&["report", "r1"]).succeeds();
    let line = format!("has the account {os}");
    assert!(said.out.contains(&line), "{}", said.out);
}

#[test]
fn an_account_votes_under_one_name_and_everybody_sees_that_its_entry_changed() {
    let story = asking("per: phase, quorum: 2");
    let project = &story.project;
    let os = account();
    write_people(
        project,
        &format!("zoe: {{ os: {os} }}, ann: {{}}, bob: {{}}, carol: {{}}"),
    );
    let [ann, by_zoe] = ["ann", "carol"].map(|person| token(project, &[], person));
    start(project, &[("TRANCHE_TOKEN", &ann)]);
    write_people(
        project,
        &format!("zoe: {{}}, ann: {{}}, bob: {{ os: {os} }}, carol: {{}}"),
    );
    project.tranche(&["approve", "fast"]).succeeds();
    write_people(
        project,
        &format!("zoe: {{}}, ann: {{}}, bob: {{}}, carol: {{ os: {os} }}"),
    );
    let said = project.tranche(&["approve", "fast"]).exits(4);
    assert!(said.err.contains("has acted here as bob"), "{}", said.err);
    let approved = events(project, "approved");
    let proof = &approved[0]["data"]["proof"];
    assert_eq!(
        (&proof["kind"], &proof["id"]),
        (&"account".into(), &os.as_str().into())
    );
    for command in [&["approvals", "--all"][..], &["report", "r1"]] {
        let said = project.tranche(command).succeeds();
        assert!(said.out.contains("changed after the start"), "{}", said.out);
    }
    // A rename that is declared is no other name.
    write_people(
        project,
        &format!("zoe: {{}}, ann: {{}}, robert: {{ os: {os}, formerly: bob }}, carol: {{}}"),
    );
    let said = project.tranche(&["approve", "fast"]).exits(3);
    assert!(
        said.err.contains("robert has already approved"),
        "{}",
        said.err
    );
    // A token that this account made, under whatever name, does not count beside its vote.
    let carol = [("TRANCHE_TOKEN", by_zoe.as_str())];
    project.tranche_with(&["approve", "fast"], &carol).exits(4);
    write_people(
        project,
        &format!("zoe: {{ os: {os} }}, ann: {{}}, robert: {{ formerly: bob }}, carol: {{}}"),
    );
    let robert = token(project, &[], "robert");
    assert!(
        !project
            .tranche(&["events"])
            .succeeds()
            .out
            .contains(&robert)
    );
}

#[test]
fn a_token_says_who_made_it_and_never_what_it_is() {
    let (story, [_, bob, carol]) = gated();
    let project = &story.project;
    for token in [&bob, &carol] {
        let by = [("TRANCHE_TOKEN", token.as_str())];
        project.tranche_with(&["approve", "acme"], &by).succeeds();
    }
    let listed = project.tranche(&["token", "list", "-o", "json"]).succeeds();
    let listed: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    for (event, whose) in events(project, "approved").iter().zip(["bob", "carol"]) {
        let proof = &event["data"]["proof"];
        let known = listed.iter().find(|one| one["owner"]["person"] == whose);
        assert_eq!(proof["id"], known.unwrap()["id"]);
        assert_eq!(proof["kind"], "token");
        assert_eq!(proof["maker"], "zoe");
        assert_eq!(proof["account"], account().as_str());
    }
    let journal = project.tranche(&["events"]).succeeds().out;
    assert!(!journal.contains(&bob) && !journal.contains(&carol));
    let said = project.tranche(&["approvals", "--all"]).succeeds();
    assert!(said.out.contains("a token that zoe made"), "{}", said.out);
}

#[test]
fn a_token_does_what_it_was_made_for_and_nothing_else() {
    let (story, _) = gated();
    let project = &story.project;
    let made = |scopes: &[&str]| {
        let all = [&["token", "create", "carol", "--expires", "1d"], scopes].concat();
        project.tranche(&all).succeeds().out.trim().to_owned()
    };
    let (asks, votes) = (
        made(&["--scope", "read", "--scope", "request"]),
        made(&["--scope", "vote"]),
    );
    let [asks, votes] = [&asks, &votes].map(|token| [("TRANCHE_TOKEN", token.as_str())]);
    let refused = project.tranche_with(&["approve", "acme"], &asks).exits(4);
    assert!(refused.err.contains("--scope vote"), "{}", refused.err);
    let refused = project.tranche_with(&["pause"], &votes).exits(4);
    assert!(refused.err.contains("--scope request"), "{}", refused.err);
    assert_eq!(events(project, "denied").len(), 2);
    project.tranche_with(&["token", "list"], &asks).exits(4);
    project.tranche_with(&["pause"], &asks).succeeds();
    project
        .tranche_with(&["approve", "acme"], &votes)
        .succeeds();

    let listed = project.tranche(&["token", "list"]).succeeds().out;
    let row = listed.lines().find(|row| row.contains("read request  "));
    assert!(
        row.is_some_and(|row| row.matches('T').count() >= 3),
        "used, and until when: {listed}"
    );
    project
        .tranche(&["token", "create", "carol", "--scope", "everything"])
        .exits(2);
    project.tranche(&["token", "create", "nobody"]).exits(2);
}

#[test]
fn a_right_that_is_taken_away_is_gone_however_broken_the_files_are() {
    let story = asking("per: phase, quorum: 2, from: [qa]");
    let project = &story.project;
    let os = account();
    let people = format!("people: {{ zoe: {{ os: {os} }}, ann: {{}}, bob: {{}}, carol: {{}} }}\n");
    let whole = format!("{people}groups: {{ qa: [bob, carol] }}\n");
    write_below(project, &whole);
    let [ann, bob, carol] = ["ann", "bob", "carol"].map(|person| token(project, &[], person));
    let [ann, bob, carol] = [&ann, &bob, &carol].map(|token| [("TRANCHE_TOKEN", token.as_str())]);
    start(project, &ann);
    project.tranche_with(&["approve", "fast"], &bob).succeeds();

    // Too few are left for the quorum; a new plan is refused, the rollout goes by the file.
    write_below(project, &format!("{people}groups: {{ qa: [carol] }}\n"));
    project.tranche(&["validate"]).exits(2);
    let said = project
        .tranche_with(&["approve", "fast"], &carol)
        .succeeds();
    assert!(
        said.out.contains("more people have to approve"),
        "{}",
        said.out
    );
    let said = project.tranche(&["why", "acme"]).succeeds();
    assert!(said.out.contains("nobody can fill it"), "{}", said.out);
    let said = project.tranche(&["status"]).succeeds();
    assert!(!said.out.contains("cannot be read"), "{}", said.out);
    project.tranche_with(&["approve", "fast"], &bob).exits(4);
    project
        .tranche_with(&["withdraw", "fast"], &carol)
        .succeeds();

    // A file that does not validate gives nothing, and whom it does not know any more is refused.
    let gone = format!(
        "people: {{ zoe: {{}}, ann: {{}}, bob: {{ os: {os} }}, carol: {{}} }}\nrole: {{}}\n\
         groups: {{ qa: [zoe, bob, carol] }}\n"
    );
    write_below(project, &gone);
    let said = project.tranche(&["approve", "fast"]).exits(4);
    assert!(
        said.err.contains("nobody in this project has the account"),
        "{}",
        said.err
    );
    project.tranche_with(&["approve", "fast"], &bob).exits(4);
    project.tranche_with(&["pause"], &ann).succeeds();
    project.tranche_with(&["resume"], &ann).succeeds();

    // Nothing can be parsed: votes are recorded, and that is all.
    write_below(project, &whole);
    project.tranche(&["status"]).succeeds();
    write_below(project, &format!("{whole}people: [\n"));
    let said = project
        .tranche_with(&["approve", "fast"], &carol)
        .succeeds();
    assert!(said.out.contains("no gate opens"), "{}", said.out);
    for command in [&["why", "acme"][..], &["status"]] {
        let said = project.tranche(command).succeeds();
        assert!(
            said.out.contains("no gate opens until it can"),
            "{}",
            said.out
        );
    }
    project.tranche_with(&["abort"], &ann).succeeds();
}
