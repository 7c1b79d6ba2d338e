//! Deploys of single services, on a Render in which every deploy goes live at once.

use std::time::Duration;

use engine::service_deploys::{AT_ONCE, DeployError, ServiceDeployer};
use engine::{DeploysOf, Ended};
use policy::{Config, Release};
use rollout::view::EndState;
use rollout::{Actor, CommandKind, ServiceDeploy};

use crate::lab::{Lab, config};
use crate::world::World;

fn services(world: &World, lab: &Lab, config: &Config) -> ServiceDeployer {
    let executor = world.clone();
    let started = ServiceDeployer::start(
        &lab.state,
        config.project.clone(),
        Actor::person("ann"),
        world.options(),
        |_| Box::new(executor),
    );
    started.unwrap()
}

fn service(config: &Config, customer: &str) -> ServiceDeploy {
    let release = Release {
        version: "v1.2.0".to_owned(),
        commit: "2".repeat(40),
    };
    let services = config.fleet.customers[&customer.into()].clone();
    ServiceDeploy::new(
        &config.project,
        customer.into(),
        services,
        "backend".into(),
        release,
    )
}

#[tokio::test]
async fn a_batch_is_deployed_and_told_of_afterwards() {
    let (world, lab, config) = (World::new(), Lab::new(), config());
    let services = services(&world, &lab, &config);
    let batch = vec![service(&config, "acme"), service(&config, "beta")];
    let deployed = services
        .deploy_all(batch, AT_ONCE, "monthly")
        .await
        .unwrap();
    assert_eq!(deployed.outcome, Some(EndState::Done));
    assert_eq!(services.active().await.unwrap(), []);
    let acme = DeploysOf {
        customer: Some("acme".into()),
        ..DeploysOf::default()
    };
    let history = services.history(&acme, 10).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].rollout, deployed.operation);
    let until = history[0].ended_at.unwrap();
    let numbers = services.statistics(24, until + chrono::TimeDelta::seconds(1));
    assert_eq!(numbers.unwrap().total.deploys, 2);
    let ended = services.shut_down(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ended, Ended::Stopped);
}

#[tokio::test]
async fn what_is_under_way_is_active_and_cannot_be_deployed_beside_it() {
    let keep = |kind: &CommandKind| matches!(kind, CommandKind::FollowDeploy { .. });
    let (world, lab, config) = (World::new().keeping(keep), Lab::new(), config());
    let services = services(&world, &lab, &config);
    let first = services.deploy(service(&config, "acme"), "first");
    let second = async {
        loop {
            let active = services.active().await.unwrap();
            if active.iter().any(|one| one.deploy.is_some()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let refused = services.deploy(service(&config, "acme"), "second").await;
        assert!(
            matches!(refused, Err(DeployError::Refused(_))),
            "{refused:?}"
        );
        world.answer_kept();
    };
    let (deployed, ()) = tokio::join!(first, second);
    assert_eq!(deployed.unwrap().outcome, Some(EndState::Done));
}
