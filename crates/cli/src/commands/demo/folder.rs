//! The demo's project folder: its files, and a repository with two tags.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use project::account_name;

use crate::exit::{Exit, Failure};
use crate::output_file;

/// The files by their paths.
const FILES: &[(&str, &str)] = &[
    (
        "tranche.yaml",
        include_str!("../../../templates/demo/tranche.yaml"),
    ),
    (
        "customers.yaml",
        include_str!("../../../templates/demo/customers.yaml"),
    ),
    (
        "policies/demo.yaml",
        include_str!("../../../templates/demo/policies/demo.yaml"),
    ),
    (
        "policies/startup.yaml",
        include_str!("../../../templates/demo/policies/startup.yaml"),
    ),
    (
        "policies/standard.yaml",
        include_str!("../../../templates/demo/policies/standard.yaml"),
    ),
    (
        "policies/enterprise.yaml",
        include_str!("../../../templates/demo/policies/enterprise.yaml"),
    ),
    (".gitignore", ".tranche/\nrepository/\n"),
];

/// The tags of the repository, oldest first.
const TAGS: [&str; 2] = ["v1.0.0", "v1.1.0"];

/// Writes the folder; it must be new or empty.
pub(crate) fn write(dir: &Path, address: SocketAddr) -> Result<(), Failure> {
    output_file::refuse_state(dir)?;
    let taken = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(
            Failure::new(Exit::Refused, format!("{} is not empty", dir.display()))
                .or_type("the same command with the name of a new folder"),
        );
    }
    for (name, text) in FILES {
        let text = text.replace("@ADDRESS@", &address.to_string());
        write_file(&dir.join(name), &text.replace("@ACCOUNT@", &account_name()))?;
    }
    repository(&dir.join("repository"))
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|source| {
        Failure::failed(format!("failed to write {}", path.display())).caused_by(source)
    })?;
    output_file::put(path, text)
}

/// A repository with one empty commit a tag.
fn repository(dir: &Path) -> Result<(), Failure> {
    git(
        dir.parent().unwrap_or(dir),
        &["init", "--quiet", "repository"],
    )?;
    for tag in TAGS {
        git(
            dir,
            &["commit", "--quiet", "--allow-empty", "--message", tag],
        )?;
        git(dir, &["tag", tag])?;
    }
    Ok(())
}

/// Runs git without the settings of whoever sits here.
fn git(dir: &Path, args: &[&str]) -> Result<(), Failure> {
    let run = Command::new("git")
        .args(["-c", "user.name=demo", "-c", "user.email=demo@example.com"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "tag.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output();
    match run {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(Failure::failed(format!(
                "git {} failed: {}",
                args[0],
                complaint.trim()
            )))
        }
        Err(source) if source.kind() == ErrorKind::NotFound => Err(Failure::failed(
            "git is not installed, and versions are tags of a git repository",
        )
        .or_type("tranche demo again, once git is installed")),
        Err(source) => Err(Failure::failed("failed to run git").caused_by(source)),
    }
}
