//! Commands against the simulated Render, one at a time.

use std::sync::mpsc;

use policy::health::{Check, CheckKind, Profile};
use policy::parse::File;
use policy::parse::scenario::Scenario;
use policy::{ServiceId, Span};
use rollout::command::{DeployStatus, Probed, Target};
use rollout::{DeployId, RolloutId};

use super::*;
use crate::world::{commit_of, files, scenario};

/// An executor beside a Render with one customer `a`, and what is injected.
struct Bench {
    executor: SimExecutor,
    answers: mpsc::Receiver<Report>,
    answer_to: mpsc::Sender<Report>,
    next: u64,
}

const START: &str = "2027-01-11T09:00:00Z";

fn at(time: &str) -> Timestamp {
    format!("2027-01-11T{time}Z").parse().unwrap()
}

fn bench(inject: &str) -> Bench {
    let text = format!(
        "version: v1.1.0\nstart: {START}\nby: ann\nworld: {{ deploy: 5m, rollback: 2m, health_every: 1m }}\n\
         fleet: {{ a: {{ tier: main }} }}\npolicies: [ {{ policy: main }} ]\ninject:\n{inject}\n"
    );
    let file = File {
        path: "bench.yaml".to_owned(),
        text,
    };
    let scenario = Scenario::parse(&file).unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    let setup = scenario::setup(&scenario, None).unwrap();
    let mut executor = SimExecutor::new(setup.start, &setup.pace, &setup.paces);
    executor.inject(&setup.inject, &["v1.1.0".to_owned()]);
    executor.read_fleet(setup.start, &setup.config, &setup.running, "v1.0.0");
    executor.name_version(&files::release("v1.1.0"));
    let (answer_to, answers) = mpsc::channel();
    Bench {
        executor,
        answers,
        answer_to,
        next: 0,
    }
}

impl Bench {
    fn send(&mut self, kind: CommandKind) -> CommandId {
        self.next += 1;
        let id = CommandId(self.next);
        let command = Command {
            urgent: false,
            id,
            rollout: RolloutId::Rollout(1),
            customer: "a".into(),
            kind,
        };
        let answer_to = self.answer_to.clone();
        self.executor.execute(
            command,
            Box::new(move |report| answer_to.send(report).unwrap()),
        );
        id
    }

    /// The answer that comes at once.
    fn now(&mut self, kind: CommandKind) -> Outcome {
        self.send(kind);
        self.answers
            .try_recv()
            .expect("the answer comes at once")
            .outcome
    }

    /// The next answer, and when it comes.
    fn later(&mut self) -> (Timestamp, Outcome) {
        while let Some(at) = self.executor.next_at() {
            self.executor.look(at);
            if let Ok(report) = self.answers.try_recv() {
                return (at, report.outcome);
            }
        }
        panic!("nothing is waited for");
    }

    fn target(&self) -> Target {
        let service = self.executor.platform.services().next().unwrap();
        Target {
            role: "backend".into(),
            id: service.id.clone(),
            url: service.url.clone(),
        }
    }

    fn service(&self) -> ServiceId {
        self.target().id
    }

    fn create(&mut self) -> Outcome {
        let kind = self.create_command();
        self.now(kind)
    }

    fn create_command(&self) -> CommandKind {
        CommandKind::CreateDeploy {
            service: self.target(),
            commit: commit_of("v1.1.0"),
            clear_cache: false,
            attempt: 1,
        }
    }

    fn created(&mut self) -> DeployId {
        let Outcome::Created { deploy } = self.create() else {
            panic!("the deploy is created");
        };
        deploy.id
    }

    fn follow(&self, deploy: &DeployId, until: Option<Timestamp>) -> CommandKind {
        CommandKind::FollowDeploy {
            service: self.target(),
            deploy: deploy.clone(),
            until,
        }
    }

    fn listed(&mut self) -> usize {
        let kind = CommandKind::ListDeploys {
            service: self.target(),
            known: Vec::new(),
        };
        let Outcome::Listed { deploys } = self.now(kind) else {
            panic!("a list is listed");
        };
        deploys.len()
    }

    /// Deploys and waits for it to be live.
    fn live(&mut self) -> Probed {
        let deploy = self.created();
        let kind = self.follow(&deploy, None);
        self.send(kind);
        let (live_at, _) = self.later();
        let version = Some("v1.1.0".to_owned());
        Probed {
            target: self.target(),
            deploy: Some(deploy),
            version,
            live_at,
            baseline_p95_ms: None,
        }
    }
}

fn profile() -> Profile {
    let asks = |kind| Check { kind, on: None };
    Profile {
        every: Span::from_secs(60),
        pass_after: 1,
        fail_after: 3,
        checks: vec![
            asks(CheckKind::Http("/api/health".to_owned())),
            asks(CheckKind::Version("/api/version".to_owned())),
        ],
    }
}

fn verify(probed: &Probed) -> CommandKind {
    CommandKind::Verify {
        probed: probed.clone(),
        profile: profile(),
    }
}

