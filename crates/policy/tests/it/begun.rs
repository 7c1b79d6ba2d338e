//! What keeps a rollout from beginning does not always keep one from going on.

use policy::Sources;
use policy::parse::{Diagnostic, MISNAMED, Severity, load, load_running};

use crate::support::{file, sources};

/// Codes and severities of what is found, for what begins and for what has begun.
fn found(files: &Sources) -> [Vec<(String, Severity)>; 2] {
    [load(files), load_running(files)].map(|loaded| {
        let found = loaded.map_or_else(|found| found, |config| config.warnings);
        found
            .into_iter()
            .map(|one| (one.code, one.severity))
            .collect()
    })
}

#[test]
fn what_has_begun_goes_on_where_nothing_may_begin() {
    let lone = "customers: { a: { tier: gold, services: { backend: { id: srv-a, url: https://a.example } } } }";
    let files = Sources {
        customers: file("customers.yaml", lone),
        ..sources()
    };
    let both = |code: &str| {
        [Severity::Error, Severity::Warning].map(|severity| vec![(code.to_owned(), severity)])
    };
    assert_eq!(found(&files), both("uncovered"));
    // A policy that is not read may cover anybody, and may be what another comes after.
    let misnamed = Diagnostic {
        severity: Severity::Error,
        code: MISNAMED.to_owned(),
        file: "policies/gold.YAML".to_owned(),
        line: 1,
        column: 1,
        length: 1,
        source_line: String::new(),
        message: "not read".to_owned(),
        help: None,
    };
    let mut files = Sources {
        policies: vec![file("policies/demo.yaml", "policy: demo\nafter: gold\n")],
        unread: vec![misnamed.clone()],
        ..files
    };
    assert_eq!(found(&files)[0], both(MISNAMED)[0]);
    files.policies = sources().policies;
    assert_eq!(found(&files), both(MISNAMED));
    // A file that is there and cannot be read is a mistake for both.
    let unread = |path: &str| Diagnostic {
        code: "unreadable".to_owned(),
        file: path.to_owned(),
        ..misnamed.clone()
    };
    for path in ["tranche.yaml", "customers.yaml", "policies/demo.yaml"] {
        let files = Sources {
            unread: vec![unread(path)],
            ..sources()
        };
        let error = vec![("unreadable".to_owned(), Severity::Error)];
        assert_eq!(found(&files), [error.clone(), error], "{path}");
    }
}
