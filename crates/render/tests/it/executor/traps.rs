//! Traps of Render's API that no other test meets by name, each with what is done about it.

use rollout::{CommandKind, Outcome};
use serde_json::json;
use sim::platform::ServiceKind;

use super::bench::{Bench, NEW, client};

#[tokio::test]
async fn t10_every_deploy_names_its_commit_though_another_is_the_head_of_the_branch() {
    let mut bench = Bench::new().await;
    {
        let mut platform = bench.platform.lock().unwrap();
        let now = platform.now();
        let pushed = "3333333333333333333333333333333333333333".into();
        platform.push(now, &"srv-backend".into(), &pushed).unwrap();
    }
    let deploy = bench.deployed().await;
    assert_eq!(deploy.commit.as_deref(), Some(NEW));
}

#[tokio::test]
async fn t11_a_static_site_is_built_anew_so_that_its_variables_are_in_it() {
    let mut bench = Bench::with(
        |seed| {
            seed.kind = ServiceKind::StaticSite;
            let old = ("VITE_VERSION_TAG".to_owned(), "v1.0.0".to_owned());
            seed.variables.extend([old]);
        },
        |_| {},
    )
    .await;
    let site = "srv-backend".into();
    let (somebody, new) = (client(&bench.server.api_url()), "v1.1.0".into());
    let set = somebody.set_variable(&site, "VITE_VERSION_TAG", &new);
    set.await.unwrap();
    bench.deployed().await;
    let platform = bench.platform.lock().unwrap();
    let live = platform.service(&site).unwrap().live_deploy().unwrap();
    assert_eq!(live.variables.0["VITE_VERSION_TAG"], "v1.1.0");
}

#[tokio::test]
async fn t17_a_service_on_the_free_plan_is_named_as_one_that_sleeps() {
    let free = |seed: &mut sim::platform::ServiceSeed| {
        seed.details.insert("plan".to_owned(), json!("free"));
    };
    let mut bench = Bench::with(free, |_| {}).await;
    let warnings = bench.inspect().await.warnings;
    assert!(
        warnings.iter().any(|one| one.contains("on the free plan")),
        "{warnings:?}"
    );
    let paid = Bench::new().await.inspect().await.warnings;
    assert!(!paid.iter().any(|one| one.contains("free")), "{paid:?}");
}

#[tokio::test]
async fn t20_changes_and_deploys_of_a_service_are_counted_together() {
    let mut bench = Bench::new().await;
    // Two of four are kept for rollbacks.
    bench.platform.lock().unwrap().settings_mut().limits.service = 4;
    let off = CommandKind::SetAutoDeploy {
        service: bench.target(),
        on: false,
        trigger: None,
    };
    assert_eq!(bench.ask(off.clone()).await, Outcome::AutoDeploySet);
    let create = bench.create();
    let created = bench.ask(create).await;
    assert!(matches!(created, Outcome::Created { .. }), "{created:?}");
    bench.send(off);
    bench.assert_silent().await;
    let platform = bench.platform.lock().unwrap();
    assert_eq!(platform.requests().changes().len(), 2);
}

#[tokio::test]
async fn t29_a_service_in_maintenance_is_refused_for_that_and_not_called_unhealthy() {
    let maintained = |seed: &mut sim::platform::ServiceSeed| {
        let mode = json!({ "enabled": true, "uri": "" });
        seed.details.insert("maintenanceMode".to_owned(), mode);
    };
    let mut bench = Bench::with(maintained, |_| {}).await;
    let refusals = bench.inspect().await.refusals;
    assert_eq!(
        refusals,
        ["it is in maintenance mode, so its health cannot be seen"]
    );
}
