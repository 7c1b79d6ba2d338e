//! A mistake in a file, with its place and a way out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One mistake, or something that is probably not meant.
///
/// Its `Display` is several lines for people: what is wrong, where, the source line with a caret, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of mistake, such as `unknown-key`.
    pub code: String,
    /// The file's path as the caller gave it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// How many characters are meant, at least 1.
    pub length: u32,
    /// The line as written.
    pub source_line: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but this is probably not meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            code,
            file,
            line,
            column,
            message,
            ..
        } = self;
        writeln!(f, "{severity}[{code}]: {message}")?;
        write!(f, "  --> {file}:{line}:{column}")?;
        if !self.source_line.is_empty() {
            let gutter = line.to_string().len();
            // Everything before the caret keeps its tabs, so that the caret stands below what it means.
            let before = self
                .source_line
                .chars()
                .take(column.saturating_sub(1) as usize);
            let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n {:gutter$} |\n {line} | {}\n", "", self.source_line)?;
            write!(
                f,
                " {:gutter$} | {indent}{}",
                "",
                "^".repeat(self.length.max(1) as usize)
            )?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {help}")?;
        }
        Ok(())
    }
}
