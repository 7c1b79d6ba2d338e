//! A project folder of a test, and commands run in it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of its own; gone when dropped.
pub(crate) struct Project {
    dir: TempDir,
}

/// What a command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    /// A folder as `tranche init` makes it.
    pub(crate) fn new() -> Self {
        let project = Self::bare();
        project.tranche(&["init", "."]).succeeds();
        project
    }

    /// An empty folder.
    pub(crate) fn bare() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file of the project anew.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(text)).unwrap();
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Makes a repository beside the files, with one commit a tag.
    pub(crate) fn repository(&self, tags: &[&str]) {
        std::fs::create_dir(self.path().join("repository")).unwrap();
        self.git(&["init", "--quiet"]);
        for tag in tags {
            self.tag(tag);
        }
    }

    /// A commit of its own with this tag.
    pub(crate) fn tag(&self, tag: &str) {
        self.git(&["commit", "--quiet", "--allow-empty", "--message", tag]);
        self.git(&["tag", tag]);
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let output = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(self.path().join("repository"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn tranche(&self, args: &[&str]) -> Said {
        self.tranche_with(args, &[])
    }

    pub(crate) fn tranche_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_tranche"))
            .args(args)
            .current_dir(self.path())
            .env("TZ", "UTC")
            .env("XDG_STATE_HOME", self.path().join(".state"))
            .env_remove("RENDER_API_KEY")
            .env_remove("COLUMNS")
            .envs(env.iter().copied())
            .output()
            .unwrap();
        Said::from(output)
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(
            self.exit, exit,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self
    }
}
