//! Of which commit is this source? Read from the files of git, since a machine that builds need not have git itself.
//!
//! Only the folder's own `.git` is asked: an archive that was unpacked below somebody else's clone has no commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// So many characters of a commit are shown.
const SHOWN: usize = 12;

/// So many names that stand for another name are followed.
const NAMES: usize = 5;

/// The commit, if it is known, and the files that say so: when one of them changes, it may be another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) commit: Option<String>,
    /// All of them exist: a missing one would count as changed each time.
    pub(crate) watched: Vec<PathBuf>,
}

/// Looks below the root of the source.
pub(crate) fn find(root: &Path) -> Found {
    let mut found = Found::default();
    let Some(git) = git_folder(root) else {
        return found;
    };
    // A worktree has a HEAD of its own and shares the branches.
    let shared = match fs::read_to_string(git.join("commondir")) {
        Ok(path) => git.join(path.trim()),
        Err(_) => git.clone(),
    };
    let head = git.join("HEAD");
    let commit = resolve(&head, &shared, &mut found.watched).or_else(|| asked(root));
    found.commit = commit.and_then(|commit| shown(&commit));
    found
}

/// What is shown of a commit; `None`: it is none.
pub(crate) fn shown(commit: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
    let good = !commit.is_empty() && commit.chars().all(allowed);
    let shown = match is_hash(commit) {
        true => &commit[..SHOWN],
        false => commit,
    };
    good.then(|| shown.to_owned())
}

/// The folder of git; in a worktree `.git` is a file that names it.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let own = root.join(".git");
    if own.is_dir() {
        return Some(own);
    }
    let text = fs::read_to_string(&own).ok()?;
    let named = root.join(text.strip_prefix("gitdir:")?.trim());
    named.is_dir().then_some(named)
}

/// Follows a file that holds a commit, or `ref: ` and the name of a branch.
fn resolve(head: &Path, shared: &Path, watched: &mut Vec<PathBuf>) -> Option<String> {
    let mut file = head.to_owned();
    for _ in 0..NAMES {
        let text = fs::read_to_string(&file).ok()?;
        watched.push(file);
        let Some(name) = text.strip_prefix("ref:").map(str::trim) else {
            return Some(text.trim().to_owned()).filter(|text| is_hash(text));
        };
        file = shared.join(name);
        if !file.is_file() {
            return packed(name, shared, watched);
        }
    }
    None
}

/// A branch without a file of its own. Its next commit makes one, so the folder of the branches is watched as well.
fn packed(name: &str, shared: &Path, watched: &mut Vec<PathBuf>) -> Option<String> {
    let list = shared.join("packed-refs");
    let text = fs::read_to_string(&list).ok()?;
    let branches = shared.join("refs/heads");
    watched.extend([list, branches].into_iter().filter(|path| path.exists()));
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (commit, _) = lines.find(|(_, own)| own.trim() == name)?;
    Some(commit.to_owned()).filter(|commit| is_hash(commit))
}

/// Asks git, where branches are stored in another way.
fn asked(root: &Path) -> Option<String> {
    let mut git = Command::new("git");
    let git = git
        .arg("-C")
        .arg(root)
        .args(["rev-parse", "--verify", "HEAD"]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let commit = String::from_utf8(output.stdout).ok()?;
    Some(commit.trim().to_owned()).filter(|commit| is_hash(commit))
}

/// SHA-1 or SHA-256, in hex.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
