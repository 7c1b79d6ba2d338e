//! Where mistakes are collected, and turned into diagnostics with their source lines.

use std::collections::BTreeSet;

use super::diagnostic::{Diagnostic, Severity};
use super::node::Pos;
use super::{File, MISNAMED, limits};

/// The mistakes found so far, and the files they are found in.
pub(crate) struct Report<'s> {
    files: Vec<&'s File>,
    found: Vec<Problem>,
    /// Those that others have found in files of their own.
    others: Vec<Diagnostic>,
    /// How many were found beyond the limit.
    unreported: usize,
    /// How bad that is with which nothing begins, while what has begun can go on.
    beginnings: Severity,
    /// Cron expressions without a mistake: many customers have the same, and reading one takes long.
    sound_crons: BTreeSet<String>,
}

/// A mistake whose source line is not looked up yet.
struct Problem {
    pos: Pos,
    severity: Severity,
    code: &'static str,
    message: String,
    help: Option<String>,
}

impl<'s> Report<'s> {
    pub(crate) fn new() -> Self {
        Self {
            files: Vec::new(),
            found: Vec::new(),
            others: Vec::new(),
            unreported: 0,
            beginnings: Severity::Error,
            sound_crons: BTreeSet::new(),
        }
    }

    /// For rollouts that have begun: who can never start and a gate that nobody can fill any more wait, a tier without a
    /// policy has no part in them, and the files say what they say.
    pub(crate) fn of_what_runs() -> Self {
        Self {
            beginnings: Severity::Warning,
            ..Self::new()
        }
    }

    /// Whether a cron expression was found sound before.
    pub(crate) fn knows_cron(&self, cron: &str) -> bool {
        self.sound_crons.contains(cron)
    }

    pub(crate) fn note_cron(&mut self, cron: &str) {
        self.sound_crons.insert(cron.to_owned());
    }

    /// What can never be: a start, or a gate that asks for more people than there are.
    pub(crate) fn never(&mut self, pos: Pos, code: &'static str, message: String, help: &str) {
        self.add(self.beginnings, pos, code, message, Some(help.to_owned()));
    }

    /// A tier that no policy covers.
    pub(crate) fn uncovered(&mut self, pos: Pos, message: String, help: String) {
        self.add(self.beginnings, pos, "uncovered", message, Some(help));
    }

    /// What the caller could not read, or found beside the files.
    pub(crate) fn unread(&mut self, found: &Diagnostic) {
        let severity = match found.code == MISNAMED {
            true => self.beginnings,
            false => found.severity,
        };
        let found = found.clone();
        self.others.push(Diagnostic { severity, ..found });
    }

    /// The path of the file of a place.
    pub(crate) fn path(&self, pos: Pos) -> &'s str {
        let file = self.files.get(usize::from(pos.file));
        file.map_or("", |file| file.path.as_str())
    }

    /// Whether what can never be makes no difference from now on: it is only counted, or where it is a warning not even that.
    pub(crate) fn is_past_never(&self) -> bool {
        match self.beginnings {
            Severity::Error => self.unreported > 0,
            Severity::Warning => self.found.len() >= limits::PROBLEMS,
        }
    }

    /// A place as people find it: `policies/demo.yaml:2`.
    pub(crate) fn place(&self, pos: Pos) -> String {
        format!("{}:{}", self.path(pos), pos.line)
    }

    /// Adds a file and returns its index.
    pub(crate) fn file(&mut self, file: &'s File) -> u16 {
        self.files.push(file);
        u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX)
    }

    pub(crate) fn error(&mut self, pos: Pos, code: &'static str, message: impl Into<String>) {
        self.add(Severity::Error, pos, code, message.into(), None);
    }

    pub(crate) fn help(
        &mut self,
        pos: Pos,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(
            Severity::Error,
            pos,
            code,
            message.into(),
            Some(help.into()),
        );
    }

    pub(crate) fn warn(
        &mut self,
        pos: Pos,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(
            Severity::Warning,
            pos,
            code,
            message.into(),
            Some(help.into()),
        );
    }

    /// Takes what was found in a file that is not read here.
    pub(crate) fn found_elsewhere(&mut self, mistakes: &[Diagnostic]) {
        self.others.extend_from_slice(mistakes);
    }

    fn add(
        &mut self,
        severity: Severity,
        pos: Pos,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) {
        if self.found.len() < limits::PROBLEMS {
            self.found.push(Problem {
                pos,
                severity,
                code,
                message,
                help,
            });
        } else if severity == Severity::Error {
            self.unreported += 1;
        }
    }

    /// All that was found, by file and place: `Ok` with the warnings if there is no error.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let severities = self.found.iter().map(|problem| problem.severity);
        let others = self.others.iter().map(|one| one.severity);
        let failed =
            self.unreported > 0 || severities.chain(others).any(|one| one == Severity::Error);
        if self.unreported > 0 {
            let message = format!("{} more mistakes are not shown", self.unreported);
            self.found.push(Problem {
                pos: Pos {
                    file: u16::MAX,
                    ..Pos::default()
                },
                severity: Severity::Error,
                code: "limit",
                message,
                help: None,
            });
        }
        self.found.sort_by(|one, other| {
            (one.pos, one.code, &one.message).cmp(&(other.pos, other.code, &other.message))
        });
        let mut lines = Lines::default();
        let found = self
            .found
            .iter()
            .map(|problem| diagnostic(&self.files, &mut lines, problem));
        let diagnostics = self.others.into_iter().chain(found).collect();
        let diagnostics = without_repetitions(diagnostics);
        if failed {
            Err(diagnostics)
        } else {
            Ok(diagnostics)
        }
    }
}

/// Aliases put one mistake into several places of the tree; people see it once.
fn without_repetitions(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let key = |one: &Diagnostic| (one.file.clone(), one.line, one.column, one.message.clone());
    diagnostics
        .into_iter()
        .filter(|one| seen.insert(key(one)))
        .collect()
}

/// Walks through the lines of the files once, as the mistakes come in the order of their places.
#[derive(Default)]
struct Lines<'s> {
    file: Option<u16>,
    line: u32,
    rest: Option<std::str::Lines<'s>>,
    current: &'s str,
}

impl<'s> Lines<'s> {
    fn get(&mut self, files: &[&'s File], pos: Pos) -> &'s str {
        if self.file != Some(pos.file) {
            let text = files
                .get(usize::from(pos.file))
                .map_or("", |file| file.text.as_str());
            *self = Self {
                file: Some(pos.file),
                line: 0,
                rest: Some(text.lines()),
                current: "",
            };
        }
        while self.line < pos.line {
            let Some(line) = self.rest.as_mut().and_then(Iterator::next) else {
                return "";
            };
            self.current = line;
            self.line += 1;
        }
        self.current
    }
}

fn diagnostic<'s>(files: &[&'s File], lines: &mut Lines<'s>, problem: &Problem) -> Diagnostic {
    let Problem {
        pos,
        severity,
        code,
        message,
        help,
    } = problem;
    let source_line: String = lines
        .get(files, *pos)
        .chars()
        .take(limits::SOURCE_LINE_CHARS)
        .collect();
    Diagnostic {
        severity: *severity,
        code: (*code).to_owned(),
        file: files
            .get(usize::from(pos.file))
            .map(|file| file.path.clone())
            .unwrap_or_default(),
        line: pos.line.max(1),
        column: pos.column.max(1),
        length: pos.length.max(1),
        source_line,
        message: message.clone(),
        help: help.clone(),
    }
}
