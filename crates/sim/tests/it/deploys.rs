use policy::Span;
use serde_json::{Value, json};
use sim::platform::{LiveSeed, ServiceKind, ServiceSeed, TriggerBody};
use sim::settings::Settings;

use crate::lab::{Lab, NEW, OLD, SERVICE, service, settings};

#[test]
fn a_deploy_moves_forward_until_it_is_live_and_the_old_one_is_deactivated() {
    let mut lab = Lab::new();
    let reply = lab.trigger(NEW);
    assert_eq!(reply.status, 201);
    let shown = reply.value();
    assert_eq!(shown["status"], "build_in_progress");
    assert_eq!(shown["trigger"], "api");
    assert_eq!(shown["commit"]["id"], NEW);
    assert_eq!(shown["finishedAt"], Value::Null);
    lab.pass(99);
    assert_eq!(lab.listed()[0].0, "update_in_progress");
    lab.pass(1);
    let expected = [("live", NEW), ("deactivated", OLD)];
    let expected = expected.map(|(status, commit)| (status.to_owned(), commit.to_owned()));
    assert_eq!(lab.listed(), expected);
    assert_eq!(lab.version(), "v1.1.0");
}

#[test]
fn the_next_event_is_the_next_change_of_a_status() {
    let mut lab = Lab::new();
    assert_eq!(lab.platform.next_event_at(), None);
    lab.deploy(NEW);
    let mut changes = Vec::new();
    while let Some(at) = lab.platform.next_event_at() {
        changes.push((at - lab.now).num_seconds());
        lab.platform.advance(at);
    }
    assert_eq!(changes, [77, 100]);
}

#[test]
fn time_never_runs_back() {
    let mut lab = Lab::new();
    let id = lab.deploy(NEW);
    lab.pass(100);
    lab.now -= chrono::TimeDelta::seconds(50);
    assert_eq!(lab.status(&id), "live");
}

#[test]
fn a_deploy_can_be_created_before_it_builds() {
    let mut lab = Lab::with(Settings {
        created_for: Span::from_secs(10),
        ..settings()
    });
    let id = lab.deploy(NEW);
    assert_eq!(lab.status(&id), "created");
    lab.pass(10);
    assert_eq!(lab.status(&id), "build_in_progress");
    lab.pass(90);
    assert_eq!(lab.status(&id), "live");
}

#[test]
fn without_a_commit_the_head_of_the_branch_is_built() {
    let mut lab = Lab::new();
    let (now, head) = (lab.now, "head".into());
    assert_eq!(lab.platform.push(now, &service(), &head).unwrap(), None);
    let reply = lab.ask("POST", "/services/srv-a/deploys", Some(&json!({})));
    assert_eq!(reply.value()["commit"]["id"], "head");
}

#[test]
fn with_auto_deploy_a_push_deploys() {
    let mut lab = Lab::new();
    lab.platform
        .set_auto_deploy(lab.now, &service(), true)
        .unwrap();
    let pushed = lab.platform.push(lab.now, &service(), &"head".into());
    let id = pushed.unwrap().unwrap();
    let shown = lab.get(&format!("/services/srv-a/deploys/{id}"));
    assert_eq!(shown["trigger"], "new_commit");
}

#[test]
fn a_trigger_needs_a_json_object() {
    let mut lab = Lab::new();
    let path = "/services/srv-a/deploys";
    assert_eq!(lab.ask("POST", path, None).status, 400);
    assert_eq!(lab.ask("POST", path, Some(&json!(1))).status, 400);
    let wrong = json!({ "clearCache": true });
    assert_eq!(lab.ask("POST", path, Some(&wrong)).status, 400);
    assert_eq!(lab.platform.service(&service()).unwrap().deploys.len(), 1);
}

#[test]
fn a_deploy_mode_stands_alone() {
    let mut lab = Lab::new();
    for (key, value) in [
        ("commitId", NEW),
        ("clearCache", "clear"),
        ("imageUrl", "a/b:c"),
    ] {
        let body = json!({ "deployMode": "deploy_only", key: value });
        let reply = lab.ask("POST", "/services/srv-a/deploys", Some(&body));
        assert_eq!(reply.status, 400, "{key}");
    }
    let body = json!({ "deployMode": "deploy_only" });
    let reply = lab.ask("POST", "/services/srv-a/deploys", Some(&body));
    assert_eq!(reply.status, 201);
    let shown = reply.value();
    assert_eq!(shown["status"], "update_in_progress");
    assert_eq!(shown["commit"]["id"], OLD);
}

