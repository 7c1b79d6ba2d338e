//! Rows that a release has stored are read by every later one, and written back as they were, byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use rollout::{Product, RolloutId, RowKey};
use serde_json::Value;

use crate::script::Story;
use crate::transcripts::{data, stories};

/// Stored rows as `FAMILY ROW` lines: of each state, and of each field in each state, the first that the stories met.
const ROWS: &str = "rows-0003.txt";

const FAMILIES: [&str; 5] = ["rollout", "phase", "batch", "gate", "customer"];

/// A rollout that any of them can belong to.
const PROJECT: &str = "fleet: { acme: { tier: demo } }\n\
     policies: [ { policy: demo, approval: { per: phase, not: [] } } ]";

/// What a row says: the state it is in, and which value or kind of value each field has there.
fn says(family: &str, row: &Value) -> BTreeSet<String> {
    let state = match &row["state"] {
        Value::Null => String::new(),
        state => tags(state).join(" "),
    };
    let mut fields = BTreeSet::new();
    collect(row, "", &mut fields);
    let fields = fields.into_iter();
    fields
        .map(|field| format!("{family} {state} {field}"))
        .collect()
}

/// The words that tell variants apart.
fn tags(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match key.as_str() {
                "at" | "since" | "until" | "reason" => Vec::new(),
                _ => [vec![key.clone()], tags(value)].concat(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn collect(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) if path.is_empty() || path == "/hooks" || path == "/services" => {
            for (key, value) in object {
                // Which service it is makes no difference.
                let key = if path == "/services" { "any" } else { key };
                collect(value, &format!("{path}/{key}"), fields);
            }
        }
        Value::Object(object) if path == "/services/any" => {
            for (key, value) in object {
                fields.insert(format!(
                    "{path}/{key} {}",
                    tags(value).first().map_or("", |tag| tag)
                ));
            }
        }
        Value::Object(object) => {
            let keys: Vec<&String> = object.keys().collect();
            fields.insert(format!("{path} {keys:?}"));
        }
        Value::Bool(_) | Value::Null => {
            fields.insert(format!("{path} {value}"));
        }
        Value::Number(_) | Value::String(_) => {
            fields.insert(path.to_owned());
        }
        Value::Array(items) => {
            fields.insert(format!("{path} {}", items.is_empty()));
        }
    }
}

/// Records the rows from the stories, if they do not exist yet.
fn record() {
    let path = data().join(ROWS);
    if path.exists() || std::env::var_os("UPDATE").is_none() {
        return;
    }
    let (mut seen, mut text) = (BTreeSet::new(), String::new());
    for path in stories() {
        let story = fs::read_to_string(path).unwrap();
        let (project, lines) = story.split_once("\n---\n").unwrap();
        let mut story = Story::new(project);
        story.tell(lines);
        let mut product = Product::new();
        for event in &story.lab.journal {
            product.apply(event);
            for key in product.row_keys() {
                let family = key.0.split('/').next().unwrap();
                let Some(row) = product.row(&key).filter(|_| FAMILIES.contains(&family)) else {
                    continue;
                };
                let said = says(family, &serde_json::from_str(&row).unwrap());
                if !said.is_subset(&seen) {
                    seen.extend(said);
                    writeln!(text, "{family} {row}").unwrap();
                }
            }
        }
    }
    fs::write(path, text).unwrap();
}

#[test]
fn stored_rows_are_read_and_written_back_as_they_were() {
    record();
    let mut story = Story::new(PROJECT);
    story.tell("start");
    let run = RolloutId::Rollout(1);
    let stored = |key: &str| {
        let key = RowKey(key.to_owned());
        let row = story.lab.product.row(&key).unwrap();
        (key, row)
    };
    let text = fs::read_to_string(data().join(ROWS)).unwrap();
    assert!(text.lines().count() > FAMILIES.len());
    for line in text.lines() {
        let (family, row) = line.split_once(' ').unwrap();
        let key = match family {
            "rollout" => format!("rollout/{run}"),
            "phase" => format!("phase/{run}/demo"),
            "batch" => format!("batch/{run}/demo/1"),
            "gate" => format!("gate/{run}/demo"),
            "customer" => format!("customer/{run}/acme"),
            other => panic!("{other} is no family"),
        };
        let mut rows = vec![stored("rollout/r1"), stored("plan/r1")];
        if family == "rollout" {
            rows.remove(0);
            let began = !serde_json::from_str::<Value>(row).unwrap()["started_at"].is_null();
            rows.truncate(usize::from(began));
        }
        let key = RowKey(key);
        rows.push((key.clone(), row.to_owned()));
        let product = Product::load(rows).unwrap_or_else(|error| panic!("{error:?}: {line}"));
        assert_eq!(product.row(&key).as_deref(), Some(row));
    }
}
