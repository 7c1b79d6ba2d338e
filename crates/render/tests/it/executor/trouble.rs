//! What concerns the whole workspace, and commands that are no longer wanted.

use rollout::{CommandKind, Notice, Outcome};
use sim::api::Op;
use sim::fault::{Fault, FaultKind, OutageScope, Trouble};

use super::bench::{Bench, stuck, until};

const NEW_KEY: &str = "rnd_rotated";

/// The key was rotated at Render; the engine's file still has the old one.
fn rotate(bench: &Bench) {
    let mut platform = bench.platform.lock().unwrap();
    platform.settings_mut().api_keys = vec![NEW_KEY.to_owned()];
}

async fn held(bench: &mut Bench) -> String {
    let notice = bench.notice().await;
    let Notice::WorkspaceHeld { reason } = notice else {
        panic!("{notice:?}")
    };
    reason
}

#[tokio::test]
async fn a_workspace_that_answers_is_released_at_the_start() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    assert!(bench.knows_the_time());
}

#[tokio::test]
async fn a_refused_key_holds_everything_until_another_is_accepted() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    rotate(&bench);
    let (create, service) = (bench.create(), bench.target());
    bench.send(create);
    bench.send(CommandKind::Inspect { service });
    let reason = held(&mut bench).await;
    assert!(
        reason.contains("the API key is refused") && !reason.contains("rnd_"),
        "{reason}"
    );
    bench.assert_silent().await;

    NEW_KEY.clone_into(&mut bench.shelf.key.lock().unwrap());
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let outcomes = [bench.answer().await.outcome, bench.answer().await.outcome];
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Created { .. }))
    );
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Inspected { .. }))
    );
}

#[tokio::test]
async fn reads_go_on_after_an_outage_which_is_told_once() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    bench.cut(OutageScope::Api);
    for _ in 0..3 {
        let service = bench.target();
        bench.send(CommandKind::Inspect { service });
    }
    let reason = held(&mut bench).await;
    assert!(reason.starts_with("Render cannot be reached"), "{reason}");
    bench.disarm();
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    for _ in 0..3 {
        let outcome = bench.answer().await.outcome;
        assert!(matches!(outcome, Outcome::Inspected { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn one_path_in_trouble_is_its_commands_alone() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let (op, trouble) = (
        Some(Op::ListDeploys),
        Trouble::Status {
            status: 503,
            effect: false,
        },
    );
    bench.arm(Fault::everywhere(FaultKind::Request { op, trouble }));
    let service = bench.target();
    let outcome = bench.ask(CommandKind::Inspect { service }).await;
    assert!(matches!(outcome, Outcome::Trouble { .. }), "{outcome:?}");
    bench.disarm();
    bench.inspect().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let mut bench = Bench::new().await;
    let create = bench.create();
    bench.server.stopper().cancel();
    until(async || !bench.is_up().await).await;
    let outcome = bench.ask(create).await;
    assert!(matches!(outcome, Outcome::NotSent { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_stopped_read_is_not_answered() {
    let mut bench = Bench::new().await;
    bench.arm(stuck());
    let create = bench.create();
    let Outcome::Created { deploy } = bench.ask(create).await else {
        panic!("201 names a deploy")
    };
    let follow = bench.follow(&deploy.id, None);
    let command = bench.send(follow);
    until(async || bench.reads(Op::GetDeploy) > 0).await;
    bench.send(CommandKind::Stop { command });
    let cancel = CommandKind::CancelDeploy {
        service: bench.target(),
        deploy: deploy.id,
    };
    assert_eq!(bench.ask(cancel).await, Outcome::CancelSent);
    bench.assert_silent().await;
}

#[tokio::test]
async fn a_stopped_change_that_still_waits_to_be_sent_is_not_sent() {
    let mut bench = Bench::new().await;
    bench.trouble(Op::TriggerDeploy, Trouble::RateLimited { retry_after: 600 });
    let create = bench.create();
    let command = bench.send(create);
    until(async || bench.changes(Op::TriggerDeploy) > 0).await;
    bench.send(CommandKind::Stop { command });
    let report = bench.answer().await;
    assert_eq!(report.command, command);
    assert!(
        matches!(report.outcome, Outcome::NotSent { .. }),
        "{report:?}"
    );
    assert_eq!(bench.changes(Op::TriggerDeploy), 1);
}

#[tokio::test]
async fn a_stopped_change_that_has_left_is_answered() {
    let mut bench = Bench::new().await;
    let by = policy::Span::from_secs(60);
    bench.trouble(Op::TriggerDeploy, Trouble::ReplyLate { by });
    let create = bench.create();
    let command = bench.send(create);
    until(async || bench.changes(Op::TriggerDeploy) > 0).await;
    bench.send(CommandKind::Stop { command });
    let outcome = bench.answer().await.outcome;
    assert!(matches!(outcome, Outcome::Created { .. }), "{outcome:?}");
}

#[tokio::test]
async fn an_executor_that_is_dropped_stops_its_commands() {
    let mut bench = Bench::new().await;
    bench.arm(stuck());
    let create = bench.create();
    let Outcome::Created { deploy } = bench.ask(create).await else {
        panic!("201 names a deploy")
    };
    let follow = bench.follow(&deploy.id, None);
    bench.send(follow);
    until(async || bench.reads(Op::GetDeploy) > 0).await;
    bench.drop_executor();
    bench.assert_abandoned().await;
}
