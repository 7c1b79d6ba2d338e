//! What Render says by itself makes a deploy be read at once, decides nothing, and spares reads while it comes.

use std::time::Duration;

use render::executor::Hints;
use render::{DeployFilter, EventKind, Hint};
use rollout::command::DeployStatus;
use rollout::{DeployId, Outcome};
use sim::api::Op;

use super::bench::{Bench, client, stuck, until};

const LONG: Duration = Duration::from_hours(1);

/// Nobody reads again unless told to.
async fn patient() -> Bench {
    Bench::with(
        |_| {},
        |settings| {
            settings.poll_from = LONG;
            settings.poll_to = LONG;
        },
    )
    .await
}

fn hints(bench: &Bench) -> Hints {
    bench.executor.as_ref().unwrap().hints()
}

fn ended() -> Hint {
    Hint {
        kind: EventKind::DeployEnded,
        event: "evt-1".into(),
        service: "srv-backend".into(),
    }
}

async fn created(bench: &mut Bench) -> DeployId {
    let create = bench.create();
    let Outcome::Created { deploy } = bench.ask(create).await else {
        panic!("201 names a deploy")
    };
    deploy.id
}

/// Follows a deploy until it has been read so often.
async fn followed(bench: &mut Bench, deploy: &DeployId, reads: u64) {
    let before = bench.reads(Op::GetDeploy);
    let follow = bench.follow(deploy, None);
    bench.send(follow);
    until(async || bench.reads(Op::GetDeploy) == before + reads).await;
}

/// Waits until the newest deploy is over, and does not read it as the executor does.
async fn over(bench: &Bench) {
    let client = client(&bench.server.api_url());
    let (service, all) = ("srv-backend".into(), DeployFilter::default());
    until(async || {
        let newest = client.deploys(&service, &all, 1).await.unwrap();
        !newest[0].status.is_unfinished()
    })
    .await;
}

#[tokio::test]
async fn a_deploy_is_read_as_soon_as_render_says_that_it_ended() {
    let mut bench = patient().await;
    let hints = hints(&bench);
    let deploy = created(&mut bench).await;
    followed(&mut bench, &deploy, 1).await;
    over(&bench).await;
    bench.assert_silent().await;
    hints.tell(&ended());
    let Outcome::Ended { deploy: seen } = bench.answer().await.outcome else {
        panic!("it has ended")
    };
    assert_eq!((seen.id, seen.status), (deploy, DeployStatus::Live));
    assert_eq!(bench.reads(Op::GetDeploy), 2);
    assert!(hints.are_arriving());
}

#[tokio::test]
async fn a_hint_is_no_verdict() {
    let mut bench = patient().await;
    bench.arm(stuck());
    let hints = hints(&bench);
    let deploy = created(&mut bench).await;
    followed(&mut bench, &deploy, 1).await;
    hints.tell(&ended());
    until(async || bench.reads(Op::GetDeploy) == 2).await;
    bench.assert_silent().await;
    assert!(!hints.are_arriving());
}

#[tokio::test]
async fn reads_are_spared_while_hints_arrive() {
    let mut bench = Bench::with(
        |_| {},
        |settings| {
            settings.poll_to = LONG;
            settings.poll_hinted = LONG;
        },
    )
    .await;
    let hints = hints(&bench);
    let first = created(&mut bench).await;
    followed(&mut bench, &first, 1).await;
    // Too early, so it is read until the end shows.
    hints.tell(&ended());
    assert!(matches!(
        bench.answer().await.outcome,
        Outcome::Ended { .. }
    ));
    assert!(hints.are_arriving());

    let second = created(&mut bench).await;
    let before = bench.reads(Op::GetDeploy);
    followed(&mut bench, &second, 1).await;
    over(&bench).await;
    bench.assert_silent().await;
    hints.tell(&ended());
    assert!(matches!(
        bench.answer().await.outcome,
        Outcome::Ended { .. }
    ));
    assert_eq!(bench.reads(Op::GetDeploy), before + 2);
}
