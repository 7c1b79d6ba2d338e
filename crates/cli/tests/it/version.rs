//! What the binary says of itself: version, commit and target.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

#[path = "../../build/commit.rs"]
mod commit;

use self::commit::{Found, find, shown};

#[test]
fn version_commit_and_target_are_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_tranche"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let begins = concat!("tranche ", env!("CARGO_PKG_VERSION"), " (");
    let rest = said
        .strip_prefix(begins)
        .unwrap_or_else(|| panic!("{said}"));
    let parts = rest
        .strip_suffix(")\n")
        .and_then(|rest| rest.split_once(", "));
    let (commit, target) = parts.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(shown(commit).as_deref(), Some(commit), "{said}");
    assert!(target.split('-').count() >= 3, "{said}");
}

/// A clone with one commit; `None` where there is no git.
struct Repo {
    folder: TempDir,
    commit: String,
}

impl Repo {
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = git(
            folder.path(),
            &["init", "--quiet", "--initial-branch", "main"],
        );
        if made.is_none() {
            eprintln!("skipped: there is no git");
            return None;
        }
        let mut clone = Self {
            folder,
            commit: String::new(),
        };
        clone.commits("one");
        Some(clone)
    }

    fn commits(&mut self, what: &str) {
        let message = ["commit", "--quiet", "--allow-empty", "--message", what];
        git(self.path(), &message).unwrap();
        self.commit = git(self.path(), &["rev-parse", "HEAD"]).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The commit is found in this folder, and so that cargo sees when it changes.
    #[track_caller]
    fn is_found_in(&self, folder: &Path) -> Found {
        let found = find(folder);
        assert_eq!(found.commit.as_deref(), Some(&self.commit[..12]));
        assert!(found.watched.iter().all(|path| path.exists()), "{found:?}");
        found
    }
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    command.arg("-C").arg(folder);
    command.args([
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.example",
        "-c",
        "commit.gpgsign=false",
    ]);
    let output = command.args(args).output().ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn a_clone_on_a_branch_has_its_commit_and_the_next_one_is_seen() {
    let Some(mut clone) = Repo::new() else { return };
    let found = clone.is_found_in(clone.path());
    assert_eq!(
        found.watched,
        [".git/HEAD", ".git/refs/heads/main"].map(|name| clone.path().join(name))
    );
    clone.commits("two");
    clone.is_found_in(clone.path());
}

#[test]
fn a_detached_head_has_its_commit() {
    let Some(clone) = Repo::new() else { return };
    git(clone.path(), &["checkout", "--quiet", "--detach"]).unwrap();
    let found = clone.is_found_in(clone.path());
    assert_eq!(found.watched, [clone.path().join(".git/HEAD")]);
}

#[test]
fn a_packed_branch_has_its_commit_and_the_file_that_its_next_commit_makes_is_seen() {
    let Some(mut clone) = Repo::new() else { return };
    git(clone.path(), &["pack-refs", "--all"]).unwrap();
    assert!(!clone.path().join(".git/refs/heads/main").exists());
    let found = clone.is_found_in(clone.path());
    assert!(
        found
            .watched
            .contains(&clone.path().join(".git/refs/heads")),
        "{found:?}"
    );
    clone.commits("two");
    clone.is_found_in(clone.path());
}

#[test]
fn a_worktree_has_the_commit_of_its_own_branch() {
    let Some(mut clone) = Repo::new() else { return };
    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    let name = tree.to_str().unwrap();
    git(
        clone.path(),
        &["worktree", "add", "--quiet", "-b", "other", name],
    )
    .unwrap();
    clone.is_found_in(&tree);
    let first = clone.commit.clone();
    clone.commits("two");
    assert_eq!(find(&tree).commit.as_deref(), Some(&first[..12]));
    git(&tree, &["checkout", "--quiet", "--detach"]).unwrap();
    assert_eq!(find(&tree).commit.as_deref(), Some(&first[..12]));
}

#[test]
fn an_archive_has_no_commit_even_below_somebody_elses_clone() {
    let bare = tempfile::tempdir().unwrap();
    assert_eq!(find(bare.path()), Found::default());
    let Some(clone) = Repo::new() else { return };
    let below = clone.path().join("vendor/tranche");
    fs::create_dir_all(&below).unwrap();
    assert_eq!(find(&below), Found::default());
}

#[test]
fn what_a_packager_says_is_shown_unless_it_could_say_more() {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(shown(hash).as_deref(), Some("0123456789ab"));
    assert_eq!(shown("v1.2.0-3+deb12").as_deref(), Some("v1.2.0-3+deb12"));
    for bad in ["", "a b", "x\ncargo::rustc-env=A=b", "a/b", "\u{1b}[31m"] {
        assert_eq!(shown(bad), None, "{bad:?}");
    }
}

/// The commands of the page on installing name what there is.
#[test]
fn the_page_on_installing_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/install.md")).unwrap();
    let commands: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    for (wanted, exists) in [
        (
            "cargo install --locked --path crates/cli",
            "crates/cli/Cargo.toml",
        ),
        (
            "cargo build --release --locked -p cli --target x86_64-unknown-linux-musl",
            "crates/cli/Cargo.toml",
        ),
        (
            "tranche completions bash",
            "crates/cli/src/commands/manual.rs",
        ),
        ("tranche man --all", "crates/cli/src/commands/manual.rs"),
    ] {
        assert!(
            commands.iter().any(|command| command.contains(wanted)),
            "{wanted}"
        );
        assert!(root.join(exists).exists(), "{exists}");
    }
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains("](docs/install.md)"));
}
