//! Words: built in, of the project, of an entry.

use std::fs;

use notify::{Message, Templates};
use rollout::Kind;
use serde_json::json;
use tempfile::TempDir;

use crate::lab::halted;

#[test]
fn there_are_words_for_every_kind_and_every_audience() {
    let templates = Templates::new(TempDir::new().unwrap().path());
    let alerts = ["alert_raised", "alert_recovered"];
    for kind in Kind::ALL.iter().map(|kind| kind.as_str()).chain(alerts) {
        for to_customer in [false, true] {
            let message = Message {
                kind: kind.to_owned(),
                to_customer,
                ..halted()
            };
            let words = templates.compose(&message).unwrap();
            assert!(words.subject.contains("securewatch"), "{kind}: {words:?}");
            assert!(!words.text.is_empty(), "{kind}: {words:?}");
            // What is meant for the team stays there.
            assert!(
                !to_customer || !words.text.contains("beta failed"),
                "{kind}"
            );
        }
    }
}

#[test]
fn gates_stand_in_order_and_a_lapse_is_marked() {
    let gate = |name: &str, lapses: bool| json!({"gate": name, "missing": "0 of 1 approvals", "begins": "2027-01-12T03:00:00.000Z", "lapses_before_turn": lapses});
    let message = Message {
        kind: "approval_requested".to_owned(),
        name: Some("bob".to_owned()),
        about: vec![gate("acme", false), gate("late", true)],
        reminder: 1,
        ..halted()
    };
    let words = Templates::new(TempDir::new().unwrap().path())
        .compose(&message)
        .unwrap();
    assert_eq!(
        words.subject,
        "Reminder: [securewatch] r1 (v1.1.0): 2 gates wait for approval"
    );
    let expected = "\
Hello bob,

securewatch v1.1.0 waits for approval, in the order of their turn:

- acme: 0 of 1 approvals; its turn is 2027-01-12T03:00:00.000Z
- late: 0 of 1 approvals; its turn is 2027-01-12T03:00:00.000Z
  (an approval given now would lapse before that: approve it later)

See:  tranche approvals
Then: tranche approve GATE --rollout r1, or tranche reject GATE --rollout r1 --reason ...";
    assert_eq!(words.text, expected);
}

#[test]
fn the_project_and_the_entry_have_the_last_word() {
    let folder = TempDir::new().unwrap();
    let templates = Templates::new(folder.path());
    fs::create_dir(folder.path().join("templates")).unwrap();
    let template = "Stopped: {{ event.reason }}\nAsk {{ name or 'the team' }}.\n";
    fs::write(folder.path().join("templates/rollout_halted.txt"), template).unwrap();
    let words = templates.compose(&halted()).unwrap();
    assert_eq!(words.subject, "Stopped: beta failed <twice>");
    assert_eq!(words.text, "Ask the team.");

    let own = Message {
        text: Some("{{ rollout }} rests".to_owned()),
        ..halted()
    };
    assert_eq!(templates.compose(&own).unwrap().text, "r1 rests");
}

#[test]
fn a_mistake_in_a_template_is_named() {
    let own = Message {
        text: Some("{% if %}".to_owned()),
        ..halted()
    };
    let error = Templates::new(TempDir::new().unwrap().path())
        .compose(&own)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the template text has a mistake: "),
        "{error}"
    );
}

#[test]
fn a_subject_is_one_line_whatever_an_event_says() {
    let message = Message {
        kind: "customer_held".to_owned(),
        about: vec![json!({"customer": "acme\r\nBcc: all@example.com"})],
        ..halted()
    };
    let words = Templates::new(TempDir::new().unwrap().path())
        .compose(&message)
        .unwrap();
    assert!(!words.subject.contains(['\r', '\n']), "{words:?}");
}

#[test]
fn a_template_that_could_never_be_told_is_known_beforehand() {
    let project = TempDir::new().unwrap();
    let folder = project.path().join("templates");
    fs::create_dir(&folder).unwrap();
    for (name, text) in [
        (
            "rollout_halted.txt",
            "Halted\n{{ rollout }} of {{ absent.field }}\n",
        ),
        ("rollout_halted.customer.txt", "Halted\n{{ rollout( }}\n"),
        ("rollout_halt.txt", "Halted\n"),
        ("notes.md", "{{ not a template"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let mistakes = Templates::new(project.path()).mistakes(&["rollout_halted"]);
    let found: Vec<_> = mistakes
        .iter()
        .map(|one| (one.name.as_str(), one.line))
        .collect();
    let expected = [
        ("templates/rollout_halt.txt", None),
        ("templates/rollout_halted.customer.txt", Some(2)),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        notify::template_mistake("text", "fine: {{ rollout }}"),
        None
    );
    assert!(notify::template_mistake("text", "{% if %}").is_some());
}

#[test]
fn a_request_leads_to_the_page_on_which_it_is_decided() {
    let templates = Templates::new(TempDir::new().unwrap().path());
    let page = |gate: &str| format!("https://releases.example/approvals/r1/{gate}");
    let gate =
        |name: &str| json!({"gate": name, "missing": "0 of 1 approvals", "link": page(name)});
    let mut message = Message {
        kind: "approval_requested".to_owned(),
        about: vec![gate("acme")],
        link: Some(page("acme")),
        ..halted()
    };
    let one = templates.compose(&message).unwrap().text;
    assert_eq!(one.matches("https://").count(), 1, "{one}");
    assert!(
        one.contains(&format!("Look and decide: {}\n", page("acme"))),
        "{one}"
    );
    message.about.push(gate("beta"));
    message.link = Some("https://releases.example/approvals".to_owned());
    let several = templates.compose(&message).unwrap().text;
    for link in [
        page("acme"),
        page("beta"),
        "Look and decide: https://releases.example/approvals\n".to_owned(),
    ] {
        assert!(several.contains(&link), "{several}");
    }
}
