//! Whatever is asked in whatever order: statuses move forward, one deploy runs, one is live.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sim::api::Op;
use sim::fault::{DeployFault, DeployKind, Fault, FaultKind, Outcome, Trouble};
use sim::ids::DeployId;
use sim::platform::{Service, Status, Suspender, TriggerBody};
use sim::settings::Overlap;

use crate::lab::{Lab, service, settings};

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Trigger(u8),
    Rollback(usize),
    Cancel(usize),
    Suspend,
    Resume,
    Push(u8),
    Fail(Outcome),
    Trouble(Trouble),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        Just(Outcome::BuildFailed),
        Just(Outcome::UpdateFailed),
        Just(Outcome::Stuck),
    ];
    let trouble = prop_oneof![
        Just(Trouble::Lost),
        Just(Trouble::NeverSent),
        Just(Trouble::AcceptedWithoutBody),
        (0..200_i64).prop_map(|by| Trouble::ArrivesLate {
            by: policy::Span::from_secs(by)
        }),
    ];
    prop_oneof![
        4 => (0..150_i64).prop_map(Step::Pass),
        4 => any::<u8>().prop_map(Step::Trigger),
        2 => (0..20_usize).prop_map(Step::Rollback),
        2 => (0..20_usize).prop_map(Step::Cancel),
        1 => Just(Step::Suspend),
        1 => Just(Step::Resume),
        1 => any::<u8>().prop_map(Step::Push),
        1 => outcome.prop_map(Step::Fail),
        1 => trouble.prop_map(Step::Trouble),
    ]
}

fn nth(lab: &Lab, number: usize) -> DeployId {
    let deploys = &lab.platform.service(&service()).unwrap().deploys;
    deploys[number % deploys.len()].id.clone()
}

/// Takes a step. Refusals are fine; only what they leave behind matters.
fn take(lab: &mut Lab, step: &Step) {
    let now = lab.now;
    match step {
        Step::Pass(seconds) => {
            lab.pass(*seconds);
        }
        Step::Trigger(commit) => {
            let body = TriggerBody::commit(&commit.to_string().as_str().into());
            let mut client = lab.platform.client(now);
            let _either = client.trigger_deploy(&service(), &body);
        }
        Step::Rollback(number) => {
            let target = nth(lab, *number);
            let _either = lab.platform.client(now).rollback(&service(), &target);
        }
        Step::Cancel(number) => {
            let deploy = nth(lab, *number);
            let _either = lab.platform.client(now).cancel(&service(), &deploy);
        }
        Step::Suspend => {
            let suspended = lab.platform.suspend(now, &service(), Suspender::User);
            suspended.unwrap();
        }
        Step::Resume => lab.platform.resume(now, &service()).unwrap(),
        Step::Push(commit) => {
            let commit = commit.to_string().as_str().into();
            lab.platform.push(now, &service(), &commit).unwrap();
        }
        Step::Fail(outcome) => lab.arm(Fault::everywhere(course(*outcome)).times(1)),
        Step::Trouble(trouble) => lab.trouble(Op::TriggerDeploy, trouble.clone()),
    }
}

fn course(outcome: Outcome) -> FaultKind {
    FaultKind::Deploy(DeployFault {
        on: DeployKind::Deploy,
        outcome,
        after: None,
        commit: None,
    })
}

fn check(service: &Service, before: &mut BTreeMap<DeployId, Status>) {
    let running = |status: Status| !status.is_finished() && status != Status::Queued;
    let count = |test: &dyn Fn(Status) -> bool| {
        let statuses = service.deploys.iter().map(|deploy| deploy.status);
        statuses.filter(|status| test(*status)).count()
    };
    assert_eq!(count(&|status| status == Status::Live), 1);
    assert!(count(&running) <= 1);
    assert!(count(&|status| status == Status::Queued) <= 1);
    assert_eq!(count(&running) == 1, service.running.is_some());
    for deploy in &service.deploys {
        let former = before.insert(deploy.id.clone(), deploy.status);
        let former = former.unwrap_or(deploy.status);
        assert!(former <= deploy.status, "{former:?} to {:?}", deploy.status);
        let settled = former.is_finished() && former != deploy.status;
        assert!(!settled || deploy.status == Status::Deactivated);
        assert_eq!(deploy.finished_at.is_some(), deploy.status.is_finished());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_service_stays_sound(
        steps in proptest::collection::vec(step(), 1..60),
        wait in any::<bool>(),
        auto_deploy in any::<bool>(),
    ) {
        let mut settings = settings();
        if wait {
            settings.overlap = Overlap::Wait;
        }
        let mut lab = Lab::with(settings);
        lab.platform.set_auto_deploy(lab.now, &service(), auto_deploy).unwrap();
        let mut before = BTreeMap::new();
        for step in &steps {
            take(&mut lab, step);
            check(lab.platform.service(&service()).unwrap(), &mut before);
        }
    }

    #[test]
    fn jumping_to_each_event_and_over_all_of_them_come_to_the_same(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let (mut jumping, mut walking) = (Lab::waiting(), Lab::waiting());
        for step in &steps {
            take(&mut jumping, step);
            if let Step::Pass(seconds) = step {
                let end = walking.now + chrono::TimeDelta::seconds(*seconds);
                while let Some(at) = walking.platform.next_event_at().filter(|at| *at <= end) {
                    walking.platform.advance(at);
                }
            }
            take(&mut walking, step);
        }
        let text = |lab: &Lab| serde_json::to_string(&lab.platform).unwrap();
        prop_assert_eq!(text(&jumping), text(&walking));
    }
}
