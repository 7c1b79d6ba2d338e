//! Verdicts: cycles in a row, controls, and who replaced what.

use policy::health::CheckKind;
use rollout::command::DeployView;
use rollout::health::CycleResult;
use rollout::{CommandKind, Outcome};
use sim::fault::{Fault, FaultKind, ForeignDeploy, HealthFault, Onset, OutageScope, Symptom};
use sim::platform::Trigger;

use super::bench::{Bench, NEW, profile, profile_of};

fn verify(bench: &Bench, deploy: &DeployView, version: &str) -> CommandKind {
    CommandKind::Verify {
        probed: bench.probed(deploy, version),
        profile: profile(),
    }
}

fn watch(bench: &Bench, deploy: &DeployView) -> CommandKind {
    CommandKind::Watch {
        probed: vec![bench.probed(deploy, "v1.1.0")],
        profile: profile(),
    }
}

/// From now on the release fails.
fn sicken(bench: &Bench) {
    let now = bench.platform.lock().unwrap().now();
    bench.arm(Fault::everywhere(FaultKind::Health(HealthFault {
        symptom: Symptom::Failing,
        commit: Some(NEW.into()),
        from: Onset::At(now),
        until: None,
    })));
}

/// Somebody else deploys.
fn interfere(bench: &Bench) {
    let at = bench.platform.lock().unwrap().now();
    let foreign = ForeignDeploy {
        at,
        commit: "3333333333333333333333333333333333333333".into(),
        trigger: Trigger::Manual,
        live_after: None,
    };
    let kind = FaultKind::ForeignDeploy(foreign);
    bench.arm(Fault::of(&"srv-backend".into(), kind));
}

#[tokio::test]
async fn a_healthy_release_passes_with_the_cycles_that_decided() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let verify = verify(&bench, &deploy, "v1.1.0");
    let Outcome::Judged { role, verdict } = bench.ask(verify).await else {
        panic!("a verdict")
    };
    assert_eq!(role, "backend".into());
    assert!(verdict.healthy && verdict.cycles.len() == 2, "{verdict:?}");
    assert!(
        verdict
            .cycles
            .iter()
            .all(|cycle| cycle.result == CycleResult::Passed)
    );
}

#[tokio::test]
async fn the_wrong_version_fails_three_times_in_a_row() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let verify = verify(&bench, &deploy, "v1.2.0");
    let Outcome::Judged { verdict, .. } = bench.ask(verify).await else {
        panic!("a verdict")
    };
    assert!(!verdict.healthy && verdict.cycles.len() == 3, "{verdict:?}");
}

#[tokio::test]
async fn our_own_lost_network_is_no_verdict() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    bench.cut(OutageScope::Everything);
    let verify = verify(&bench, &deploy, "v1.1.0");
    bench.send(verify);
    bench.assert_silent().await;
    bench.disarm();
    let Outcome::Judged { verdict, .. } = bench.answer().await.outcome else {
        panic!("a verdict")
    };
    assert!(verdict.healthy);
}

#[tokio::test]
async fn a_deploy_that_is_no_longer_live_is_not_healthy() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let newer = bench.deployed().await;
    let verify = verify(&bench, &deploy, "v1.1.0");
    let Outcome::Replaced { by: Some(by), .. } = bench.ask(verify).await else {
        panic!("it was replaced")
    };
    assert_eq!(by.id, newer.id);
}

#[tokio::test]
async fn what_cannot_be_asked_is_healthy_once_live_and_what_says_nothing_needs_a_person() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let mut nothing = profile();
    nothing.checks[0].on = Some("frontend".into());
    let of = |profile| CommandKind::Verify {
        probed: bench.probed(&deploy, "v1.1.0"),
        profile,
    };
    let (nothing, mute) = (
        of(nothing),
        of(profile_of(CheckKind::Baseline { p95_ratio: 2.0 })),
    );
    let Outcome::Judged { verdict, .. } = bench.ask(nothing).await else {
        panic!("a verdict")
    };
    assert!(verdict.healthy && verdict.cycles.is_empty());
    let outcome = bench.ask(mute).await;
    assert!(
        matches!(&outcome, Outcome::Failed { reason } if reason.contains("baseline")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_watch_is_silent_until_the_release_turns_unhealthy() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let watch = watch(&bench, &deploy);
    bench.send(watch);
    bench.assert_silent().await;
    sicken(&bench);
    let Outcome::Judged { verdict, .. } = bench.answer().await.outcome else {
        panic!("a verdict")
    };
    assert!(!verdict.healthy);
}

#[tokio::test]
async fn a_watch_notices_who_replaced_its_deploy() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let watch = watch(&bench, &deploy);
    bench.send(watch);
    interfere(&bench);
    let Outcome::Replaced { by: Some(by), .. } = bench.answer().await.outcome else {
        panic!("it was replaced")
    };
    assert_eq!(by.trigger, "manual");
}

#[tokio::test]
async fn a_confirmation_ends_with_one_passing_cycle_or_with_what_is_wrong() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    bench.cut(OutageScope::Sites);
    let confirm = CommandKind::Confirm {
        probed: vec![bench.probed(&deploy, "v1.1.0"); 2],
        profile: profile(),
    };
    bench.send(confirm.clone());
    let Outcome::Judged { verdict, .. } = bench.answer().await.outcome else {
        panic!("a verdict")
    };
    assert!(!verdict.healthy);

    bench.disarm();
    bench.send(confirm);
    let Outcome::Judged { verdict, .. } = bench.answer().await.outcome else {
        panic!("a verdict")
    };
    assert!(verdict.healthy && verdict.cycles.len() == 2);
}
