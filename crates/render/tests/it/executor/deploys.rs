//! Deploys and rollbacks: asked for once, followed, listed, cancelled.

use chrono::{TimeDelta, Utc};
use rollout::command::DeployStatus;
use rollout::{CommandKind, DeployId, Outcome};
use sim::api::Op;
use sim::fault::Trouble;

use super::bench::{Bench, NEW, OLD, stuck};

async fn created(bench: &mut Bench) -> DeployId {
    let create = bench.create();
    let outcome = bench.ask(create).await;
    let Outcome::Created { deploy } = outcome else {
        panic!("{outcome:?}")
    };
    deploy.id
}

#[tokio::test]
async fn a_release_is_deployed_followed_listed_and_rolled_back() {
    let mut bench = Bench::new().await;
    let before = bench.inspect().await.deploys.remove(0);
    let deploy = bench.deployed().await;
    assert_eq!(deploy.status, DeployStatus::Live);
    assert_eq!(
        (deploy.trigger.as_str(), deploy.commit.as_deref()),
        ("api", Some(NEW))
    );

    let back = CommandKind::CreateRollback {
        service: bench.target(),
        deploy: before.id.clone(),
        attempt: 1,
    };
    let Outcome::Created { deploy: back } = bench.ask(back).await else {
        panic!("201 names a deploy")
    };
    let follow = bench.follow(&back.id, None);
    let Outcome::Ended { deploy: back } = bench.ask(follow).await else {
        panic!("it ends")
    };
    assert_eq!(
        (back.trigger.as_str(), back.commit.as_deref()),
        ("rollback", Some(OLD))
    );

    let list = |known: Vec<DeployId>| CommandKind::ListDeploys {
        service: bench.target(),
        known,
    };
    let (newest, all) = (list(Vec::new()), list(vec![before.id.clone()]));
    let Outcome::Listed { deploys } = bench.ask(all).await else {
        panic!("it is listed")
    };
    let ids: Vec<_> = deploys.iter().map(|deploy| &deploy.id).collect();
    assert_eq!(ids, [&back.id, &deploy.id, &before.id]);
    let Outcome::Listed { deploys } = bench.ask(newest).await else {
        panic!("it is listed")
    };
    assert_eq!(deploys[0].id, back.id);
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_never_sent_again() {
    for trouble in [
        Trouble::Lost,
        Trouble::Status {
            status: 500,
            effect: true,
        },
        Trouble::Malformed,
    ] {
        let mut bench = Bench::new().await;
        bench.trouble(Op::TriggerDeploy, trouble.clone());
        let create = bench.create();
        let outcome = bench.ask(create).await;
        assert!(
            matches!(outcome, Outcome::Unknown { .. }),
            "{trouble:?}: {outcome:?}"
        );
        assert_eq!(bench.changes(Op::TriggerDeploy), 1);
    }
}

#[tokio::test]
async fn an_accepted_deploy_is_not_named() {
    let mut bench = Bench::new().await;
    bench.trouble(Op::TriggerDeploy, Trouble::AcceptedWithoutBody);
    let create = bench.create();
    assert_eq!(bench.ask(create).await, Outcome::Accepted);
}

#[tokio::test]
async fn a_definite_no_is_a_refusal() {
    let mut bench = Bench::new().await;
    let back = CommandKind::CreateRollback {
        service: bench.target(),
        deploy: "dep-unknown".into(),
        attempt: 1,
    };
    let outcome = bench.ask(back).await;
    assert!(
        matches!(
            outcome,
            Outcome::Refused {
                status: 400 | 404,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let mut bench = Bench::new().await;
    bench.trouble(Op::TriggerDeploy, Trouble::RateLimited { retry_after: 1 });
    created(&mut bench).await;
    let platform = bench.platform.lock().unwrap();
    let statuses: Vec<u16> = platform
        .requests()
        .changes()
        .iter()
        .map(|r| r.status)
        .collect();
    assert_eq!(statuses, [429, 201]);
}

#[tokio::test]
async fn a_deploy_that_never_ends_is_unfinished_at_its_time_limit_and_not_before() {
    let mut bench = Bench::new().await;
    bench.arm(stuck());
    let deploy = created(&mut bench).await;
    let until = Utc::now() + TimeDelta::milliseconds(300);
    let quiet = CommandKind::AwaitQuiet {
        service: bench.target(),
        deploy: deploy.clone(),
        until: Some(until),
    };
    let Outcome::Unfinished { deploy: seen } = bench.ask(quiet).await else {
        panic!("it never ends")
    };
    assert!(Utc::now() >= until);
    assert_eq!((seen.id, seen.status), (deploy, DeployStatus::Unfinished));
}

#[tokio::test]
async fn a_running_deploy_is_cancelled_and_a_finished_one_is_not() {
    let mut bench = Bench::new().await;
    bench.arm(stuck());
    let deploy = created(&mut bench).await;
    let cancel = CommandKind::CancelDeploy {
        service: bench.target(),
        deploy: deploy.clone(),
    };
    assert_eq!(bench.ask(cancel.clone()).await, Outcome::CancelSent);
    let follow = bench.follow(&deploy, None);
    let Outcome::Ended { deploy } = bench.ask(follow).await else {
        panic!("it was cancelled")
    };
    assert_eq!(deploy.status, DeployStatus::Canceled);
    let late = bench.ask(cancel).await;
    assert!(
        matches!(late, Outcome::Refused { status: 400, .. }),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_deploy_that_is_gone_cannot_be_followed() {
    let mut bench = Bench::new().await;
    let follow = bench.follow(&"dep-unknown".into(), None);
    let outcome = bench.ask(follow).await;
    assert!(
        matches!(&outcome, Outcome::Failed { reason } if reason.contains("404")),
        "{outcome:?}"
    );
}
