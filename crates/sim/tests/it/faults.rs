use policy::Span;
use serde_json::json;
use sim::api::{Answer, Op};
use sim::fault::{
    DeployFault, DeployKind, Fault, FaultKind, ForeignDeploy, Outage, OutageScope, Outcome, Trouble,
};
use sim::ids::DeployId;
use sim::platform::{DeployFilter, Trigger, TriggerBody};
use sim::{Delivery, Platform};

use crate::lab::{Lab, NEW, OLD, service};

fn body() -> TriggerBody {
    TriggerBody::commit(&NEW.into())
}

fn deploys(platform: &Platform) -> usize {
    platform.service(&service()).unwrap().deploys.len()
}

/// Triggers over both ways; `expected` is what HTTP answers, `Debug` of what a typed client learns begins with `learned`.
fn check(trouble: &Trouble, expected: impl Fn(&Answer) -> bool, learned: &str, effect: bool) {
    let count = 1 + usize::from(effect);
    let mut lab = Lab::new();
    lab.trouble(Op::TriggerDeploy, trouble.clone());
    let body_of = json!({ "commitId": NEW });
    let answer = lab.answer("POST", "/services/srv-a/deploys", Some(&body_of));
    assert!(expected(&answer), "{trouble:?}: {answer:?}");
    assert_eq!(deploys(&lab.platform), count, "{trouble:?}");
    let mut lab = Lab::new();
    lab.trouble(Op::TriggerDeploy, trouble.clone());
    let reply = lab
        .platform
        .client(lab.now)
        .trigger_deploy(&service(), &body());
    let reply = format!("{reply:?}");
    assert!(reply.starts_with(learned), "{trouble:?}: {reply}");
    assert_eq!(deploys(&lab.platform), count, "{trouble:?}");
    let again = lab
        .platform
        .client(lab.now)
        .trigger_deploy(&service(), &body());
    assert!(
        matches!(again, Delivery::Delivered(Ok(Some(_)))),
        "only once"
    );
}

fn status(wanted: u16) -> impl Fn(&Answer) -> bool {
    move |answer| matches!(answer, Answer::Reply(reply) if reply.status == wanted)
}

#[test]
fn a_request_can_meet_trouble_before_and_after_its_effect() {
    let dropped = |answer: &Answer| *answer == Answer::Dropped;
    let reset = |answer: &Answer| *answer == Answer::Reset;
    check(&Trouble::NeverSent, dropped, "NeverSent", false);
    check(&Trouble::Lost, dropped, "Lost", true);
    check(&Trouble::Reset { effect: true }, reset, "Lost", true);
    check(&Trouble::Reset { effect: false }, reset, "Lost", false);
    for effect in [true, false] {
        let trouble = Trouble::Status {
            status: 503,
            effect,
        };
        check(&trouble, status(503), "Delivered(Err(", effect);
    }
    let trouble = Trouble::RateLimited { retry_after: 7 };
    let waits = |answer: &Answer| {
        matches!(answer, Answer::Reply(reply)
            if reply.status == 429 && reply.header("retry-after") == Some("7"))
    };
    check(&trouble, waits, "Delivered(Err(", false);
}

#[test]
fn a_reply_can_be_late_unreadable_huge_or_empty() {
    let by = Span::from_secs(60);
    let late = |answer: &Answer| matches!(answer, Answer::Late(reply, _) if reply.status == 201);
    check(&Trouble::ReplyLate { by }, late, "Lost", true);
    let unreadable = |answer: &Answer| {
        matches!(answer, Answer::Reply(reply)
            if serde_json::from_str::<serde_json::Value>(reply.body.as_ref().unwrap()).is_err())
    };
    check(&Trouble::Malformed, unreadable, "Lost", true);
    let huge = |answer: &Answer| matches!(answer, Answer::Reply(reply) if reply.body.as_ref().unwrap().len() > 1_000);
    check(&Trouble::Huge { bytes: 1_000 }, huge, "Lost", true);
    let empty = |answer: &Answer| matches!(answer, Answer::Reply(reply) if reply.status == 202 && reply.body.is_none());
    check(
        &Trouble::AcceptedWithoutBody,
        empty,
        "Delivered(Ok(None))",
        true,
    );
}

#[test]
fn a_request_that_was_given_up_can_arrive_later() {
    let mut lab = Lab::new();
    let by = Span::from_secs(30);
    lab.trouble(Op::TriggerDeploy, Trouble::ArrivesLate { by });
    let reply = lab
        .platform
        .client(lab.now)
        .trigger_deploy(&service(), &body());
    assert!(matches!(reply, Delivery::Lost));
    assert_eq!(deploys(&lab.platform), 1);
    lab.pass(500);
    let found = lab.platform.service(&service()).unwrap();
    let late = found.live_deploy().unwrap();
    assert_eq!(late.source.as_str(), NEW);
    assert_eq!((lab.now - late.created_at).num_seconds(), 470);
    assert_eq!(lab.platform.requests().deploys_of(&service()).count(), 1);
}

