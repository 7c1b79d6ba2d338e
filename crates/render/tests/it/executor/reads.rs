//! Preflight, inspection, and the switch of auto-deploy.

use std::collections::BTreeMap;

use policy::health::Profile;
use policy::settings::ZeroDowntime;
use rollout::command::{ServiceView, Target};
use rollout::{CommandKind, Outcome};

use super::bench::Bench;

fn preflight(bench: &Bench, template: &str) -> CommandKind {
    let variables = BTreeMap::from([("KEY".to_owned(), template.to_owned())]);
    CommandKind::Preflight {
        services: vec![bench.target()],
        variables: BTreeMap::from([("backend".into(), variables)]),
        urls: BTreeMap::new(),
        baseline: Some(Box::new(Profile::comprehensive())),
    }
}

async fn seen(bench: &mut Bench) -> ServiceView {
    let preflight = preflight(bench, "${version}");
    let outcome = bench.ask(preflight).await;
    let Outcome::Inspected { mut views } = outcome else {
        panic!("{outcome:?}")
    };
    views.remove(0)
}

#[tokio::test]
async fn a_preflight_says_what_runs_how_fast_and_what_is_risky() {
    let mut bench = Bench::with(|seed| seed.auto_deploy = true, |_| {}).await;
    let view = seen(&mut bench).await;
    assert_eq!(view.version.as_deref(), Some("v1.0.0"));
    assert!(view.auto_deploy && !view.suspended && view.p95_ms.is_some());
    assert!(view.live().is_some() && view.unfinished().is_none());
    assert_eq!(view.refusals, Vec::<String>::new());
    assert!(
        view.warnings
            .contains(&"it has one instance only".to_owned()),
        "{view:?}"
    );
}

#[tokio::test]
async fn risks_are_refused_where_the_project_says_so() {
    let strict = |settings: &mut render::ExecutorSettings| {
        settings.zero_downtime = ZeroDowntime::Require;
    };
    let mut bench = Bench::with(|_| {}, strict).await;
    let view = seen(&mut bench).await;
    assert!(!view.warnings.is_empty());
    assert_eq!(view.refusals, view.warnings);
}

#[tokio::test]
async fn a_service_of_another_workspace_is_refused() {
    let owner = |settings: &mut render::ExecutorSettings| settings.owner = Some("tea-ours".into());
    let mut bench = Bench::with(|_| {}, owner).await;
    let view = seen(&mut bench).await;
    assert!(view.refusals[0].contains("not to tea-ours"), "{view:?}");
}

#[tokio::test]
async fn a_suspended_service_is_named_as_such() {
    let mut bench = Bench::with(|seed| seed.suspended = true, |_| {}).await;
    assert!(bench.inspect().await.suspended);
}

#[tokio::test]
async fn a_secret_that_does_not_resolve_is_named_before_anything_is_read() {
    let mut bench = Bench::new().await;
    let asked = preflight(&bench, "${secret:JWT}");
    let missing = Outcome::SecretMissing {
        name: "JWT".to_owned(),
    };
    assert_eq!(bench.ask(asked.clone()).await, missing);
    let secret = ("JWT".to_owned(), "hush".to_owned());
    bench.shelf.secrets.lock().unwrap().extend([secret]);
    assert!(matches!(bench.ask(asked).await, Outcome::Inspected { .. }));
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_gone() {
    let mut bench = Bench::new().await;
    let service = Target {
        id: "srv-missing".into(),
        ..bench.target()
    };
    let outcome = bench.ask(CommandKind::Inspect { service }).await;
    assert!(
        matches!(&outcome, Outcome::Gone { reason, .. } if reason.contains("srv-missing")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn auto_deploy_is_switched_off_and_on() {
    let mut bench = Bench::with(|seed| seed.auto_deploy = true, |_| {}).await;
    for on in [false, true] {
        let service = bench.target();
        let switch = CommandKind::SetAutoDeploy {
            service,
            on,
            trigger: None,
        };
        let switched = bench.ask(switch).await;
        assert_eq!(switched, Outcome::AutoDeploySet);
        assert_eq!(bench.inspect().await.auto_deploy, on);
    }
}

#[tokio::test]
async fn auto_deploy_is_restored_upon_what_it_was_on_before() {
    let mut bench = Bench::with(|seed| seed.auto_deploy = true, |_| {}).await;
    let checks = Some("checksPass".to_owned());
    for (on, trigger) in [
        (true, checks.clone()),
        (false, None),
        (true, checks.clone()),
    ] {
        let service = bench.target();
        let switch = CommandKind::SetAutoDeploy {
            service,
            on,
            trigger: trigger.clone(),
        };
        assert_eq!(bench.ask(switch).await, Outcome::AutoDeploySet);
        if on {
            assert_eq!(bench.inspect().await.auto_deploy_trigger, checks);
        }
    }
}
