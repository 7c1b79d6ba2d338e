//! Which checks of a profile are asked of which service.

use policy::health::{Check, CheckKind, Profile};

use super::subject::Subject;
use crate::service::ServiceKind;

/// The checks of a profile that make sense for a service. A static site is always asked for a page.
pub(super) fn applicable(profile: &Profile, subject: &Subject) -> Vec<CheckKind> {
    if subject.url.is_none() {
        return Vec::new();
    }
    let applicable = profile
        .checks
        .iter()
        .filter(|check| applies(check, subject));
    let mut checks: Vec<CheckKind> = applicable.map(|check| check.kind.clone()).collect();
    let asks_page = checks
        .iter()
        .any(|check| matches!(check, CheckKind::Http(_)));
    if subject.kind == ServiceKind::StaticSite && !asks_page {
        checks.insert(0, CheckKind::Http("/".to_owned()));
    }
    checks
}

/// The paths that these checks ask for, each once; the first one is the reference for figures over time.
pub(super) fn paths(checks: &[CheckKind]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in checks.iter().filter_map(path) {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    if paths.is_empty() && !checks.is_empty() {
        paths.push("/".to_owned());
    }
    paths
}

/// The path a check asks for, if it asks for one.
pub(super) fn path(check: &CheckKind) -> Option<&str> {
    match check {
        CheckKind::Http(path) | CheckKind::Version(path) | CheckKind::Database { path, .. } => {
            Some(path)
        }
        CheckKind::Latency { .. } | CheckKind::ErrorRate { .. } | CheckKind::Baseline { .. } => {
            None
        }
    }
}

fn applies(check: &Check, subject: &Subject) -> bool {
    if let Some(role) = &check.on {
        return *role == subject.role;
    }
    match subject.kind {
        ServiceKind::WebService | ServiceKind::Other(_) => true,
        ServiceKind::StaticSite => suits_static_site(&check.kind),
        // Nobody outside Render can ask these.
        ServiceKind::PrivateService | ServiceKind::BackgroundWorker | ServiceKind::CronJob => false,
    }
}

fn suits_static_site(check: &CheckKind) -> bool {
    match check {
        CheckKind::Http(path) => path != "/api" && !path.starts_with("/api/"),
        CheckKind::Version(_) | CheckKind::Database { .. } => false,
        CheckKind::Latency { .. } | CheckKind::ErrorRate { .. } | CheckKind::Baseline { .. } => {
            true
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use policy::Span;

    use super::*;

    fn profile(checks: &[(CheckKind, Option<&str>)]) -> Profile {
        let check = |(kind, on): &(CheckKind, Option<&str>)| Check {
            kind: kind.clone(),
            on: on.map(Into::into),
        };
        Profile {
            every: Span::from_secs(30),
            pass_after: 1,
            fail_after: 3,
            checks: checks.iter().map(check).collect(),
        }
    }

    fn subject(role: &str, kind: ServiceKind) -> Subject {
        Subject {
            service: "srv-1".into(),
            role: role.into(),
            kind,
            url: Some("https://a.example".to_owned()),
        }
    }

    fn http(path: &str) -> CheckKind {
        CheckKind::Http(path.to_owned())
    }

    fn comprehensive() -> Profile {
        let database = CheckKind::Database {
            path: "/api/health".to_owned(),
            field: "database".to_owned(),
            equals: "connected".to_owned(),
        };
        let latency = CheckKind::Latency {
            max: Span::from_secs(5),
        };
        let version = CheckKind::Version("/api/version".to_owned());
        profile(&[
            (http("/api/health"), None),
            (version, None),
            (database, None),
            (latency, None),
        ])
    }

    #[test]
    fn a_web_service_is_asked_everything() {
        let checks = applicable(
            &comprehensive(),
            &subject("backend", ServiceKind::WebService),
        );
        assert_eq!(checks.len(), 4);
        assert_eq!(paths(&checks), ["/api/health", "/api/version"]);
    }

    #[test]
    fn a_static_site_is_asked_for_a_page_and_in_time() {
        let checks = applicable(
            &comprehensive(),
            &subject("frontend", ServiceKind::StaticSite),
        );
        assert_eq!(
            checks,
            [
                http("/"),
                CheckKind::Latency {
                    max: Span::from_secs(5)
                }
            ]
        );
    }

    #[test]
    fn a_page_of_its_own_replaces_the_default_one() {
        let profile = profile(&[(http("/login"), None), (http("/api/health"), None)]);
        assert_eq!(
            applicable(&profile, &subject("frontend", ServiceKind::StaticSite)),
            [http("/login")]
        );
    }

    #[test]
    fn a_check_with_a_role_is_asked_of_that_role_only() {
        let profile = profile(&[
            (http("/api/x"), Some("frontend")),
            (http("/y"), Some("backend")),
        ]);
        assert_eq!(
            applicable(&profile, &subject("frontend", ServiceKind::StaticSite)),
            [http("/api/x")]
        );
        assert_eq!(
            applicable(&profile, &subject("backend", ServiceKind::WebService)),
            [http("/y")]
        );
    }

    #[test]
    fn what_nobody_can_reach_is_asked_nothing() {
        assert_eq!(
            applicable(
                &comprehensive(),
                &subject("worker", ServiceKind::BackgroundWorker)
            ),
            []
        );
        let nowhere = Subject {
            url: None,
            ..subject("backend", ServiceKind::WebService)
        };
        assert_eq!(applicable(&comprehensive(), &nowhere), []);
    }

    #[test]
    fn figures_alone_are_measured_at_the_root() {
        assert_eq!(
            paths(&[CheckKind::Latency {
                max: Span::from_secs(5)
            }]),
            ["/"]
        );
    }
}