#[test]
fn a_deploy_can_appear_late_in_the_list() {
    let mut lab = Lab::new();
    let by = Span::from_secs(30);
    lab.trouble(Op::TriggerDeploy, Trouble::ListedLate { by });
    assert_eq!(lab.trigger(NEW).status, 202);
    assert_eq!(lab.listed().len(), 1);
    lab.pass(29);
    assert_eq!(lab.listed().len(), 1);
    lab.pass(1);
    assert_eq!(lab.listed().len(), 2);
}

#[test]
fn a_list_can_leave_out_the_newest_once() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    lab.trouble(Op::ListDeploys, Trouble::OmitsNewest);
    let filter = DeployFilter::default();
    let seen = lab
        .platform
        .client(lab.now)
        .list_deploys(&service(), &filter);
    let Delivery::Delivered(Ok(seen)) = seen else {
        panic!("no list");
    };
    assert_eq!(seen.len(), 1);
    assert_eq!(lab.listed().len(), 2);
}

#[test]
fn trouble_for_any_request_meets_only_those_it_makes_sense_for() {
    let mut lab = Lab::new();
    let kind = FaultKind::Request {
        op: None,
        trouble: Trouble::AcceptedWithoutBody,
    };
    lab.arm(Fault::everywhere(kind).times(1));
    lab.get("/services/srv-a");
    assert_eq!(lab.trigger(NEW).status, 202);
}

#[test]
fn deploys_can_end_otherwise() {
    let failing = [
        (Outcome::BuildFailed, "build_failed"),
        (Outcome::PreDeployFailed, "pre_deploy_failed"),
        (Outcome::UpdateFailed, "update_failed"),
    ];
    for (outcome, expected) in failing {
        let mut lab = Lab::new();
        let fault = FaultKind::Deploy(DeployFault {
            on: DeployKind::Deploy,
            outcome,
            after: Some(Span::from_secs(30)),
            commit: None,
        });
        lab.arm(Fault::of(&service(), fault).times(1));
        let failed = lab.deploy(NEW);
        lab.pass(30);
        assert_eq!(lab.status(&failed), expected);
        assert_eq!(lab.version(), "v1.0.0");
        let second = lab.deploy(NEW);
        lab.pass(100);
        assert_eq!(lab.status(&second), "live");
    }
}

#[test]
fn a_stuck_deploy_never_ends_until_it_is_canceled() {
    let mut lab = Lab::new();
    let fault = DeployFault {
        on: DeployKind::Deploy,
        outcome: Outcome::Stuck,
        after: None,
        commit: Some(NEW.into()),
    };
    lab.arm(Fault::everywhere(FaultKind::Deploy(fault)));
    let stuck = lab.deploy(NEW);
    lab.pass(100_000);
    assert_eq!(lab.status(&stuck), "update_in_progress");
    let reply = lab.ask(
        "POST",
        &format!("/services/srv-a/deploys/{stuck}/cancel"),
        None,
    );
    assert_eq!(reply.value()["status"], "canceled");
    let other = lab.deploy(OLD);
    lab.pass(100);
    assert_eq!(lab.status(&other), "live");
}

#[test]
fn a_fault_of_rollbacks_spares_deploys() {
    let mut lab = Lab::new();
    let old = lab.platform.service(&service()).unwrap().live.clone();
    let fault = DeployFault {
        on: DeployKind::Rollback,
        outcome: Outcome::UpdateFailed,
        after: None,
        commit: None,
    };
    lab.arm(Fault::everywhere(FaultKind::Deploy(fault)));
    lab.deploy(NEW);
    lab.pass(100);
    assert_eq!(lab.version(), "v1.1.0");
    let body = json!({ "deployId": old });
    let reply = lab.ask("POST", "/services/srv-a/rollback", Some(&body));
    let id = DeployId::new(reply.value()["id"].as_str().unwrap());
    lab.pass(20);
    assert_eq!(lab.status(&id), "update_failed");
    assert_eq!(lab.version(), "v1.1.0");
}

#[test]
fn somebody_else_can_deploy() {
    let mut lab = Lab::new();
    let foreign = ForeignDeploy {
        at: lab.now + Span::from_secs(10).to_delta(),
        commit: "foreign".into(),
        trigger: Trigger::Manual,
        live_after: Some(Span::from_secs(50)),
    };
    lab.arm(Fault::of(&service(), FaultKind::ForeignDeploy(foreign)));
    let ours = lab.deploy(NEW);
    lab.pass(10);
    assert_eq!(lab.status(&ours), "canceled");
    let theirs = lab.get("/services/srv-a/deploys?limit=1");
    assert_eq!(theirs[0]["deploy"]["trigger"], "manual");
    assert_eq!(theirs[0]["deploy"]["commit"]["id"], "foreign");
    lab.pass(50);
    assert_eq!(lab.version(), "foreign");
    assert_eq!(lab.platform.requests().deploys_of(&service()).count(), 1);
}

