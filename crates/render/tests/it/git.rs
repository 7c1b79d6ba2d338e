//! Tags of a real repository, read by the real git.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use policy::plan::Ancestry;
use render::git::{GitError, Repository};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "commit.gpgsign=false",
    ];
    let output = Command::new("git")
        .current_dir(folder)
        .args(identity)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn repository(folder: &Path) -> String {
    git(folder, &["init", "--quiet", "product"]);
    let product = folder.join("product");
    git(
        &product,
        &["commit", "--quiet", "--allow-empty", "-m", "one"],
    );
    git(&product, &["tag", "v1.0.0"]);
    git(
        &product,
        &["commit", "--quiet", "--allow-empty", "-m", "two"],
    );
    git(&product, &["tag", "-a", "v1.1.0", "-m", "annotated"]);
    git(&product, &["tag", "v1.2.0-rc.1"]);
    git(&product, &["rev-parse", "HEAD"])
}

#[tokio::test]
async fn an_annotated_tag_names_the_commit_and_not_itself() {
    let folder = tempfile::tempdir().unwrap();
    let head = repository(folder.path());
    let tags = Repository::new("product")
        .unwrap()
        .within(folder.path())
        .tags()
        .await
        .unwrap();
    assert_eq!(tags.resolve("v1.1.0").unwrap(), head);
    assert_ne!(tags.resolve("v1.0.0").unwrap(), head);
    assert_eq!(tags.latest().unwrap(), ("v1.1.0", head.as_str()));
    let missing = tags.resolve("v1.3.0").unwrap_err();
    assert!(
        matches!(&missing, GitError::NoTag { nearest, .. } if !nearest.is_empty()),
        "{missing}"
    );
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Repository::new("file://ann:hunter2@localhost/nowhere.git").unwrap();
    let error = nowhere.within(folder.path()).tags().await.unwrap_err();
    assert!(matches!(error, GitError::Unreadable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_repository_that_does_not_answer_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/x.git", listener.local_addr().unwrap());
    let silent = Repository::new(url)
        .unwrap()
        .with_time_limit(Duration::from_millis(300));
    let error = silent.tags().await.unwrap_err();
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn the_history_says_which_commit_came_first_near_and_far() {
    let folder = tempfile::tempdir().unwrap();
    let newest = repository(folder.path());
    let product = folder.path().join("product");
    let oldest = git(&product, &["rev-parse", "v1.0.0"]);
    git(&product, &["checkout", "--quiet", "-b", "side", "v1.0.0"]);
    git(
        &product,
        &["commit", "--quiet", "--allow-empty", "-m", "aside"],
    );
    let aside = git(&product, &["rev-parse", "HEAD"]);
    let stranger = "f".repeat(40);
    let others = [newest.clone(), aside.clone(), stranger, "--help".to_owned()];
    let url = format!("file://{}", product.display());
    for place in ["product", url.as_str()] {
        let repository = Repository::new(place).unwrap().within(folder.path());
        let of = async |commit: &str| repository.history(commit, &others).await.unwrap();
        let first = BTreeMap::from([
            (newest.clone(), Ancestry::Ancestor),
            (aside.clone(), Ancestry::Ancestor),
        ]);
        assert_eq!(of(&oldest).await, first, "{place}");
        let parted = BTreeMap::from([
            (newest.clone(), Ancestry::Diverged),
            (aside.clone(), Ancestry::Ancestor),
        ]);
        assert_eq!(of(&aside).await, parted, "{place}");
    }
    let gone = Repository::new("nowhere").unwrap().within(folder.path());
    let error = gone.history(&oldest, &others).await.unwrap_err();
    assert!(matches!(error, GitError::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn the_log_says_what_lies_between_near_and_far() {
    let folder = tempfile::tempdir().unwrap();
    let newest = repository(folder.path());
    let product = folder.path().join("product");
    let oldest = git(&product, &["rev-parse", "v1.0.0"]);
    let all = git(&product, &["rev-list", "--count", "v1.0.0..HEAD"]);
    let all: usize = all.parse().unwrap();
    let url = format!("file://{}", product.display());
    for place in ["product", url.as_str()] {
        let repository = Repository::new(place).unwrap().within(folder.path());
        let log = repository
            .log(&oldest, &newest, 100)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((log.entries.len(), log.taken_back), (all, 0), "{place}");
        assert_eq!(log.entries[0].commit, newest, "{place}");
        assert!(
            !log.entries[0].author.is_empty() && !log.has_more,
            "{place}"
        );
        let back = repository
            .log(&newest, &oldest, 100)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((back.entries.len(), back.taken_back), (0, all), "{place}");
        let none = repository.log(&oldest, &newest, 0).await.unwrap().unwrap();
        assert!(none.entries.is_empty() && none.has_more, "{place}");
        let unknown = repository.log(&"f".repeat(40), &newest, 1).await.unwrap();
        assert_eq!(unknown, None, "{place}");
        assert_eq!(repository.log("--help", &newest, 1).await.unwrap(), None);
    }
}
