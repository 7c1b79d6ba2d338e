//! Which commits lie between two? Asked where the repository lies, or in a copy of its commits that is thrown away.

use std::path::Path;

use super::history::is_commit;
use super::{GitError, Repository};

/// Separates the parts of a line; git writes none of its own.
const APART: char = '\u{1f}';

/// So much of a subject is kept.
const MAX_SUBJECT: usize = 200;

/// One commit, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub commit: String,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// What lies between two commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// What the later has and the earlier has not, newest first, as far as was asked for.
    pub entries: Vec<LogEntry>,
    /// Whether there are more.
    pub has_more: bool,
    /// How many commits the earlier has that the later has not: they are taken back.
    pub taken_back: usize,
}

impl Repository {
    /// Up to `limit` commits that `to` has and `from` has not; `None`: the repository does not know both.
    ///
    /// # Errors
    /// When git is missing, or the repository cannot be read in time.
    pub async fn log(&self, from: &str, to: &str, limit: usize) -> Result<Option<Log>, GitError> {
        if !is_commit(from) || !is_commit(to) {
            return Ok(None);
        }
        self.where_it_lies(async |folder: &Path| between(folder, from, to, limit).await)
            .await
    }
}

async fn between(
    folder: &Path,
    from: &str,
    to: &str,
    limit: usize,
) -> Result<Option<Log>, GitError> {
    let ahead = format!("{from}..{to}");
    let count = format!("--max-count={}", limit + 1);
    let format = "--format=%H%x1f%an%x1f%s";
    let asked = ["log", "--no-show-signature", format, &count, &ahead, "--"];
    let Some(written) = answer(folder, &asked).await? else {
        return Ok(None);
    };
    let mut entries: Vec<LogEntry> = written.lines().filter_map(entry).collect();
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let back = answer(
        folder,
        &["rev-list", "--count", &format!("{to}..{from}"), "--"],
    )
    .await?;
    Ok(Some(Log {
        entries,
        has_more,
        taken_back: back.and_then(|text| text.trim().parse().ok()).unwrap_or(0),
    }))
}

fn entry(line: &str) -> Option<LogEntry> {
    let mut parts = line.splitn(3, APART).map(str::to_owned);
    Some(LogEntry {
        commit: parts.next().filter(|commit| is_commit(commit))?,
        author: parts.next()?,
        subject: parts.next()?.chars().take(MAX_SUBJECT).collect(),
    })
}

/// What git says; `None`: it does not know what it is asked about.
async fn answer(folder: &Path, asked: &[&str]) -> Result<Option<String>, GitError> {
    let mut command = super::quiet_git();
    command.arg("-C").arg(folder).args(asked);
    let output = command.output().await.map_err(super::not_run)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(output.status.success().then_some(text))
}
