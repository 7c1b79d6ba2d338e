//! What a reply says about a service, and what it only says about the way to it: every reply at every step (R11).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "few answers and few requests are told apart here"
)]

use std::collections::BTreeMap;

use policy::health::Profile;
use rollout::{CommandKind, DeployId, Notice, Outcome};
use sim::api::Op;
use sim::fault::{Fault, FaultKind, Trouble};

use super::bench::{Bench, profile};

/// What is answered instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    Status(u16),
    Garbled,
    Huge,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Nothing was learned.
    Trouble,
    /// The service is not there.
    Gone,
    /// A person must know.
    Failed,
    /// The request may have had its effect.
    Unknown,
    /// It had none.
    Refused,
}

const ALL: [Instead; 10] = [
    Instead::Status(400),
    Instead::Status(401),
    Instead::Status(402),
    Instead::Status(403),
    Instead::Status(404),
    Instead::Status(410),
    Instead::Status(500),
    Instead::Status(520),
    Instead::Garbled,
    Instead::Huge,
];

fn arm(bench: &Bench, op: Op, instead: Instead) {
    let (op, trouble) = (
        Some(op),
        match instead {
            Instead::Status(status) => Trouble::Status {
                status,
                effect: false,
            },
            Instead::Garbled => Trouble::Malformed,
            Instead::Huge => Trouble::Huge { bytes: 64 << 20 },
        },
    );
    bench.arm(Fault::everywhere(FaultKind::Request { op, trouble }));
}

fn class(outcome: &Outcome) -> Class {
    match outcome {
        Outcome::Trouble { .. } => Class::Trouble,
        Outcome::Gone { role, .. } => {
            assert_eq!(role.as_str(), "backend");
            Class::Gone
        }
        Outcome::Failed { .. } => Class::Failed,
        Outcome::Unknown { .. } => Class::Unknown,
        Outcome::Refused { .. } => Class::Refused,
        other => panic!("{other:?}"),
    }
}

fn preflight(bench: &Bench) -> CommandKind {
    CommandKind::Preflight {
        services: vec![bench.target()],
        variables: BTreeMap::new(),
        urls: BTreeMap::new(),
        baseline: None::<Box<Profile>>,
    }
}

fn back_up(bench: &Bench) -> CommandKind {
    CommandKind::BackUp {
        left: None,
        service: bench.target(),
        variables: BTreeMap::new(),
        version: "v1.1.0".to_owned(),
        commit: "c0ffee".to_owned(),
        urls: BTreeMap::new(),
    }
}

/// Reads, and the request that is answered otherwise.
fn reads(bench: &Bench, deploy: &DeployId) -> Vec<(CommandKind, Op)> {
    let service = bench.target();
    let known = Vec::new();
    let inspect = || CommandKind::Inspect {
        service: service.clone(),
    };
    let list = CommandKind::ListDeploys {
        service: service.clone(),
        known,
    };
    let quiet = CommandKind::AwaitQuiet {
        service: service.clone(),
        deploy: deploy.clone(),
        until: None,
    };
    vec![
        (preflight(bench), Op::GetService),
        (preflight(bench), Op::ListDomains),
        (preflight(bench), Op::ListDeploys),
        (inspect(), Op::GetService),
        (inspect(), Op::ListDomains),
        (inspect(), Op::ListDeploys),
        (back_up(bench), Op::ListEnvVars),
        (list, Op::ListDeploys),
        (quiet, Op::GetDeploy),
        (bench.follow(deploy, None), Op::GetDeploy),
    ]
}

