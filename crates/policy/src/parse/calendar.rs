//! Calendar files that freezes name, as whoever has read them hands them over: nothing here knows iCalendar or a disk.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::node::{Node, Value};
use super::report::Report;
use super::{Diagnostic, File, yaml};
use crate::calendar::Period;

/// A calendar file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// As `tranche.yaml` names it.
    pub path: String,
    /// The busy times, sorted as [`FreezeTimes`](crate::calendar::FreezeTimes) wants them.
    pub busy: Vec<Period>,
    /// Why the file could not be read at all.
    pub unread: Option<String>,
    /// What is wrong in it; then the times say nothing.
    pub mistakes: Vec<Diagnostic>,
}

impl Calendar {
    /// A file in which nothing is wrong. Of times with one beginning the longest counts.
    pub fn new(path: impl Into<String>, mut busy: Vec<Period>) -> Self {
        busy.sort_unstable_by(|one, other| (one.from, other.until).cmp(&(other.from, one.until)));
        busy.dedup_by_key(|period| period.from);
        Self {
            path: path.into(),
            busy,
            ..Self::default()
        }
    }
}

/// The calendar files that a project or a scenario names, wrong as the rest of it may be.
pub fn calendars_named(file: &File) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(node) = yaml::read(file, &mut Report::new()) {
        collect(&node, &mut names);
    }
    names
}

fn collect(node: &Node<'_>, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Map(entries) => {
            for (key, value) in entries {
                if key.name == "freezes" {
                    let freezes = value.items().iter();
                    let files = freezes.filter_map(|freeze| freeze.get("ics")?.scalar());
                    names.extend(files.map(str::to_owned));
                } else {
                    collect(value, names);
                }
            }
        }
    }
}