fn watch(probed: &Probed) -> CommandKind {
    CommandKind::Watch {
        probed: vec![probed.clone()],
        profile: profile(),
    }
}

fn judged(outcome: Outcome) -> (bool, Vec<Timestamp>) {
    let Outcome::Judged { verdict, .. } = outcome else {
        panic!("{outcome:?} is no verdict");
    };
    (
        verdict.healthy,
        verdict.cycles.iter().map(|cycle| cycle.at).collect(),
    )
}

#[test]
fn a_deploy_is_followed_to_its_end() {
    let mut bench = bench("  []");
    let deploy = bench.created();
    let kind = bench.follow(&deploy, Some(at("09:10:00")));
    bench.send(kind);
    let (live_at, outcome) = bench.later();
    assert_eq!(live_at, at("09:05:00"));
    let Outcome::Ended { deploy: view } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((view.id, view.status), (deploy, DeployStatus::Live));
    assert_eq!(bench.executor.next_at(), None);
}

#[test]
fn a_deploy_that_ends_at_the_limit_has_ended() {
    let mut bench = bench("  - { customer: a, service: backend, deploy: stuck, times: 1 }");
    let stuck = bench.created();
    let kind = bench.follow(&stuck, Some(at("09:10:00")));
    bench.send(kind);
    let (given_up_at, outcome) = bench.later();
    assert_eq!(given_up_at, at("09:10:00"));
    assert!(matches!(outcome, Outcome::Unfinished { .. }), "{outcome:?}");

    let cancel = CommandKind::CancelDeploy {
        service: bench.target(),
        deploy: stuck.clone(),
    };
    assert_eq!(bench.now(cancel), Outcome::CancelSent);
    let kind = bench.follow(&stuck, None);
    let Outcome::Ended { deploy } = bench.now(kind) else {
        panic!("it is cancelled")
    };
    assert_eq!(deploy.status, DeployStatus::Canceled);

    let live = bench.created();
    let kind = bench.follow(&live, Some(at("09:15:00")));
    bench.send(kind);
    let (_, outcome) = bench.later();
    assert!(matches!(outcome, Outcome::Ended { .. }), "{outcome:?}");
}

#[test]
fn a_lost_answer_leaves_a_deploy_and_a_lost_request_none() {
    let mut bench = bench(
        "  - { customer: a, reply: lost, times: 1 }\n  - { customer: a, reply: never_sent, times: 1 }\n  \
         - { customer: a, reply: accepted_without_body, times: 1 }",
    );
    assert!(matches!(bench.create(), Outcome::Unknown { .. }));
    assert_eq!(bench.listed(), 2);
    assert!(matches!(bench.create(), Outcome::Unknown { .. }));
    assert_eq!(bench.listed(), 2);
    assert_eq!(bench.create(), Outcome::Accepted);
    assert_eq!(bench.listed(), 3);
    assert!(matches!(bench.create(), Outcome::Created { .. }));
}

#[test]
fn a_crash_in_the_call_is_no_answer() {
    let mut bench =
        bench("  - { customer: a, reply: lost, times: 1, crash_until: 2027-01-11T09:20:00Z }");
    let kind = bench.create_command();
    bench.send(kind);
    assert!(bench.answers.try_recv().is_err());
    assert_eq!(bench.executor.take_death(), Some(at("09:20:00")));
    bench.executor.forget();
    assert_eq!(bench.listed(), 2);
}

#[test]
fn a_healthy_release_passes_at_once_and_is_watched_for_nothing() {
    let mut bench = bench("  []");
    let live = bench.live();
    assert_eq!(
        judged(bench.now(verify(&live))),
        (true, vec![at("09:05:00")])
    );
    bench.send(watch(&live));
    assert_eq!(bench.executor.next_at(), None);
}

#[test]
fn a_release_that_fails_from_the_start_is_judged_by_its_first_cycles() {
    let mut bench = bench("  - { customer: a, health: failing, from: live }");
    let live = bench.live();
    bench.send(verify(&live));
    let (judged_at, outcome) = bench.later();
    assert_eq!(judged_at, at("09:07:00"));
    assert_eq!(
        judged(outcome),
        (false, vec![at("09:05:00"), at("09:06:00"), at("09:07:00")])
    );
}

#[test]
fn a_watch_wakes_for_a_fault_and_counts_cycles_in_a_row() {
    let mut bench = bench(
        "  - { customer: a, health: failing, from: 2027-01-11T09:29:30Z, until: 2027-01-11T09:31:30Z }\n  \
         - { customer: a, health: failing, from: 2027-01-11T12:00:00Z }",
    );
    let live = bench.live();
    bench.send(watch(&live));
    assert_eq!(bench.executor.next_at(), Some(at("09:29:30")));
    let (judged_at, outcome) = bench.later();
    assert_eq!(judged_at, at("12:02:00"));
    assert_eq!(
        judged(outcome),
        (false, vec![at("12:00:00"), at("12:01:00"), at("12:02:00")])
    );
}

