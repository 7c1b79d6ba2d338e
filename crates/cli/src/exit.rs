//! How the process ends: documented exit codes, and failures that say what to type next.

use std::error;
use std::fmt::Write as _;
use std::process::ExitCode;

use policy::Diagnostic;
use project::error::with_causes;
use project::{Error, ErrorKind};
use rollout::Rejected;

use crate::show::escape;

impl From<server::Error> for Failure {
    fn from(error: server::Error) -> Self {
        let way_out = error.way_out();
        let failure = match error {
            server::Error::Project(error) => return error.into(),
            server::Error::Setup { message, .. } => Self::usage(message),
            other @ (server::Error::Listen { .. }
            | server::Error::Certificate { .. }
            | server::Error::Client(_)
            | server::Error::Serve(_)
            | server::Error::OwnFile(_)
            | server::Error::NewerOwnFile
            | server::Error::Random(_)) => Self::failed(with_causes(&other)),
        };
        match way_out {
            Some(way_out) => failure.or_type(way_out),
            None => failure,
        }
    }
}

/// The exit codes; `tranche --help` prints the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, `succeeded` or `succeeded_with_exclusions`.
    Done = 0,
    /// The rollout failed, halted, was aborted or superseded, or a check found something.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Refused in the present state.
    Refused = 3,
    /// Not permitted.
    NotPermitted = 4,
    /// Render could not be reached.
    Unreachable = 5,
    /// Stopped with the rollout unfinished.
    Unfinished = 6,
    /// `plan --detailed-exitcode`: there is something to do.
    ToDo = 7,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    message: String,
    way_out: Option<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// A failure with this exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            way_out: None,
            diagnostics: Vec::new(),
        }
    }

    /// What was typed or written in a file makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something outside failed that is neither Render nor a file of the project.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Mistakes in the project's files.
    pub(crate) fn diagnostics(diagnostics: Vec<Diagnostic>) -> Self {
        Error::Files(diagnostics).into()
    }

    /// Adds the command to type.
    #[must_use]
    pub(crate) fn or_type(mut self, way_out: impl Into<String>) -> Self {
        self.way_out = Some(way_out.into());
        self
    }

    /// Adds what caused it, down to the first cause.
    #[must_use]
    pub(crate) fn caused_by(mut self, source: impl error::Error) -> Self {
        let _ = write!(self.message, ": {}", with_causes(&source));
        self
    }

    /// The text for standard error.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            let _ = writeln!(text, "{}\n", escape::mistake(diagnostic));
        }
        let _ = write!(text, "error: {}", escape::message(&self.message));
        if let Some(way_out) = &self.way_out {
            let _ = write!(text, "\n  try: {}", escape::message(way_out));
        }
        text
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::AlreadySo => Exit::Done,
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Absent | ErrorKind::Held | ErrorKind::Watched | ErrorKind::Refused => {
                Exit::Refused
            }
            ErrorKind::NotPermitted => Exit::NotPermitted,
            ErrorKind::Unreachable => Exit::Unreachable,
            ErrorKind::Unfinished => Exit::Unfinished,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Failed => Exit::Failed,
        };
        Self {
            exit,
            way_out: error.way_out(),
            message: error.message(),
            diagnostics: if let Error::Files(mistakes) = error {
                mistakes
            } else {
                Vec::new()
            },
        }
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Error::Rejected(Box::new(rejected)).into()
    }
}

impl From<render::Error> for Failure {
    fn from(error: render::Error) -> Self {
        Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use rollout::{Offers, RejectedCode};

    use super::*;

    fn rejected(code: RejectedCode) -> Exit {
        Failure::from(Rejected {
            code,
            message: "no".into(),
            way_out: None,
            offers: Offers::default(),
        })
        .exit
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        assert_eq!(rejected(RejectedCode::State) as u8, 3);
        assert_eq!(rejected(RejectedCode::NotPermitted) as u8, 4);
        assert_eq!(rejected(RejectedCode::Usage) as u8, 2);
        assert_eq!(rejected(RejectedCode::AlreadySo) as u8, 0);
    }

    #[test]
    fn a_failure_names_its_causes_and_ends_with_the_command_to_type() {
        let failure = Failure::usage("failed to read tranche.yaml")
            .caused_by(std::io::Error::other("disk on fire"))
            .or_type("tranche init");
        assert_eq!(
            failure.render(),
            "error: failed to read tranche.yaml: disk on fire\n  try: tranche init"
        );
    }
}
