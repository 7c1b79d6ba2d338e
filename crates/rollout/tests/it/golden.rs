//! Every story leaves the very bytes that it always left: its journal, and each row as it is written (P36).
//!
//! A transcript shows what differs; this holds what a transcript does not print. A change that is meant is taken with `UPDATE=1`.

use std::fmt::Write;
use std::fs;

use rollout::{Event, canonical};
use serde_json::Value;

use crate::script::Story;
use crate::transcripts::{compare, data, stories};

#[test]
fn every_story_leaves_the_bytes_that_it_always_left() {
    let mut table = String::new();
    for path in stories() {
        let text = fs::read_to_string(&path).unwrap();
        let (project, lines) = text.split_once("\n---\n").unwrap();
        let mut story = Story::new(project);
        story.tell(lines);
        let journal = story.lab.journal.iter();
        let journal: Vec<Value> = journal
            .map(|event| Value::String(serde_json::to_string(event).unwrap()))
            .collect();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let events = canonical::digest(&Value::Array(journal));
        let written = story.lab.written.into_iter().map(Value::String);
        let rows = canonical::digest(&Value::Array(written.collect()));
        writeln!(
            table,
            "{name} {} {} {}",
            story.lab.journal.len(),
            &events[..16],
            &rows[..16]
        )
        .unwrap();
    }
    compare(&data().join("stories.digests"), &table).unwrap();
}

/// One line of each shape that the stories wrote when it was recorded: kind, and which fields were there.
pub(crate) fn lines() -> Vec<Event> {
    let text = fs::read_to_string(data().join("lines-0001.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

#[test]
fn every_recorded_line_is_read_whole_and_written_the_same() {
    let text = fs::read_to_string(data().join("lines-0001.jsonl")).unwrap();
    for (line, event) in text.lines().zip(lines()) {
        assert_eq!(event.digest(), event.hash, "{line}");
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }
}
