//! Foreign text stays text, wherever it is shown: it acts on no terminal, and forges no line (P53).

use serde_json::Value;

use crate::project::{Project, Said};
use crate::rollouts::{KEY, Story};

/// What somebody may write into a name or a reason: a cleared screen, a bell, a backspace, a control of the second set, a
/// turned direction, an end of line in three ways, and what would then stand there.
const HOSTILE: &str =
    "x\u{1b}[2J\u{1b}]0;t\u{7}\u{8}\u{9b}31m\u{202e}\u{2028}y\r\nFORGED line\nFORGED again";

/// The same as a YAML scalar.
fn quoted() -> String {
    let escape = |c: char| match c {
        '\n' => "\\n".to_owned(),
        c if c.is_ascii_graphic() || c == ' ' => c.to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    let text: String = HOSTILE.chars().map(escape).collect();
    format!("\"{text}\"")
}

#[track_caller]
fn is_harmless(args: &[&str], text: &str) {
    let acts = |c: &char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(text.chars().find(acts), None, "{args:?}: {text:?}");
    let forged = text.lines().find(|line| line.starts_with("FORGED"));
    assert_eq!(forged, None, "{args:?}:\n{text}");
}

fn look(project: &Project, args: &[&str]) -> Said {
    let said = project.tranche_with(args, &[KEY]);
    is_harmless(args, &said.out);
    is_harmless(args, &said.err);
    said
}

/// A project whose files are full of it, with a rollout that waits.
fn infested() -> Story {
    let story = Story::new(&[]);
    let project = &story.project;
    let bad = quoted();
    project.edit("customers.yaml", |text| {
        text.replacen(
            "    tier: fast\n",
            &format!("    tier: fast\n    name: {bad}\n"),
            1,
        )
    });
    story
}

#[test]
fn no_command_lets_foreign_text_act_on_a_terminal_or_forge_a_line() {
    let story = infested();
    let project = &story.project;
    for args in [
        vec!["validate"],
        vec!["plan", "v1.1.0"],
        vec!["simulate", "v1.1.0"],
        vec!["start", "v1.1.0", "--dry-run"],
        vec!["start", "v1.1.0", "--detach"],
        vec!["pause", "--reason", HOSTILE],
        vec!["block", "v9", "--reason", HOSTILE],
        vec![
            "freeze",
            HOSTILE,
            "--until",
            "2099-01-01T00:00:00Z",
            "--reason",
            HOSTILE,
        ],
        vec!["override", HOSTILE, "--reason", HOSTILE],
        vec!["skip", "acme", "--reason", HOSTILE],
        vec!["observe", "acme", "tickets", "3", "--note", HOSTILE],
        vec!["status"],
        vec!["why", "acme"],
        vec!["why", "bolt"],
        vec!["list"],
        vec!["list", "--versions"],
        vec!["approvals"],
        vec!["customers"],
        vec!["customers", "show", "acme"],
        vec!["report"],
        vec!["report", "--format", "markdown"],
        vec!["stats"],
        vec!["notifications"],
        vec!["watch", "--timeout", "1s"],
        vec!["replan", "--diff"],
        vec!["approve", HOSTILE],
        vec!["why", HOSTILE],
        vec!["block", HOSTILE, "--reason", "x"],
        vec!["rollback", HOSTILE, "--reason", "x"],
        vec!["unfreeze", HOSTILE],
        vec!["deploy", HOSTILE, "--commit", HOSTILE, "--reason", "x"],
        vec!["render", "services"],
        vec!["abort", "--reason", HOSTILE],
        vec!["status"],
        vec!["report"],
    ] {
        look(project, &args);
    }
}

#[test]
fn mistakes_in_files_quote_them_harmlessly() {
    let project = Project::new();
    let bad = quoted();
    project.edit("tranche.yaml", |text| {
        format!("{text}\n{bad}: 1\npeople: {{ {bad}: {{}} }}\n")
    });
    let said = look(&project, &["validate"]).exits(2);
    assert!(said.err.contains("FORGED"), "{}", said.err);
}

#[test]
fn programs_get_foreign_text_exactly() {
    let story = infested();
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    project.tranche(&["pause", "--reason", HOSTILE]).succeeds();
    let shown = look(project, &["status", "-o", "json"]).succeeds();
    assert!(
        strings(&shown.out).contains(&HOSTILE.to_owned()),
        "{}",
        shown.out
    );
    let shown = look(project, &["customers", "show", "acme", "-o", "yaml"]).succeeds();
    assert!(
        strings(&shown.out).contains(&HOSTILE.to_owned()),
        "{}",
        shown.out
    );
    // The journal keeps the bytes that its hashes are over.
    let events = project.tranche(&["events"]).succeeds().out;
    assert!(
        events
            .lines()
            .any(|line| strings(line).contains(&HOSTILE.to_owned()))
    );
    project.tranche(&["verify"]).succeeds();
}

/// Every string in a JSON text.
fn strings(text: &str) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(text).unwrap(), &mut found);
    found
}
