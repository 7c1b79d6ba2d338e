//! Where text goes: data to standard output, the rest to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process;

use serde::Serialize;

use crate::args::{ColorWhen, Format, Global};
use crate::exit::{Exit, Failure};
use crate::screen::print_to_stderr;
use crate::show::{escape, wrap};

/// Writes data and remarks as the global flags ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    quiet: bool,
    /// Whether a reader that has gone ends the process.
    exits_on_broken_pipe: bool,
}

impl Output {
    /// Takes the flags to heart; colour is decided for the whole process.
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            ColorWhen::Auto => {}
            ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
            ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            format: global.output,
            quiet: global.quiet,
            exits_on_broken_pipe: true,
        }
    }

    /// Says nothing.
    pub(crate) fn silent() -> Self {
        Self {
            format: Format::Text,
            quiet: true,
            exits_on_broken_pipe: true,
        }
    }

    /// For a process that has to end in good order: a reader that has gone is a failure with the exit code of a success.
    pub(crate) fn reporting_broken_pipe(self) -> Self {
        Self {
            exits_on_broken_pipe: false,
            ..self
        }
    }

    /// Writes one piece of data: `text` for people, `value` for programs.
    pub(crate) fn data<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.text(text()),
            Format::Json => self.exact(json_pretty(value)?),
            Format::Yaml => self.exact(yaml(value)?),
        }
    }

    /// Writes a list. An empty one is said in words, so that nobody takes it for a command that did nothing.
    pub(crate) fn list<T: Serialize>(
        self,
        list: &T,
        is_empty: bool,
        none: impl Display,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if is_empty {
            self.say(none);
        }
        self.data(list, text)
    }

    /// Writes one of a stream of pieces of data; for programs one JSON object a line.
    pub(crate) fn item<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.exact(escape::block(&text())),
            Format::Json => self.exact(json(value)?),
            Format::Yaml => self.exact(format!("---\n{}", yaml(value)?)),
        }
    }

    /// Writes lines for people to standard output, in whatever format, as wide as the place is. Nothing in them acts on a
    /// terminal (P53).
    pub(crate) fn text(self, text: impl Display) -> Result<(), Failure> {
        let text = escape::block(&text.to_string());
        self.exact(wrap::block(&text, wrap::width()))
    }

    /// Writes what programs read to standard output, byte for byte.
    ///
    /// A reader that has gone (`| head`) ends the process quietly, as other tools do.
    pub(crate) fn exact(self, text: impl Display) -> Result<(), Failure> {
        let text = text.to_string();
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let mut out = anstream::stdout();
        let written = write!(out, "{text}{end}").and_then(|()| out.flush());
        written.map_err(|source| {
            if source.kind() == ErrorKind::BrokenPipe {
                if self.exits_on_broken_pipe {
                    process::exit(i32::from(Exit::Done as u8));
                }
                return Failure::new(Exit::Done, "nobody reads the output any more");
            }
            Failure::failed("failed to write to standard output").caused_by(source)
        })
    }

    /// Says something to the person in front of it; nothing with `--quiet`.
    pub(crate) fn say(self, text: impl Display) {
        self.say_laid_out(escape::message(&text.to_string()));
    }

    /// Says something of several lines, each of them ours.
    pub(crate) fn say_laid_out(self, text: impl Display) {
        if !self.quiet {
            print_to_stderr(text);
        }
    }

    /// Whether data is written for people.
    pub(crate) fn is_text(self) -> bool {
        self.format == Format::Text
    }

    /// Whether data goes to a person's terminal as text.
    pub(crate) fn is_terminal(self) -> bool {
        self.is_text() && io::stdout().is_terminal()
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|source| unwritable("JSON", source))?;
    Ok(escape::json(&text))
}

fn json_pretty<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|source| unwritable("JSON", source))?;
    Ok(escape::json(&text))
}

/// Where YAML would write a character that a terminal acts upon, JSON stands instead: it is YAML too, and has escapes.
fn yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_yaml::to_string(value).map_err(|source| unwritable("YAML", source))?;
    match escape::block(&text) == text {
        true => Ok(text),
        false => json_pretty(value),
    }
}

fn unwritable(format: &str, source: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::failed(format!("failed to write the data as {format}")).caused_by(source)
}
