//! A narrow terminal: no line of a table is left to the terminal to break, and nothing is lost.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::project::{Project, Said};
use crate::rollouts::{KEY, Story};

/// As long as a key may well be.
const LONG: &str = "a-customer-whose-key-goes-on-and-on-until-it-has-sixty-chars";

/// The story with a customer of that name who is left in the lurch, for a long reason.
fn story() -> Story {
    let story = Story::new(&["acme/backend=build_failed"]);
    let project = &story.project;
    let account = project::account_name();
    project.edit("tranche.yaml", |text| {
        format!("{text}people: {{ me: {{ os: {account} }} }}\n")
    });
    project.edit("customers.yaml", |text| {
        text.replace("  acme:", &format!("  {LONG}:")) + "  cove:\n    name: A customer with a name of many words that nobody has shortened\n    tier: fast\n    pin: { version: v1.0.0, reason: they move house until the end of the year and want nothing else to move meanwhile }\n    services:\n      backend: { id: srv-cove }\n"
    });
    story
}

fn says(story: &Story, columns: usize, args: &[&str]) -> Said {
    let columns = columns.to_string();
    story
        .project
        .tranche_with(args, &[KEY, ("COLUMNS", &columns)])
}

/// Lines that are wider; a command to type is never broken.
fn too_wide(text: &str, columns: usize) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.contains("try: "));
    lines
        .filter(|line| line.chars().count() > columns)
        .collect()
}

#[test]
fn every_page_fits_into_80_columns_and_into_120() {
    let story = story();
    story
        .project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .exits(1);
    let pages: [&[&str]; 14] = [
        &["plan", "v1.1.0"],
        &["status"],
        &["why", LONG],
        &["list"],
        &["list", "--versions"],
        &["customers"],
        &["customers", "show", LONG],
        &["report"],
        &["stats"],
        &["deploys", "bolt"],
        &["health"],
        &["env", "list", LONG],
        &["render", "services"],
        &["simulate", "v1.1.0"],
    ];
    for page in pages {
        for columns in [80, 120] {
            let said = says(&story, columns, page);
            assert!(said.exit < 2, "{page:?}: {}", said.err);
            let wide = too_wide(&said.out, columns);
            assert!(
                wide.is_empty(),
                "{page:?} at {columns}: {wide:?}\n{}",
                said.out
            );
        }
        // Whoever reads the text with a program finds whole lines, and nothing is cut.
        let said = story.project.tranche_with(page, &[KEY]);
        assert!(!said.out.contains('…'), "{page:?}: {}", said.out);
    }
}

#[test]
fn nothing_is_lost_at_80_columns() {
    let story = story();
    story
        .project
        .tranche_with(&["start", "v1.1.0"], &[KEY])
        .exits(1);
    let json = says(&story, 80, &["status", "-o", "json"]).succeeds();
    let status: Value = serde_json::from_str(&json.out).unwrap();
    let narrow = says(&story, 80, &["status"]).succeeds().out;
    let narrow = narrow.split_whitespace().collect::<Vec<_>>().join(" ");
    let failed = &status["customers"][0];
    assert_eq!(failed["customer"], LONG);
    for key in ["customer", "state", "note"] {
        let said = failed[key].as_str().unwrap();
        assert!(narrow.contains(said), "{said}: {narrow}");
    }
    let reason = status["reason"].as_str().unwrap();
    assert!(narrow.contains(reason), "{reason}: {narrow}");
}

#[test]
fn a_schema_is_what_editors_read_in_a_narrow_place_too() {
    let project = Project::bare();
    for of in ["policy", "customers", "project", "scenario", "event"] {
        let read = |columns| {
            let said = project.tranche_with(&["schema", of], &[("COLUMNS", columns)]);
            let read = serde_json::from_str::<Value>(&said.succeeds().out);
            read.unwrap_or_else(|error| panic!("{of} at {columns}: {error}"))
        };
        assert_eq!(read("60"), read("100000"), "{of}");
    }
}

#[test]
fn what_the_command_line_says_of_itself_is_an_error_where_it_cannot_be_written() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["help", "start"],
        &["start", "--help"],
        &["--version"],
        &["man"],
        &["man", "start"],
        &["completions", "bash"],
        &["schema", "policy"],
    ] {
        let run = |out: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tranche"));
            let output = command.args(args).stdout(out).output().unwrap();
            Said::from(output)
        };
        let said = run(full().into());
        assert_eq!(said.exit, 1, "{args:?}: {}", said.err);
        assert!(
            said.err.contains("failed to write to standard output"),
            "{args:?}: {}",
            said.err
        );
        let said = run(Stdio::piped()).succeeds();
        assert!(!said.out.is_empty() && said.err.is_empty(), "{args:?}");
    }
    // A mistake is told elsewhere.
    let said = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .arg("start")
        .stdout(full())
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(2));
}
