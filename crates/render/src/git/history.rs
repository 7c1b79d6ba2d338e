//! How does one commit stand to others in a repository? What is on this machine is asked where it lies; of anything else the
//! commits are fetched into a folder that is thrown away, without the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use policy::plan::{Ancestry, History};

use super::{GitError, Repository};

/// So many commits are looked up; a fleet runs few versions.
const MAX_COMMITS: usize = 200;

impl Repository {
    /// How `commit` stands to each of the `others`. One that the repository does not know is left out.
    ///
    /// # Errors
    /// When git is missing, or the repository cannot be read in time.
    pub async fn history(&self, commit: &str, others: &[String]) -> Result<History, GitError> {
        if others.is_empty() || !is_commit(commit) {
            return Ok(BTreeMap::new());
        }
        self.where_it_lies(async |folder: &Path| kinships(folder, commit, others).await)
            .await
    }

    /// Asks within the time limit where the repository lies, or in a copy of its commits that is thrown away.
    pub(super) async fn where_it_lies<T>(
        &self,
        ask: impl AsyncFnOnce(&Path) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let looking = async {
            if let Some(folder) = self.local() {
                return ask(&folder).await;
            }
            let folder = tempfile::tempdir().map_err(GitError::NotRun)?;
            self.fetch_commits(folder.path()).await?;
            ask(folder.path()).await
        };
        let limited = tokio::time::timeout(self.time_limit, looking).await;
        limited.map_err(|_| GitError::TimedOut {
            url: self.shown(),
            limit: self.time_limit,
        })?
    }

    /// Where the repository lies, if that is a folder of this machine.
    fn local(&self) -> Option<PathBuf> {
        let path = match &self.folder {
            Some(folder) => folder.join(&self.url),
            None => PathBuf::from(&self.url),
        };
        path.is_dir().then_some(path)
    }

    async fn fetch_commits(&self, into: &Path) -> Result<(), GitError> {
        let mut command = self.git();
        command
            .args([
                "clone",
                "--quiet",
                "--bare",
                "--template=",
                "--filter=tree:0",
                "--",
            ])
            .arg(&self.url)
            .arg(into);
        let output = command.output().await.map_err(super::not_run)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(self.unreadable(&output.stderr)),
        }
    }
}

async fn kinships(folder: &Path, commit: &str, others: &[String]) -> Result<History, GitError> {
    let mut history = History::new();
    if is_shallow(folder).await? {
        // Where it was cut off, an ancestor looks like a stranger.
        return Ok(history);
    }
    let known = others.iter().filter(|other| is_commit(other));
    for other in known.take(MAX_COMMITS) {
        let ancestry = match is_ancestor(folder, commit, other).await? {
            Some(true) => Some(Ancestry::Ancestor),
            Some(false) => match is_ancestor(folder, other, commit).await? {
                Some(true) => Some(Ancestry::Descendant),
                Some(false) => Some(Ancestry::Diverged),
                None => None,
            },
            None => None,
        };
        history.extend(ancestry.map(|ancestry| (other.clone(), ancestry)));
    }
    Ok(history)
}

async fn is_shallow(folder: &Path) -> Result<bool, GitError> {
    let mut command = super::quiet_git();
    command
        .arg("-C")
        .arg(folder)
        .args(["rev-parse", "--is-shallow-repository"]);
    let output = command.output().await.map_err(super::not_run)?;
    Ok(output.stdout.starts_with(b"true"))
}

/// `None`: the repository does not know both.
async fn is_ancestor(folder: &Path, one: &str, other: &str) -> Result<Option<bool>, GitError> {
    let mut command = super::quiet_git();
    command
        .arg("-C")
        .arg(folder)
        .args(["merge-base", "--is-ancestor", one, other]);
    let output = command.output().await.map_err(super::not_run)?;
    Ok(match output.status.code() {
        Some(0) => Some(true),
        Some(1) => Some(false),
        Some(_) | None => None,
    })
}

pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
