//! A project folder of a test, and who has it opened.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use project::{Caller, Error, Location, Silent};
use tempfile::TempDir;

/// A folder of its own; gone when dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// One customer, whose service answers at that Render.
    pub(crate) fn new(api: &str, site: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(
            "tranche.yaml",
            &format!(
                "product: shop\nrepository: repository\nrender: {{ url: \"{api}\", settle: 1s, poll: {{ from: 50ms, to: 100ms }} }}\nnetwork: {{ allow: [127.0.0.0/8] }}\n"
            ),
        );
        folder.write(
            "customers.yaml",
            &format!("customers:\n  acme:\n    tier: demo\n    services:\n      backend: {{ id: srv-acme, url: \"{site}\" }}\n"),
        );
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        folder.write("policies/demo.yaml", "policy: demo\nbatch: all\n");
        folder
    }

    /// A project whose Render is never asked.
    pub(crate) fn alone() -> Self {
        Self::new("http://127.0.0.1:9/v1", "http://127.0.0.1:9")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Deploys are read so seldom that only a hint leads to a second look.
    pub(crate) fn poll_seldom(&self) {
        self.mend("from: 50ms, to: 100ms", "from: 1h, to: 1h");
    }

    /// The files want Render's webhooks.
    pub(crate) fn want_webhooks(&self) {
        self.mend("settle: 1s", "settle: 1s, webhooks: true");
    }

    fn mend(&self, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path().join("tranche.yaml")).unwrap();
        let mended = text.replace(old, new);
        assert_ne!(text, mended);
        self.write("tranche.yaml", &mended);
    }

    /// A repository with one empty commit a tag.
    pub(crate) fn tag(&self, tags: &[&str]) {
        std::fs::create_dir(self.path().join("repository")).unwrap();
        self.git(&["init", "--quiet"]);
        for tag in tags {
            self.git(&["commit", "--quiet", "--allow-empty", "--message", tag]);
            self.git(&["tag", tag]);
        }
    }

    fn git(&self, args: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
            .args(args)
            .current_dir(self.path().join("repository"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    pub(crate) fn location(&self) -> Location {
        Location {
            dir: Some(self.path().to_owned()),
            db: None,
        }
    }
}

/// Nobody.
pub(crate) fn silent() -> Arc<dyn Caller> {
    Arc::new(Silent)
}

/// Somebody who notes what was said.
#[derive(Debug, Default)]
pub(crate) struct Noting(Mutex<Vec<String>>);

impl Noting {
    pub(crate) fn said(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Caller for Noting {
    fn warn(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn remark(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn failed(&self, doing: &str, error: Error) {
        self.warn(&format!("{doing}: {}", error.message()));
    }
}
