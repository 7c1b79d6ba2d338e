//! Dying on purpose, so that tests can fall at every commit.

use std::str::FromStr;

/// Where the process is to abort: `commit:17:before`, `commit:17:after` or `commit:17:sent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    /// The commit of this process, counted from 1.
    pub commit: u64,
    /// Where around it.
    pub point: CrashPoint,
}

/// A place around a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing of the instant is stored.
    Before,
    /// All is stored; no answer and no command has left.
    After,
    /// The commands have left as well.
    Sent,
}

/// A text that names no place to crash at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a crash is written commit:N:before, commit:N:after or commit:N:sent")]
pub struct BadCrashAt;

impl FromStr for CrashAt {
    type Err = BadCrashAt;

    fn from_str(text: &str) -> Result<Self, BadCrashAt> {
        let mut parts = text.split(':');
        let (Some("commit"), Some(commit), Some(point), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadCrashAt);
        };
        let point = match point {
            "before" => CrashPoint::Before,
            "after" => CrashPoint::After,
            "sent" => CrashPoint::Sent,
            _ => return Err(BadCrashAt),
        };
        Ok(Self {
            commit: commit.parse().map_err(|_| BadCrashAt)?,
            point,
        })
    }
}

/// Counts commits and dies at the one that was named.
#[derive(Debug, Default)]
pub(crate) struct Crash {
    at: Option<CrashAt>,
    commits: u64,
}

impl Crash {
    pub(crate) fn new(at: Option<CrashAt>) -> Self {
        Self { at, commits: 0 }
    }

    /// Passes a point; [`CrashPoint::Before`] begins the next commit.
    pub(crate) fn pass(&mut self, point: CrashPoint) {
        if point == CrashPoint::Before {
            self.commits += 1;
        }
        if self.at
            == Some(CrashAt {
                commit: self.commits,
                point,
            })
        {
            std::process::abort();
        }
    }
}
