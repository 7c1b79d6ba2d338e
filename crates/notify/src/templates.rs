//! Which words? A template of the entry, of the project's `templates/`, or the one that is built in for the kind.

mod built_in;

use std::path::Path;

use machine::files::Roots;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::json;

use crate::message::{Message, MessageText};

/// The folder of the project's own templates.
const FOLDER: &str = "templates";

/// How the names of templates end.
const END: &str = "txt";

/// A template that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the template {name} has a mistake: {reason}")]
pub struct BadTemplate {
    /// Which: a path, or `text` of an entry.
    pub name: String,
    /// What is wrong, and where.
    pub reason: String,
    /// The line of the template, from 1, where that is known.
    pub line: Option<usize>,
}

/// The words for every kind of message.
#[derive(Clone, Debug)]
pub struct Templates {
    roots: Roots,
}

impl Templates {
    /// With the templates of a project folder, read anew for each message.
    pub fn new(project: &Path) -> Self {
        Self::within(Roots::new(project))
    }

    /// The same, from wherever these reach.
    pub fn within(roots: Roots) -> Self {
        Self { roots }
    }

    /// Looks at all templates of the project before anything is told: at their syntax, and whether anything is ever told by
    /// them.
    pub fn mistakes(&self, kinds: &[&str]) -> Vec<BadTemplate> {
        let Ok(listing) = self.roots.list(Path::new(FOLDER), &[END]) else {
            return Vec::new();
        };
        let misnamed = listing.mistaken.iter().map(|(path, why)| BadTemplate {
            name: path.display().to_string(),
            reason: format!("it is not read: {why}"),
            line: None,
        });
        let names = listing.files.iter().map(|path| path.to_string_lossy());
        let bad = names.filter_map(|name| self.mistake(&name, kinds));
        misnamed.chain(bad).collect()
    }

    fn mistake(&self, name: &str, kinds: &[&str]) -> Option<BadTemplate> {
        let stem = Path::new(name).file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy();
        let kind = stem.strip_suffix(".customer").unwrap_or(&stem);
        let name = name.to_owned();
        if !kinds.contains(&kind) {
            let reason = format!("nothing is told of `{kind}`, which is no kind of event");
            let line = None;
            return Some(BadTemplate { name, reason, line });
        }
        match self.roots.read_written(Path::new(&name)) {
            Ok(text) => template_mistake(&name, &text),
            Err(error) => Some(BadTemplate {
                name,
                reason: format!("it cannot be read: {error}"),
                line: None,
            }),
        }
    }

    /// Puts a message into words.
    ///
    /// # Errors
    /// The template that is meant has a mistake.
    pub fn compose(&self, message: &Message) -> Result<MessageText, BadTemplate> {
        let (name, template) = self.template(message);
        let written = fill(&name, &template, message)?;
        let (subject, text) = written.split_once('\n').unwrap_or((&written, ""));
        let text = match &message.text {
            Some(own) => fill("text", own, message)?,
            None => text.to_owned(),
        };
        let again = match message.reminder {
            0 => "",
            _ => "Reminder: ",
        };
        Ok(MessageText {
            subject: one_line(&format!("{again}{}", subject.trim())),
            text: text.trim().to_owned(),
        })
    }

    /// A file of the project, or what is built in. A file that cannot be read counts as not there.
    fn template(&self, message: &Message) -> (String, String) {
        let kind = &message.kind;
        let name = match message.to_customer {
            true => format!("{kind}.customer.txt"),
            false => format!("{kind}.txt"),
        };
        let path = format!("{FOLDER}/{name}");
        match self.roots.read_written(Path::new(&path)) {
            Ok(text) => (path, text),
            Err(_) => (kind.clone(), built_in::template(kind, message.to_customer)),
        }
    }
}

/// What is wrong with the syntax of a template, under the name that people know it by.
pub fn template_mistake(name: &str, template: &str) -> Option<BadTemplate> {
    let wrong = Environment::new().template_from_str(template).err()?;
    Some(bad(name, &wrong))
}

fn bad(name: &str, error: &minijinja::Error) -> BadTemplate {
    BadTemplate {
        name: name.to_owned(),
        reason: crate::error::chain(error),
        line: error.line(),
    }
}

fn fill(name: &str, template: &str, message: &Message) -> Result<String, BadTemplate> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let context = json!({
        "id": message.id,
        "at": message.at.format("%Y-%m-%d %H:%M UTC").to_string(),
        "kind": message.kind,
        "title": message.kind.replace('_', " "),
        "product": message.product,
        "rollout": message.rollout,
        "version": message.version,
        "name": message.name,
        "event": message.about.first(),
        "about": message.about,
        "link": message.link,
        "reminder": message.reminder,
    });
    let filled = environment.render_str(template, Serde(&context));
    filled
        .map(|text| without_gaps(&text))
        .map_err(|error| bad(name, &error))
}

/// Parts that are left out leave no more than one empty line behind.
fn without_gaps(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let is_gap = line.is_empty() && lines.last().is_some_and(|last| last.is_empty());
        if !is_gap {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// A subject is one line, whatever an event's texts hold: nothing may begin a header of its own.
fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.trim().to_owned()
}
