//! Paths that the project's files name stay in the project, and what is written never goes over it (P53).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// A project folder within one that is ours too.
fn within(top: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = top.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

const CUSTOMERS: &str = "\
customers:
  acme:
    tier: main
    services: { backend: { id: srv-acme, url: 'https://acme.example' } }
    secrets: { KEY: { file: @ } }
";

/// In `project/`, beside a folder of secrets; `@` stands for the path of the secret.
fn projects(project: &str, path: &str) -> Project {
    let top = Project::bare();
    within(
        top.path(),
        &[
            ("project/tranche.yaml", project),
            ("project/customers.yaml", &CUSTOMERS.replace('@', path)),
            ("project/policies/main.yaml", "policy: main\n"),
            ("project/scenarios/a.yaml", "scenario: a\n"),
            ("secrets/key", "hunter2"),
        ],
    );
    top
}

#[test]
fn secrets_outside_the_folder_need_leave_by_name() {
    let linked = projects("product: p\n", "linked");
    symlink("../secrets/key", linked.path().join("project/linked")).unwrap();
    let plain = projects("product: p\n", "../secrets/key");
    let absolute = plain.path().join("secrets/key").display().to_string();
    let absolute = projects("product: p\n", &absolute);
    for top in [&linked, &plain, &absolute] {
        let said = top.tranche(&["-C", "project", "validate"]).exits(2);
        assert!(said.err.contains("files: allow"), "{}", said.err);
        assert!(said.err.contains("customers.yaml:5"), "{}", said.err);
    }
    for top in [&linked, &plain] {
        let project = "product: p\nfiles: { allow: [../secrets] }\n";
        fs::write(top.path().join("project/tranche.yaml"), project).unwrap();
        top.tranche(&["-C", "project", "validate"]).succeeds();
    }
}

#[test]
fn the_machine_itself_is_no_file() {
    for path in ["/proc/self/environ", "/dev/zero"] {
        let top = projects("product: p\nfiles: { allow: [/] }\n", path);
        let said = top.tranche(&["-C", "project", "validate"]).exits(2);
        assert!(said.err.contains("is ever read"), "{}", said.err);
    }
    let top = projects("product: p\nfiles: { allow: [/proc/1] }\n", "key");
    let said = top.tranche(&["-C", "project", "validate"]).exits(2);
    assert!(said.err.contains("tranche.yaml:2"), "{}", said.err);
}

#[test]
fn every_path_of_every_file_is_looked_at() {
    let notify = "notify: [{ when: paused, to: { slack: '${file:../secrets/key}' } }]";
    let signed = "notify: [{ when: paused, to: { webhook: 'https://x.example' }, secret: '${file:../secrets/key}' }]";
    let trusted = "mail: { host: mail.example, from: a@b.example, ca_file: ../secrets/key }";
    let mailed = "mail: { host: mail.example, from: a@b.example, user: a, password: '${file:../secrets/key}' }";
    let shown = "server: { tls: { cert: ../secrets/key, key: key.pem } }";
    let kept = "server: { tls: { cert: cert.pem, key: ../secrets/key } }";
    let signed_in = "server: { sign_in: { issuer: 'https://id.example', client_id: a, client_secret: '${file:../secrets/key}' } }";
    for line in [notify, signed, trusted, mailed, shown, kept, signed_in] {
        let top = projects(&format!("product: p\n{line}\n"), "key");
        let said = top.tranche(&["-C", "project", "validate"]).exits(2);
        assert!(said.err.contains("tranche.yaml:2"), "{line}: {}", said.err);
        assert!(said.err.contains("files: allow"), "{line}: {}", said.err);
    }
}

#[test]
fn policies_and_customers_lie_in_the_folder_too() {
    for line in ["policies: ../other/", "customers: ../other/customers.yaml"] {
        let top = projects(&format!("product: p\n{line}\n"), "key");
        let customers = CUSTOMERS.replace('@', "key");
        within(
            top.path(),
            &[
                ("other/customers.yaml", &customers),
                ("policies/main.yaml", "policy: main\n"),
            ],
        );
        let said = top.tranche(&["-C", "project", "validate"]).exits(2);
        assert!(said.err.contains("files: allow"), "{line}: {}", said.err);
    }
    let allowed = "product: p\ncustomers: ../other/customers.yaml\nfiles: { allow: [../other] }\n";
    let top = projects(allowed, "key");
    let customers = CUSTOMERS.replace('@', "key");
    within(top.path(), &[("other/customers.yaml", &customers)]);
    top.tranche(&["-C", "project", "validate"]).succeeds();
}

#[test]
fn a_pipe_is_not_waited_for() {
    let top = projects("product: p\n", "key");
    for (name, command) in [
        ("project/policies/pipe.yaml", "validate"),
        ("project/templates/paused.txt", "validate"),
        ("project/scenarios/pipe.yaml", "test"),
    ] {
        let pipe = top.path().join(name);
        fs::create_dir_all(pipe.parent().unwrap()).unwrap();
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let said = top.tranche(&["-C", "project", command]).exits(2);
        assert!(said.err.contains("no regular file"), "{name}: {}", said.err);
        fs::remove_file(pipe).unwrap();
    }
}

#[test]
fn reports_go_over_nothing_of_the_project() {
    let top = projects("product: p\n", "key");
    within(top.path(), &[("project/.tranche/tranche.db", "")]);
    let refused = [
        "project/.tranche/tranche.db",
        "project/.tranche/new.csv",
        "project/tranche.yaml",
        "project/customers.yaml",
        "project/policies/new.md",
        "project/scenarios/a.yaml",
        "project/policies/../tranche.yaml",
        "linked",
    ];
    symlink("project/tranche.yaml", top.path().join("linked")).unwrap();
    fs::write(top.path().join("journal"), journal()).unwrap();
    let report = |to: &str| top.tranche(&["report", "--journal", "journal", "--to", to]);
    for to in refused {
        let before = fs::read(top.path().join(to)).ok();
        let said = report(to).exits(3);
        assert!(said.err.contains("is not written"), "{to}: {}", said.err);
        assert_eq!(fs::read(top.path().join(to)).ok(), before, "{to}");
    }
    let said = report("/dev/null").exits(1);
    assert!(said.err.contains("no regular file"), "{}", said.err);
    for _ in 0..2 {
        report("project/report.csv").succeeds();
    }
}

/// The events of a rollout that a simulation has made.
fn journal() -> String {
    let story = Story::new(&[]);
    let project = &story.project;
    let start = ["start", "v1.1.0", "--customers", "acme"];
    project.tranche_with(&start, &[KEY]).succeeds();
    project.tranche(&["events", "-o", "json"]).succeeds().out
}

#[test]
fn a_rollout_that_was_begun_with_a_path_goes_on_with_an_alarm() {
    let story = Story::new(&[]);
    let project = &story.project;
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), "hunter2").unwrap();
    let path = key.path().display().to_string();
    // Begun while it was allowed, and left alone before anybody drove it.
    project.edit("tranche.yaml", |text| {
        format!("{text}\nfiles: {{ allow: ['{path}'] }}\nnotify: [{{ when: paused, to: {{ slack: '${{file:{path}}}' }} }}]\n")
    });
    let start = ["start", "v1.1.0", "--customers", "acme", "--detach"];
    project.tranche_with(&start, &[KEY]).succeeds();
    project.edit("tranche.yaml", |text| {
        text.replace(&format!("files: {{ allow: ['{path}'] }}\n"), "")
    });
    let said = project.tranche(&["validate"]).exits(2);
    assert!(said.err.contains("files: allow"), "{}", said.err);
    let said = project
        .tranche_with(&["start", "v1.1.0", "--customers", "bolt"], &[KEY])
        .exits(2);
    assert!(said.err.contains("files: allow"), "{}", said.err);
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
    let events = project.tranche(&["events", "-o", "json"]).succeeds().out;
    let alarm = events
        .lines()
        .find(|line| line.contains("\"files_read\"") && line.contains("outside"));
    assert!(alarm.is_some(), "{events}");
    // Nothing is open any more, so there is nothing to go on with.
    project.tranche(&["validate"]).exits(2);
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .exits(2);
}
