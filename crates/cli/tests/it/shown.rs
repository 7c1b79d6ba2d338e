//! What documents show in a console: every line of `tranche` runs, in the order in which a reader types it.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::rollouts::KEY;

/// Where the documents let the simulated Render listen.
const SHOWN: &str = "127.0.0.1:7373";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines that a reader types, without what is said beside them.
fn typed(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
    let lines = lines.map(|line| line.split(" #").next().unwrap_or_default().trim());
    // In the repository the command line is run by cargo.
    let lines = lines.map(|line| line.replace("cargo run -- ", "tranche "));
    lines.filter(|line| line.starts_with("tranche ")).collect()
}

/// A reader in a folder, with an address of their own for the simulated Render.
struct Reader {
    folder: PathBuf,
    address: String,
    background: Vec<Child>,
}

impl Reader {
    fn in_folder(folder: PathBuf) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            folder,
            address: free.local_addr().unwrap().to_string(),
            background: Vec::new(),
        }
    }

    /// Types a line and waits until it is done; what goes on by itself is left to go on, or interrupted.
    fn types(&mut self, line: &str) {
        let line = line.replace(SHOWN, &self.address);
        if line.starts_with("tranche render simulate") {
            let mut render = self.shell(&line).stdout(Stdio::piped()).spawn().unwrap();
            says(render.stdout.as_mut().unwrap(), "http://");
            self.background.push(render);
        } else if line == "tranche run" || line == "tranche start v1.1.0" {
            self.interrupts(&line);
        } else {
            let output = self.shell(&line).output().unwrap();
            assert!(output.status.success(), "{line}: {output:?}");
        }
        if let Some((_, folder)) = line.split_once(" && cd ") {
            self.folder = self.folder.join(folder);
            self.listens_elsewhere();
        }
    }

    fn shell(&self, line: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_tranche")).parent().unwrap();
        let path = env::join_paths(
            [binary.to_owned()]
                .into_iter()
                .chain(env::split_paths(&env::var_os("PATH").unwrap())),
        );
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("exec {line}").replace("exec tranche init", "tranche init"),
            ])
            .current_dir(&self.folder)
            .env("PATH", path.unwrap())
            .env(KEY.0, KEY.1);
        command
    }

    /// Ctrl-C, once it drives.
    fn interrupts(&self, line: &str) {
        let mut driven = self.shell(line).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = driven.stdout.take().unwrap();
        says(&mut out, "engine started");
        let interrupted = Command::new("kill")
            .args(["-INT", &driven.id().to_string()])
            .status();
        assert!(interrupted.unwrap().success());
        out.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(driven.wait().unwrap().code(), Some(130), "{line}");
    }

    fn listens_elsewhere(&self) {
        for name in ["tranche.yaml", "customers.yaml"] {
            let path = self.folder.join(name);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace(SHOWN, &self.address)).unwrap();
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for child in &mut self.background {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until this is said.
fn says(out: &mut impl Read, what: &str) {
    let mut said = BufReader::with_capacity(1, out).lines();
    assert!(
        said.any(|line| line.unwrap().contains(what)),
        "it ended without saying `{what}`"
    );
}

#[test]
fn the_rollout_in_five_minutes_goes_as_the_readme_shows() {
    let dir = TempDir::new().unwrap();
    let mut reader = Reader::in_folder(dir.path().to_owned());
    let lines = typed("README.md");
    assert!(lines.len() >= 9, "{lines:?}");
    for line in lines {
        reader.types(&line);
    }
    let page = fs::read_to_string(reader.folder.join("r1.html")).unwrap();
    assert!(page.contains("securewatch v1.1.0"), "{page}");
}

#[test]
fn every_line_that_a_document_shows_runs_where_it_is_shown() {
    for (document, folder) in [
        ("CONTRIBUTING.md", ""),
        ("examples/rules/README.md", ""),
        ("examples/finance/README.md", "examples/finance"),
        ("examples/securewatch/README.md", ""),
        ("docs/reference/scenarios.md", "examples/securewatch"),
    ] {
        let mut reader = Reader::in_folder(root().join(folder));
        let lines = typed(document);
        assert!(!lines.is_empty(), "{document} shows nothing");
        for line in lines {
            reader.types(&line);
        }
    }
}