#[test]
fn an_image_service_takes_another_tag_but_no_other_image() {
    let mut lab = Lab::new();
    let mut seed = ServiceSeed::web("srv-image", "unused", "unused");
    seed.image = Some("docker.io/acme/api:v1".into());
    lab.platform.add_service(lab.now, seed);
    let path = "/services/srv-image/deploys";
    let reply = lab.ask(
        "POST",
        path,
        Some(&json!({ "imageUrl": "docker.io/acme/other:v2" })),
    );
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.value()["message"],
        "only the image tag or digest can be updated when creating a deploy"
    );
    let reply = lab.ask(
        "POST",
        path,
        Some(&json!({ "imageUrl": "docker.io/acme/api:v2" })),
    );
    let shown = reply.value();
    assert_eq!(shown["status"], "update_in_progress");
    assert_eq!(shown["commit"], Value::Null);
    assert_eq!(shown["image"]["ref"], "docker.io/acme/api:v2");
}

#[test]
fn an_image_backed_cron_job_is_live_at_once() {
    let mut lab = Lab::new();
    let seed = ServiceSeed {
        kind: ServiceKind::CronJob,
        image: Some("docker.io/acme/job:v1".into()),
        ..ServiceSeed::web("crn-a", "unused", "unused")
    };
    lab.platform.add_service(lab.now, seed);
    let reply = lab.ask("POST", "/services/crn-a/deploys", Some(&json!({})));
    assert_eq!(reply.value()["status"], "live");
    let id = reply.value()["id"].as_str().unwrap().to_owned();
    let path = format!("/services/crn-a/deploys/{id}/cancel");
    assert_eq!(lab.ask("POST", &path, None).status, 400);
}

#[test]
fn a_canceled_deploy_leaves_the_old_one_live() {
    let mut lab = Lab::new();
    let id = lab.deploy(NEW);
    lab.pass(10);
    let path = format!("/services/srv-a/deploys/{id}/cancel");
    let reply = lab.ask("POST", &path, None);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.value()["status"], "canceled");
    assert_eq!(lab.platform.next_event_at(), None);
    lab.pass(1_000);
    assert_eq!(lab.listed()[1], ("live".into(), OLD.into()));
    assert_eq!(lab.ask("POST", &path, None).status, 400);
}

#[test]
fn a_pace_of_its_own_beats_that_of_all() {
    let mut lab = Lab::new();
    let paces = serde_json::from_value(json!({ SERVICE: { "deploy": "7s" } })).unwrap();
    lab.platform.settings_mut().paces = paces;
    let id = lab.deploy(NEW);
    lab.pass(7);
    assert_eq!(lab.status(&id), "live");
}

#[test]
fn typed_operations_and_requests_see_the_same() {
    let mut lab = Lab::new();
    let body = TriggerBody::commit(&NEW.into());
    let now = lab.now;
    let triggered = lab.platform.trigger_deploy(now, &service(), &body).unwrap();
    assert_eq!(lab.status(triggered.deploy()), "build_in_progress");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mut lab = Lab::new();
    for path in [
        "/services/srv-b",
        "/services/srv-b/deploys",
        "/services/srv-a/deploys/dep-x",
        "/services/srv-a/deploys/undefined",
        "/nothing",
    ] {
        let reply = lab.ask("GET", path, None);
        assert_eq!(reply.status, 404, "{path}");
        let message = reply.value()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("not found: "), "{message}");
    }
}

#[test]
fn a_service_that_was_never_deployed_has_no_version() {
    let mut lab = Lab::new();
    let live: Option<LiveSeed> = None;
    let seed = ServiceSeed {
        live,
        ..ServiceSeed::web(SERVICE, OLD, "v1.0.0")
    };
    lab.platform.add_service(lab.now, seed);
    assert_eq!(lab.visit("/").0, 503);
    lab.deploy(NEW);
    lab.pass(100);
    assert_eq!(lab.version(), "v1.1.0");
}