#[test]
fn a_service_can_be_suspended_for_a_while() {
    let mut lab = Lab::new();
    let at = |seconds| lab.now + Span::from_secs(seconds).to_delta();
    let kind = FaultKind::Suspended {
        from: at(10),
        until: Some(at(20)),
    };
    lab.arm(Fault::of(&service(), kind));
    assert_eq!(lab.get("/services/srv-a")["suspended"], "not_suspended");
    lab.pass(10);
    assert_eq!(lab.get("/services/srv-a")["suspended"], "suspended");
    assert_eq!(lab.trigger(NEW).status, 409);
    assert_eq!(lab.visit("/").0, 503);
    lab.pass(10);
    assert_eq!(lab.get("/services/srv-a")["suspended"], "not_suspended");
    let resumed = lab.get("/services/srv-a/deploys?limit=1");
    assert_eq!(resumed[0]["deploy"]["trigger"], "service_resumed");
}

#[test]
fn nothing_arrives_while_render_is_unreachable() {
    let mut lab = Lab::new();
    let until = lab.now + Span::from_secs(60).to_delta();
    let outage = Outage {
        from: lab.now,
        until: Some(until),
        reach: OutageScope::Api,
    };
    lab.arm(Fault::everywhere(FaultKind::Unreachable(outage)));
    assert_eq!(lab.answer("GET", "/users", None), Answer::Dropped);
    let reply = lab
        .platform
        .client(lab.now)
        .trigger_deploy(&service(), &body());
    let Delivery::Unreachable { until: known } = reply else {
        panic!("it arrived");
    };
    assert_eq!(known, Some(until));
    assert_eq!(lab.platform.requests().changes(), []);
    assert_eq!(lab.visit("/").0, 200);
    lab.pass(60);
    assert_eq!(lab.trigger(NEW).status, 201);
}

#[test]
fn what_never_arrived_is_not_on_record_and_what_did_is_once() {
    let mut lab = Lab::new();
    lab.trouble(Op::TriggerDeploy, Trouble::NeverSent);
    lab.trouble(Op::TriggerDeploy, Trouble::Lost);
    for _ in 0..2 {
        let mut client = lab.platform.client(lab.now);
        let _unheard = client.trigger_deploy(&service(), &body());
    }
    let log = lab.platform.requests();
    let requests: Vec<_> = log.deploys_of(&service()).collect();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].status, 201);
    assert_eq!(requests[0].path, "/services/srv-a/deploys");
    assert_eq!(
        requests[0].summary.as_ref().unwrap(),
        &format!("commitId={NEW}")
    );
    lab.get("/services/srv-a");
    assert_eq!(lab.platform.requests().reads(Op::GetService), 1);
}

#[test]
fn faults_are_written_as_json() {
    let faults = json!([
        { "service": "srv-a", "fault": "request", "op": "trigger_deploy", "trouble": "lost", "times": 1 },
        { "fault": "request", "trouble": "status", "status": 503, "effect": false },
        { "service": "srv-a", "fault": "deploy", "outcome": "build_failed", "after": "3m" },
        { "service": "srv-a", "fault": "deploy", "on": "rollback", "outcome": "stuck" },
        { "service": "srv-a", "fault": "health", "symptom": "failing", "from": "live", "times": 1 },
        { "fault": "health", "symptom": "slow", "latency_ms": 6000, "from": {"at": "2027-01-11T10:00:00Z"} },
        { "service": "srv-a", "fault": "foreign_deploy", "at": "2027-01-11T10:00:00Z", "commit": "x",
          "trigger": "new_commit", "live_after": "5m" },
        { "service": "srv-a", "fault": "suspended", "from": "2027-01-11T10:00:00Z" },
        { "fault": "unreachable", "from": "2027-01-11T10:00:00Z", "until": "2027-01-11T11:00:00Z" },
        { "fault": "job", "outcome": "failed" },
    ]);
    let parsed: Vec<Fault> = serde_json::from_value(faults).unwrap();
    let again: Vec<Fault> = serde_json::from_str(&serde_json::to_string(&parsed).unwrap()).unwrap();
    assert_eq!(parsed, again);
    let mut lab = Lab::new();
    for fault in parsed {
        lab.arm(fault);
    }
}

#[test]
fn a_fault_needs_a_service_that_exists() {
    let mut lab = Lab::new();
    let kind = FaultKind::Suspended {
        from: lab.now,
        until: None,
    };
    let unknown = Fault::of(&"srv-x".into(), kind.clone());
    assert_eq!(lab.platform.arm(lab.now, unknown).unwrap_err().status, 404);
    let unnamed = Fault::everywhere(kind);
    assert_eq!(lab.platform.arm(lab.now, unnamed).unwrap_err().status, 400);
}
