//! Which commit does a tag name, which commits came before which, and which lie between? Asked of the repository itself with `git`, so that the
//! user's ssh keys, proxies and credential helpers work. A tag is resolved once, when planning (P13); nothing here writes to
//! the repository or keeps anything of it.

mod history;
mod log;
mod tags;

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

pub use log::{Log, LogEntry};
pub use tags::Tags;

/// Time limit of one question.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// How much of git's complaint is kept.
const MAX_COMPLAINT: usize = 500;

/// Why a tag could not be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The text could make git do something other than read a repository.
    #[error("`{0}` is no repository that is safe to read; write a URL or a path")]
    Unsafe(String),
    /// There is no `git`.
    #[error("git is not installed, or not in PATH")]
    NotInstalled(#[source] io::Error),
    /// `git` could not be run.
    #[error("run git")]
    NotRun(#[source] io::Error),
    /// It took too long.
    #[error("the repository `{url}` did not answer within {limit:?}")]
    TimedOut {
        /// Without user name and password.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// git says no.
    #[error("the repository `{url}` cannot be read: {complaint}")]
    Unreadable {
        /// Without user name and password.
        url: String,
        /// What git says.
        complaint: String,
    },
    /// The tag does not exist.
    #[error("there is no tag `{tag}`{}", did_you_mean(nearest))]
    NoTag {
        /// As asked for.
        tag: String,
        /// Names like it.
        nearest: Vec<String>,
    },
    /// No tag is a released version.
    #[error("no tag is a version such as `v1.2.3`")]
    NoVersion,
}

fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; did you mean `{}`?", names.join("`, `")),
    }
}

/// A repository that git can read.
///
/// ```no_run
/// # async fn example() -> Result<(), render::git::GitError> {
/// use render::git::Repository;
///
/// let tags = Repository::new("../securewatch.git")?.within("/srv/releases").tags().await?;
/// let commit = tags.resolve("v1.1.0")?;
/// let (newest, _) = tags.latest()?;
/// println!("v1.1.0 is {commit}, and the newest release is {newest}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Repository {
    url: String,
    folder: Option<PathBuf>,
    time_limit: Duration,
}

impl Repository {
    /// Any URL or path that git understands, except those with which git runs programs.
    ///
    /// # Errors
    /// When the text is refused.
    pub fn new(url: impl Into<String>) -> Result<Self, GitError> {
        let url = url.into();
        // `ext::COMMAND` and its like run programs, and what begins with a dash is an option.
        let (helper, rest) = url.split_once("::").unwrap_or(("", ""));
        let names_helper = !rest.is_empty() && helper.chars().all(|c| c.is_ascii_alphanumeric());
        if url.trim().is_empty()
            || url.starts_with('-')
            || names_helper
            || url.contains(['\0', '\n'])
        {
            return Err(GitError::Unsafe(without_secret(&url)));
        }
        Ok(Self {
            url,
            folder: None,
            time_limit: TIME_LIMIT,
        })
    }

    /// The folder that relative paths begin at.
    #[must_use]
    pub fn within(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
            ..self
        }
    }

    /// Another time limit than a minute.
    #[must_use]
    pub fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Reads all tags.
    ///
    /// # Errors
    /// When git is missing, or the repository cannot be read in time.
    pub async fn tags(&self) -> Result<Tags, GitError> {
        let output = tokio::time::timeout(self.time_limit, self.command().output()).await;
        let output = output.map_err(|_| GitError::TimedOut {
            url: self.shown(),
            limit: self.time_limit,
        })?;
        let output = output.map_err(not_run)?;
        if output.status.success() {
            return Ok(Tags::read(&String::from_utf8_lossy(&output.stdout)));
        }
        Err(self.unreadable(&output.stderr))
    }

    fn unreadable(&self, complaint: &[u8]) -> GitError {
        let complaint = String::from_utf8_lossy(complaint).replace(&self.url, &self.shown());
        GitError::Unreadable {
            url: self.shown(),
            complaint: one_line(&without_secret(&complaint)),
        }
    }

    fn command(&self) -> Command {
        let mut command = self.git();
        command.args(["ls-remote", "--tags", "--", &self.url]);
        command
    }

    /// Git where relative paths begin.
    fn git(&self) -> Command {
        let mut command = quiet_git();
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn shown(&self) -> String {
        without_secret(&self.url)
    }
}

/// Git that asks nobody anything, and ends with us.
fn quiet_git() -> Command {
    let mut command = Command::new("git");
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        // Of a copy without files, nothing that is missing is fetched one by one.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn not_run(error: io::Error) -> GitError {
    if error.kind() == io::ErrorKind::NotFound {
        GitError::NotInstalled(error)
    } else {
        GitError::NotRun(error)
    }
}

/// Removes what stands between `//` and `@`, wherever that is in a text.
fn without_secret(text: &str) -> String {
    let mut parts = text.split("://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        let end = part
            .find(|c: char| c == '/' || c.is_whitespace() || c == '\'')
            .unwrap_or(part.len());
        let host = part[..end].rfind('@').map_or(0, |at| at + 1);
        format!("{shown}://{}", &part[host..])
    })
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(MAX_COMPLAINT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_run_programs_are_refused() {
        let refused = [
            "",
            " ",
            "-u",
            "--upload-pack=x",
            "ext::sh -c id",
            "fd::7",
            "Ext::x",
            "a\0b",
            "a\nb",
        ];
        for url in refused {
            assert!(Repository::new(url).is_err(), "{url:?}");
        }
        let accepted = [
            "../x.git",
            "git@github.com:a/b.git",
            "https://h/x.git",
            "ssh://[::1]:22/x.git",
            "[::1]:x.git",
        ];
        for url in accepted {
            assert!(Repository::new(url).is_ok(), "{url:?}");
        }
    }

    #[test]
    fn user_names_and_passwords_are_never_shown() {
        let shown =
            without_secret("fatal: 'https://ann:to@ken@host/x.git' and ssh://git@host/y, a@b");
        assert_eq!(shown, "fatal: 'https://host/x.git' and ssh://host/y, a@b");
    }
}
