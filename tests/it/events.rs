//! The reference of events and their JSON Schema are what the types of facts say, and every line that a release wrote fits.

use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use rollout::fact::reference::{kinds, schema};
use serde_json::Value;

use crate::source::{files, root};

const BEGIN: &str =
    "<!-- Generated from the types: UPDATE=1 cargo test -p tranche-tests events -->\n";
const END: &str = "<!-- Generated until here -->\n";

#[test]
fn the_reference_of_events_says_what_their_types_say() {
    let path = root().join("docs/reference/events.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the first marker");
    let (_, after) = rest.split_once(END).expect("the second marker");
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", kinds());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(page == wanted, "write it again, see its markers");
    }
}

fn validator() -> Validator {
    let validator = jsonschema::validator_for(&schema());
    validator.expect("a valid JSON Schema")
}

/// The journals and lines that releases have left.
fn samples() -> Vec<PathBuf> {
    let found = files(&root().join("crates/rollout/tests/data"), &["jsonl"]);
    assert!(found.len() >= 4, "{found:?}");
    found
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_line_that_a_release_wrote_fits_the_schema() {
    let validator = validator();
    let mut wrong = Vec::new();
    for path in samples() {
        for line in lines(&path) {
            let errors = validator.iter_errors(&line);
            wrong.extend(errors.map(|error| {
                let at = error.instance_path();
                format!("{} {}: {at}: {error}", path.display(), line["kind"])
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_without_what_its_kind_always_carries_does_not_fit() {
    let validator = validator();
    let all = samples().iter().flat_map(lines).collect::<Vec<Value>>();
    let one = |kind: &str| all.iter().find(|line| line["kind"] == kind).unwrap();
    let without = |pointer: &str, key: &str, line: &Value| {
        let mut line = line.clone();
        let part = line.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        assert!(part.remove(key).is_some(), "{key}");
        line
    };
    for (kind, pointer, key) in [
        ("delay_started", "", "until"),
        ("deploy_intended", "", "service"),
        ("deploy_intended", "/data", "known"),
        ("rollback_intended", "/data", "target"),
        ("gate_passed", "", "data"),
        ("approved", "", "hash"),
    ] {
        let line = without(pointer, key, one(kind));
        assert!(!validator.is_valid(&line), "{kind} without {key}");
    }
}

#[test]
fn what_a_newer_release_adds_fits_the_schema() {
    let validator = validator();
    let all = lines(&samples()[0]);
    let mut line = all[0].clone();
    line["colour"] = "red".into();
    line["data"]["mood"] = "good".into();
    assert!(validator.is_valid(&line));
    line["kind"] = "moon_landed".into();
    assert!(validator.is_valid(&line));
}
