use serde_json::{Value, json};
use sim::platform::{DEFAULT_OWNER, ServiceSeed};

use crate::lab::{Lab, NEW, SERVICE};

fn new_service(name: &str) -> Value {
    json!({
        "type": "web_service", "name": name, "ownerId": DEFAULT_OWNER,
        "repo": "https://example.com/acme.git", "autoDeploy": "no",
        "envVars": [{ "key": "A", "value": "1" }, { "key": "B", "generateValue": true }],
        "serviceDetails": { "plan": "pro", "preDeployCommand": "migrate" },
    })
}

#[test]
fn a_service_is_shown_as_render_shows_it() {
    let mut lab = Lab::new();
    let shown = lab.get("/services/srv-a");
    for key in [
        "id",
        "name",
        "ownerId",
        "type",
        "slug",
        "createdAt",
        "updatedAt",
        "dashboardUrl",
        "suspended",
        "suspenders",
        "autoDeploy",
        "notifyOnFail",
        "rootDir",
        "serviceDetails",
    ] {
        assert!(!shown[key].is_null(), "{key}");
    }
    assert_eq!(shown["autoDeploy"], "no");
    assert_eq!(shown["suspended"], "not_suspended");
    assert_eq!(shown["serviceDetails"]["url"], "https://srv-a.onrender.com");
}

#[test]
fn a_new_service_is_deployed_at_once() {
    let mut lab = Lab::new();
    let reply = lab.ask("POST", "/services", Some(&new_service("acme")));
    assert_eq!(reply.status, 201);
    let made = reply.value();
    let id = made["service"]["id"].as_str().unwrap().to_owned();
    let deploy = made["deployId"].as_str().unwrap().to_owned();
    let shown = lab.get(&format!("/services/{id}/deploys/{deploy}"));
    assert_eq!(shown["status"], "build_in_progress");
    assert_eq!(lab.get(&format!("/services/{id}/env-vars/A"))["value"], "1");
    let details = &lab.get(&format!("/services/{id}"))["serviceDetails"];
    assert_eq!(details["plan"], "pro");
    assert_eq!(details["envSpecificDetails"]["preDeployCommand"], "migrate");
    lab.pass(70);
    let shown = lab.get(&format!("/services/{id}/deploys/{deploy}"));
    assert_eq!(shown["status"], "pre_deploy_in_progress");
}

#[test]
fn a_name_is_unique_in_its_workspace() {
    let mut lab = Lab::new();
    assert_eq!(
        lab.ask("POST", "/services", Some(&new_service("acme")))
            .status,
        201
    );
    assert_eq!(
        lab.ask("POST", "/services", Some(&new_service("acme")))
            .status,
        409
    );
    let mut elsewhere = new_service("acme");
    elsewhere["ownerId"] = "tea-x".into();
    assert_eq!(lab.ask("POST", "/services", Some(&elsewhere)).status, 404);
}

#[test]
fn twenty_services_can_be_made_in_an_hour() {
    let mut lab = Lab::new();
    for n in 0..20 {
        let reply = lab.ask("POST", "/services", Some(&new_service(&format!("s{n}"))));
        assert_eq!(reply.status, 201);
    }
    let reply = lab.ask("POST", "/services", Some(&new_service("s20")));
    assert_eq!(reply.status, 429);
    assert_eq!(reply.header("retry-after"), Some("3600"));
}

#[test]
fn a_patch_changes_what_it_names_and_deploys_nothing() {
    let mut lab = Lab::new();
    let body =
        json!({ "autoDeploy": "yes", "branch": "next", "serviceDetails": { "plan": "pro" } });
    let shown = lab.ask("PATCH", "/services/srv-a", Some(&body)).value();
    assert_eq!(shown["autoDeploy"], "yes");
    assert_eq!(shown["branch"], "next");
    assert_eq!(shown["name"], SERVICE);
    assert_eq!(shown["serviceDetails"]["plan"], "pro");
    let shown = lab
        .ask("PATCH", "/services/srv-a", Some(&json!({ "branch": null })))
        .value();
    assert_eq!(shown.get("branch"), None);
    assert_eq!(shown["autoDeploy"], "yes");
    assert_eq!(lab.platform.next_event_at(), None);
    let wrong = json!({ "autoDeploy": false });
    assert_eq!(
        lab.ask("PATCH", "/services/srv-a", Some(&wrong)).status,
        400
    );
    let half = json!({ "serviceDetails": { "maintenanceMode": { "enabled": true } } });
    assert_eq!(lab.ask("PATCH", "/services/srv-a", Some(&half)).status, 400);
}

#[test]
fn a_suspended_service_is_resumed_by_a_deploy_of_what_was_live() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    let reply = lab.ask("POST", "/services/srv-a/suspend", None);
    assert_eq!((reply.status, reply.body), (202, None));
    assert_eq!(lab.listed()[0].0, "canceled");
    assert_eq!(lab.get("/services/srv-a")["suspenders"], json!(["user"]));
    assert_eq!(lab.trigger(NEW).status, 409);
    assert_eq!(lab.ask("POST", "/services/srv-a/resume", None).status, 202);
    let deploys = lab.get("/services/srv-a/deploys?limit=1");
    assert_eq!(deploys[0]["deploy"]["trigger"], "service_resumed");
    lab.pass(100);
    assert_eq!(lab.version(), "v1.0.0");
}

#[test]
fn only_a_persons_suspension_is_lifted() {
    let mut lab = Lab::new();
    let service = SERVICE.into();
    let billing = sim::platform::Suspender::Billing;
    lab.platform.suspend(lab.now, &service, billing).unwrap();
    assert_eq!(lab.ask("POST", "/services/srv-a/resume", None).status, 202);
    assert_eq!(lab.get("/services/srv-a")["suspended"], "suspended");
}

#[test]
fn a_restart_and_a_scale_deploy_nothing() {
    let mut lab = Lab::new();
    let reply = lab.ask("POST", "/services/srv-a/restart", None);
    assert_eq!((reply.status, reply.body), (200, None));
    let reply = lab.ask(
        "POST",
        "/services/srv-a/scale",
        Some(&json!({ "numInstances": 3 })),
    );
    assert_eq!((reply.status, reply.body), (202, None));
    assert_eq!(
        lab.get("/services/srv-a/instances")
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(lab.platform.next_event_at(), None);
}

#[test]
fn a_deleted_service_is_gone_with_its_deploys() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    assert_eq!(lab.ask("DELETE", "/services/srv-a", None).status, 204);
    assert_eq!(lab.ask("GET", "/services/srv-a/deploys", None).status, 404);
    assert_eq!(lab.ask("DELETE", "/services/srv-a", None).status, 404);
    assert_eq!(lab.platform.next_event_at(), None);
}

#[test]
fn custom_domains_are_listed() {
    let mut lab = Lab::new();
    let seed = ServiceSeed {
        domains: vec!["acme.example.com".into()],
        url: Some("http://127.0.0.1:1/sites/srv-d".into()),
        ..ServiceSeed::web("srv-d", NEW, "v1.1.0")
    };
    lab.platform.add_service(lab.now, seed);
    let shown = lab.get("/services/srv-d/custom-domains");
    assert_eq!(shown[0]["customDomain"]["name"], "acme.example.com");
    let url = &lab.get("/services/srv-d")["serviceDetails"]["url"];
    assert_eq!(url, "http://127.0.0.1:1/sites/srv-d");
}