#[tokio::test]
async fn no_read_makes_a_verdict_of_trouble() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let deploy = bench.deployed().await.id;
    for instead in ALL {
        for (command, op) in reads(&bench, &deploy) {
            arm(&bench, op, instead);
            let outcome = bench.ask(command.clone()).await;
            bench.disarm();
            let is_gone = matches!(instead, Instead::Status(404 | 410));
            let expected = match op {
                Op::GetService if is_gone => Class::Gone,
                // Render knows the service, and not the deploy.
                Op::GetDeploy if is_gone => Class::Failed,
                _ => Class::Trouble,
            };
            assert_eq!(
                class(&outcome),
                expected,
                "{instead:?} to {op:?} in {command:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_service_is_gone_only_to_an_account_that_sees_the_workspace() {
    let owner = |settings: &mut render::ExecutorSettings| {
        settings.owner = Some("tea-somebody-elses".into());
    };
    let mut bench = Bench::with(|_| {}, owner).await;
    for status in [404, 410] {
        arm(&bench, Op::GetService, Instead::Status(status));
        let command = preflight(&bench);
        let outcome = bench.ask(command).await;
        assert_eq!(class(&outcome), Class::Trouble, "{outcome:?}");
        let command = bench.create();
        arm(&bench, Op::TriggerDeploy, Instead::Status(status));
        let outcome = bench.ask(command).await;
        assert_eq!(class(&outcome), Class::Trouble, "{outcome:?}");
        bench.disarm();
    }
}

#[tokio::test]
async fn a_change_that_is_not_allowed_was_not_made_and_says_nothing_about_the_service() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let before = bench.inspect().await.live().map(|live| live.id.clone());
    bench.deployed().await;
    let (service, deploy) = (bench.target(), before.unwrap());
    let switch = CommandKind::SetAutoDeploy {
        service: service.clone(),
        on: true,
        trigger: None,
    };
    let back = CommandKind::CreateRollback {
        service: service.clone(),
        deploy: deploy.clone(),
        attempt: 1,
    };
    let cancel = CommandKind::CancelDeploy { service, deploy };
    let changes = [
        (bench.create(), Op::TriggerDeploy),
        (back, Op::Rollback),
        (cancel, Op::CancelDeploy),
        (switch, Op::UpdateService),
    ];
    for instead in ALL {
        for (command, op) in &changes {
            arm(&bench, *op, instead);
            let outcome = bench.ask(command.clone()).await;
            bench.disarm();
            let expected = match instead {
                Instead::Status(401..=403) => Class::Trouble,
                Instead::Status(400 | 404 | 410) => Class::Refused,
                Instead::Status(_) | Instead::Garbled | Instead::Huge => Class::Unknown,
            };
            // What is over cannot be cancelled, however that answer is cut off.
            let is_refused =
                *op == Op::CancelDeploy && matches!(instead, Instead::Garbled | Instead::Huge);
            if !is_refused {
                assert_eq!(
                    class(&outcome),
                    expected,
                    "{instead:?} to {op:?}: {outcome:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_watch_outlasts_trouble_and_sees_that_a_service_is_gone() {
    let mut bench = Bench::new().await;
    let deploy = bench.deployed().await;
    let watch = CommandKind::Watch {
        probed: vec![bench.probed(&deploy, "v1.1.0")],
        profile: profile(),
    };
    for op in [Op::GetDeploy, Op::ListDeploys, Op::GetService] {
        arm(&bench, op, Instead::Status(403));
    }
    bench.send(watch);
    bench.assert_silent().await;
    bench.disarm();
    for op in [Op::GetDeploy, Op::GetService] {
        arm(&bench, op, Instead::Status(404));
    }
    let outcome = bench.answer().await.outcome;
    assert_eq!(class(&outcome), Class::Gone, "{outcome:?}");
}

#[tokio::test]
async fn a_key_that_may_nothing_holds_the_workspace_until_it_may() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let (op, trouble) = (
        None,
        Trouble::Status {
            status: 403,
            effect: false,
        },
    );
    bench.arm(Fault::everywhere(FaultKind::Request { op, trouble }));
    let service = bench.target();
    bench.send(CommandKind::Inspect { service });
    assert!(matches!(bench.notice().await, Notice::WorkspaceHeld { .. }));
    bench.assert_silent().await;
    bench.disarm();
    assert_eq!(bench.notice().await, Notice::WorkspaceReleased);
    let outcome = bench.answer().await.outcome;
    assert!(matches!(outcome, Outcome::Inspected { .. }), "{outcome:?}");
}
