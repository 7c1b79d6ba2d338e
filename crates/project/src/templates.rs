//! Can notifications be told in the words that the project has for them? Asked by `validate`, long before one is due.

use std::path::Path;

use machine::files::{NotRead, Roots};
use notify::{BadTemplate, Templates};
use policy::Config;
use policy::parse::{Diagnostic, File, Severity};
use rollout::Kind;

use crate::folder::Folder;
use crate::unreadable;

/// What is told besides events of the journal.
const ALERTS: [&str; 2] = ["alert_raised", "alert_recovered"];

/// Mistakes in the files of `templates/`, and in the texts of `notify:` as far as the project's file could be read.
pub fn mistakes(folder: &Folder, project: &File, config: Option<&Config>) -> Vec<Diagnostic> {
    let kinds: Vec<&str> = Kind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .chain(ALERTS)
        .collect();
    let roots = folder.roots(config);
    let files = Templates::within(roots.clone())
        .mistakes(&kinds)
        .into_iter();
    let mut found: Vec<Diagnostic> = files.map(|bad| in_file(&roots, &bad)).collect();
    let entries = config.map_or(&[][..], |config| &config.project.notify);
    let texts = entries.iter().filter_map(|entry| entry.text.as_deref());
    found.extend(texts.filter_map(|text| {
        let bad = notify::template_mistake("text", text)?;
        Some(in_entry(project, text, &bad))
    }));
    found
}

fn in_file(roots: &Roots, bad: &BadTemplate) -> Diagnostic {
    let path = Path::new(&bad.name);
    let read = roots.read_written(path);
    if let Err(refused @ NotRead::NotText(_)) = &read {
        return unreadable::mistake(path, refused);
    }
    let text = read.unwrap_or_default();
    diagnostic(&bad.name, &text, bad.line.unwrap_or(1), bad)
}

/// The line of an entry is that on which its text begins.
fn in_entry(project: &File, text: &str, bad: &BadTemplate) -> Diagnostic {
    let begin = text.lines().next().unwrap_or_default();
    let mut lines = project.text.lines();
    let line = lines.position(|line| line.contains(begin));
    diagnostic(
        &project.path,
        &project.text,
        line.map_or(1, |line| line + 1),
        bad,
    )
}

fn diagnostic(file: &str, text: &str, line: usize, bad: &BadTemplate) -> Diagnostic {
    let source_line = text.lines().nth(line - 1).unwrap_or_default();
    let written = source_line.trim_start();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Diagnostic {
        severity: Severity::Error,
        code: "template".to_owned(),
        file: file.to_owned(),
        line: number(line),
        column: number(source_line.chars().count() - written.chars().count() + 1),
        length: number(written.chars().count().max(1)),
        source_line: source_line.to_owned(),
        message: bad.reason.clone(),
        help: Some("see docs/reference/notifications.md for what a template may say".to_owned()),
    }
}
