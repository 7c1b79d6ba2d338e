use serde_json::json;
use sim::api::ApiReply;
use sim::ids::DeployId;
use sim::settings::{Assumptions, Overlap, Settings, WaitingRollback};

use crate::lab::{Lab, NEW, OLD, service, settings};

fn live(lab: &Lab) -> DeployId {
    lab.platform
        .service(&service())
        .unwrap()
        .live
        .clone()
        .unwrap()
}

fn roll_back(lab: &mut Lab, target: &DeployId) -> ApiReply {
    let body = json!({ "deployId": target });
    lab.ask("POST", "/services/srv-a/rollback", Some(&body))
}

#[test]
fn a_rollback_is_a_new_deploy_that_leaves_the_stored_variables_alone() {
    let mut lab = Lab::new();
    let old = live(&lab);
    let value = json!({ "value": "new" });
    lab.ask("PUT", "/services/srv-a/env-vars/MODE", Some(&value));
    lab.deploy(NEW);
    lab.pass(100);
    let reply = roll_back(&mut lab, &old);
    assert_eq!(reply.status, 201);
    let shown = reply.value();
    assert_eq!(shown["trigger"], "rollback");
    assert_eq!(shown["status"], "update_in_progress");
    assert_eq!(shown["commit"]["id"], OLD);
    assert_ne!(shown["id"], old.as_str());
    lab.pass(20);
    assert_eq!(lab.version(), "v1.0.0");
    let running = lab.platform.live_env_vars(lab.now, &service()).unwrap();
    assert_eq!(running["MODE"], "old");
    let stored = lab.platform.env_vars(lab.now, &service()).unwrap();
    assert_eq!(stored["MODE"], "new");
    let statuses: Vec<String> = lab.listed().into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, ["live", "deactivated", "deactivated"]);
}

#[test]
fn the_event_of_a_rollback_names_its_target() {
    let mut lab = Lab::new();
    let old = live(&lab);
    lab.deploy(NEW);
    lab.pass(100);
    roll_back(&mut lab, &old);
    let events = lab.get("/services/srv-a/events?type=deploy_started&limit=1");
    let trigger = &events[0]["event"]["details"]["trigger"];
    assert_eq!(trigger["rollback"], true);
    assert_eq!(trigger["rollbackTargetDeployId"], old.as_str());
}

#[test]
fn a_rollback_needs_a_target_that_was_live_and_is_still_there() {
    let mut lab = Lab::new();
    let old = live(&lab);
    assert_eq!(roll_back(&mut lab, &"dep-x".into()).status, 404);
    let failed = lab.deploy("failing");
    lab.ask(
        "POST",
        &format!("/services/srv-a/deploys/{failed}/cancel"),
        None,
    );
    assert_eq!(roll_back(&mut lab, &failed).status, 400);
    lab.platform
        .purge_artefact(lab.now, &service(), &old)
        .unwrap();
    assert_eq!(roll_back(&mut lab, &old).status, 400);
    assert_eq!(
        lab.ask("POST", "/services/srv-a/rollback", Some(&json!({})))
            .status,
        400
    );
}

#[test]
fn only_so_many_artefacts_are_kept() {
    let mut lab = Lab::with(Settings {
        assumptions: Assumptions {
            kept_artefacts: Some(1),
            ..Assumptions::default()
        },
        ..settings()
    });
    let first = live(&lab);
    let second = lab.deploy(NEW);
    lab.pass(100);
    lab.deploy("third");
    lab.pass(100);
    assert_eq!(roll_back(&mut lab, &first).status, 400);
    assert_eq!(roll_back(&mut lab, &second).status, 201);
}

#[test]
fn by_override_a_rollback_cancels_the_running_deploy() {
    let mut lab = Lab::new();
    let old = live(&lab);
    let running = lab.deploy(NEW);
    assert_eq!(roll_back(&mut lab, &old).status, 201);
    assert_eq!(lab.status(&running), "canceled");
}

#[test]
fn by_wait_a_rollback_is_queued() {
    for answer in [WaitingRollback::Created, WaitingRollback::Accepted] {
        let mut lab = Lab::with(Settings {
            overlap: Overlap::Wait,
            assumptions: Assumptions {
                waiting_rollback: answer,
                ..Assumptions::default()
            },
            ..settings()
        });
        let old = live(&lab);
        lab.deploy(NEW);
        let reply = roll_back(&mut lab, &old);
        match answer {
            WaitingRollback::Created => assert_eq!(reply.value()["status"], "queued"),
            WaitingRollback::Accepted => assert_eq!((reply.status, reply.body), (202, None)),
        }
        lab.pass(120);
        assert_eq!(lab.version(), "v1.0.0");
    }
}