#[test]
fn failing_cycles_say_nothing_while_render_is_out_of_reach() {
    let mut bench = bench(
        "  - { customer: a, health: failing, from: 2027-01-11T09:15:30Z }\n  \
         - { render: unreachable, from: 2027-01-11T09:10:30Z, until: 2027-01-11T09:40:30Z }",
    );
    let live = bench.live();
    bench.send(watch(&live));
    let (judged_at, _) = bench.later();
    assert_eq!(judged_at, at("09:43:00"));
}

#[test]
fn a_watch_notices_that_somebody_else_has_deployed() {
    let mut bench = bench(
        "  - { customer: a, service: backend, foreign_deploy: { at: 2027-01-11T10:00:00Z, live_after: 7m } }",
    );
    let live = bench.live();
    bench.send(watch(&live));
    let (replaced_at, outcome) = bench.later();
    assert_eq!(replaced_at, at("10:07:00"));
    let Outcome::Replaced { by: Some(by), .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(by.trigger, "manual");
}

#[test]
fn services_with_cycles_at_different_instants_do_not_keep_each_other_awake() {
    let mut bench = bench(
        "  - { customer: a, health: failing, from: 2027-01-11T09:29:30Z, until: 2027-01-11T09:31:30Z }",
    );
    let live = bench.live();
    let mut later = live.clone();
    later.live_at += Span::from_secs(30).to_delta();
    bench.send(CommandKind::Watch {
        probed: vec![live, later],
        profile: Profile {
            fail_after: 5,
            ..profile()
        },
    });
    let mut looks = 0;
    while let Some(at) = bench.executor.next_at() {
        bench.executor.look(at);
        looks += 1;
        assert!(looks < 20, "still looking at {at}");
    }
}

#[test]
fn a_stopped_command_is_not_answered() {
    let mut bench = bench("  []");
    let deploy = bench.created();
    let kind = bench.follow(&deploy, None);
    let command = bench.send(kind);
    bench.send(CommandKind::Stop { command });
    assert_eq!(bench.executor.next_at(), None);
    bench.executor.look(at("10:00:00"));
    assert!(bench.answers.try_recv().is_err());
}

#[test]
fn reads_wait_for_render_and_changes_are_not_sent() {
    let mut bench = bench(
        "  - { render: unreachable, from: 2027-01-11T09:00:00Z, until: 2027-01-11T09:30:00Z }",
    );
    assert!(matches!(bench.create(), Outcome::NotSent { .. }));
    assert!(bench.executor.take_outage_met());
    let service = bench.target();
    bench.send(CommandKind::Inspect { service });
    let (answered_at, outcome) = bench.later();
    assert_eq!(answered_at, at("09:30:00"));
    let Outcome::Inspected { views } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(views[0].version.as_deref(), Some("v1.0.0"));
}

#[test]
fn variables_are_restored_unless_somebody_else_changed_them() {
    let mut bench = bench("  []");
    let id = bench.service();
    let put = |bench: &mut Bench, key: &str, value: &str| {
        let reply = bench
            .executor
            .platform
            .client(at("09:00:00"))
            .put_env_var(&id, key, value);
        assert_eq!(reply, Delivery::Delivered(Ok(())));
    };
    put(&mut bench, "VERSION", "v1.0.0");
    put(&mut bench, "SAME", "a");
    let template = |key: &str, template: &str| (key.to_owned(), template.to_owned());
    let planned = [
        ("VERSION", "${version}"),
        ("SAME", "${customer}"),
        ("NEW", "x"),
        ("TOUCHED", "x"),
    ];
    let ask = CommandKind::BackUp {
        left: None,
        service: bench.target(),
        variables: planned.map(|(key, value)| template(key, value)).into(),
        version: "v1.1.0".to_owned(),
        commit: commit_of("v1.1.0"),
        urls: BTreeMap::new(),
    };
    let Outcome::BackedUp {
        differing, sealed, ..
    } = bench.now(ask)
    else {
        panic!()
    };
    assert_eq!(differing, ["NEW", "TOUCHED", "VERSION"]);

    let backup = AttachmentId("b1".to_owned());
    bench.executor.keep(vec![(backup.clone(), sealed)]);
    let (service, keys) = (bench.target(), differing);
    let write = CommandKind::SetVariables {
        service: service.clone(),
        backup: backup.clone(),
        keys: keys.clone(),
    };
    assert_eq!(bench.now(write), Outcome::VariablesSet);
    put(&mut bench, "TOUCHED", "by hand");

    let restore = CommandKind::RestoreVariables {
        service,
        backup,
        keys,
    };
    let foreign = vec!["TOUCHED".to_owned()];
    assert_eq!(bench.now(restore), Outcome::VariablesRestored { foreign });
    let stored = bench
        .executor
        .platform
        .env_vars(at("09:00:00"), &id)
        .unwrap();
    let stored: Vec<_> = stored
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        stored,
        [("SAME", "a"), ("TOUCHED", "by hand"), ("VERSION", "v1.0.0")]
    );
}
