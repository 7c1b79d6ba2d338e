//! What lies between what runs and what is to run, from a repository.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use policy::{CustomerId, PlanInput, PlanScope, Release, Role};
use project::Silent;
use rollout::command::{DeployStatus, DeployView, ServiceView};
use rollout::request::{Conflict, Start};
use rollout::{DeployId, Verb};

use super::lab::{Files, HOSTILE, Site};

fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args);
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "Grace <b>Hopper</b>"),
        ("GIT_AUTHOR_EMAIL", "grace@example.com"),
        ("GIT_COMMITTER_NAME", "Grace"),
        ("GIT_COMMITTER_EMAIL", "grace@example.com"),
    ] {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, subject: &str) -> String {
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "-m", subject],
    );
    git(folder, &["rev-parse", "HEAD"])
}

fn live(commit: &str) -> ServiceView {
    ServiceView {
        role: Role::new("backend"),
        suspended: false,
        auto_deploy: false,
        auto_deploy_trigger: None,
        image: None,
        deploys: vec![DeployView {
            id: DeployId::from("dep-1"),
            status: DeployStatus::Live,
            trigger: "api".to_owned(),
            commit: Some(commit.to_owned()),
            digest: None,
        }],
        version: Some("v1.0.0".to_owned()),
        p95_ms: None,
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

#[tokio::test]
async fn an_approver_sees_the_commits_between() {
    let mut files = Files::tiers();
    files.scenario.clear();
    files.project = files
        .project
        .replace("https://github.com/acme/shop.git", "repository");
    let site = Site::of(&files);
    let repository = site.folder.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "--quiet"]);
    let before = commit(&repository, "first");
    commit(&repository, "invoices: round half up");
    let after = commit(&repository, HOSTILE);

    let location = project::Location {
        dir: Some(site.folder.path().to_owned()),
        db: None,
    };
    let config = location.folder().unwrap().load_running(&Silent).unwrap();
    let views = BTreeMap::from([(Role::new("backend"), live(&before))]);
    let observed = BTreeMap::from([(CustomerId::new("enterprise-1"), views)]);
    let release = Release {
        version: "v1.1.0".to_owned(),
        commit: after.clone(),
    };
    let start = Start {
        input: PlanInput::of(&config, release, PlanScope::default()),
        observed,
        conflict: Conflict::Refuse,
        clear_cache: false,
        deploy_timeout: None,
        reviewed: None,
    };
    site.meanwhile("ann", Verb::Start(Box::new(start))).await;

    let page = site.page("carol", "/approvals/r1/enterprise-1").await;
    assert!(page.contains("<h3>Since v1.0.0</h3>"), "{page}");
    assert!(page.contains("invoices: round half up"), "{page}");
    assert!(
        page.contains(&after[..12]) && !page.contains("first"),
        "{page}"
    );
    assert!(
        page.contains("Grace") && !page.contains("<b>Hopper"),
        "{page}"
    );
    assert!(!page.contains("<script>"), "{page}");
}
