use policy::Span;
use serde_json::json;
use sim::fault::{Fault, FaultKind, JobOutcome};
use sim::platform::{DEFAULT_OWNER, DatabaseSeed};

use crate::lab::{Lab, NEW, service};

fn with_database(plan: &str) -> Lab {
    let mut lab = Lab::new();
    let seed = DatabaseSeed {
        id: "dpg-a".into(),
        name: "acme".into(),
        owner: DEFAULT_OWNER.into(),
        plan: plan.into(),
        age: Span::ZERO,
        data: Vec::new(),
    };
    lab.platform.add_database(lab.now, seed);
    lab
}

#[test]
fn a_job_runs_and_ends() {
    let mut lab = Lab::new();
    let body = json!({ "startCommand": "migrate" });
    let reply = lab.ask("POST", "/services/srv-a/jobs", Some(&body));
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("ratelimit-limit"), Some("2000"));
    let id = reply.value()["id"].as_str().unwrap().to_owned();
    let path = format!("/services/srv-a/jobs/{id}");
    assert_eq!(lab.get(&path)["status"], "running");
    lab.pass(10);
    assert_eq!(lab.get(&path)["status"], "succeeded");
    assert_eq!(lab.ask("POST", &format!("{path}/cancel"), None).status, 400);
}

#[test]
fn a_job_can_fail_or_hang_and_be_canceled() {
    let mut lab = Lab::new();
    for (outcome, status) in [
        (JobOutcome::Failed, "failed"),
        (JobOutcome::Stuck, "running"),
    ] {
        lab.arm(Fault::of(&service(), FaultKind::Job(outcome)).times(1));
        let body = json!({ "startCommand": "migrate" });
        lab.ask("POST", "/services/srv-a/jobs", Some(&body));
        lab.pass(1_000);
        let newest = lab.get("/services/srv-a/jobs?limit=1");
        assert_eq!(newest[0]["job"]["status"], status);
    }
    let newest = lab.get("/services/srv-a/jobs?limit=1");
    let id = newest[0]["job"]["id"].as_str().unwrap().to_owned();
    let reply = lab.ask("POST", &format!("/services/srv-a/jobs/{id}/cancel"), None);
    assert_eq!(reply.value()["status"], "canceled");
}

#[test]
fn a_database_is_restored_into_a_new_one() {
    let mut lab = with_database("basic_1gb");
    lab.pass(3_600);
    assert_eq!(
        lab.get("/postgres/dpg-a/recovery")["recoveryStatus"],
        "AVAILABLE"
    );
    let mut recover = |seconds: i64| {
        let at = lab.now - chrono::TimeDelta::seconds(seconds);
        let body = json!({ "restoreTime": at.to_rfc3339() });
        lab.ask("POST", "/postgres/dpg-a/recovery", Some(&body))
    };
    assert_eq!(recover(300).status, 400, "too fresh");
    assert_eq!(recover(3_601).status, 400, "older than the database");
    let reply = recover(1_800);
    assert_eq!(reply.status, 200);
    let id = reply.value()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, "dpg-a");
    assert_eq!(reply.value()["status"], "creating");
    lab.pass(300);
    assert_eq!(lab.get(&format!("/postgres/{id}"))["status"], "available");
    assert_eq!(lab.get("/postgres").as_array().unwrap().len(), 2);
}

#[test]
fn a_free_database_cannot_be_restored() {
    let mut lab = with_database("free");
    lab.pass(3_600);
    assert_eq!(
        lab.get("/postgres/dpg-a/recovery"),
        json!({ "recoveryStatus": "NOT_AVAILABLE" })
    );
    let body = json!({ "restoreTime": "2027-01-11T09:10:00Z" });
    assert_eq!(
        lab.ask("POST", "/postgres/dpg-a/recovery", Some(&body))
            .status,
        400
    );
}

#[test]
fn an_export_has_a_url_once_it_is_ready() {
    let mut lab = with_database("basic_1gb");
    let reply = lab.ask("POST", "/postgres/dpg-a/export", None);
    assert_eq!((reply.status, reply.body), (202, None));
    assert_eq!(lab.get("/postgres/dpg-a/export")[0].get("url"), None);
    assert_eq!(lab.ask("POST", "/postgres/dpg-a/export", None).status, 409);
    lab.pass(120);
    assert!(lab.get("/postgres/dpg-a/export")[0]["url"].is_string());
    lab.pass(8 * 24 * 3_600);
    assert_eq!(lab.get("/postgres/dpg-a/export"), json!([]));
}

#[test]
fn a_database_says_how_to_connect() {
    let mut lab = with_database("basic_1gb");
    let shown = lab.get("/postgres/dpg-a/connection-info");
    for key in [
        "password",
        "internalConnectionString",
        "externalConnectionString",
        "psqlCommand",
    ] {
        assert!(shown[key].is_string(), "{key}");
    }
    assert_eq!(lab.ask("POST", "/postgres/dpg-a/suspend", None).status, 202);
    assert_eq!(lab.get("/postgres/dpg-a")["status"], "suspended");
    assert_eq!(lab.ask("GET", "/postgres/dpg-b", None).status, 404);
}

#[test]
fn logs_follow_a_deploy_and_can_be_filtered() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    lab.pass(100);
    let query = format!("/logs?ownerId={DEFAULT_OWNER}&resource=srv-a");
    let logs = lab.get(&query);
    assert_eq!(logs["logs"][0]["message"], "==> Deploy succeeded");
    assert_eq!(logs["hasMore"], false);
    let builds = lab.get(&format!("{query}&type=build&direction=forward"));
    assert_eq!(builds["logs"][0]["message"], "==> Building");
    assert_eq!(builds["logs"].as_array().unwrap().len(), 2);
    let found = lab.get(&format!("{query}&text=Deploy"));
    assert_eq!(found["logs"].as_array().unwrap().len(), 1);
    let first = lab.get(&format!("{query}&limit=1"));
    assert_eq!(first["hasMore"], true);
    assert_eq!(lab.ask("GET", "/logs?resource=srv-a", None).status, 400);
    for (filter, found) in [
        ("text=/^==%3E%20De.*d$/", 1),
        ("text=/^Deploy/", 0),
        ("text=/Build{1,2}/&text=/Deploy/", 3),
        ("type=/^b/", 2),
        ("level=/info|error/", 3),
        ("type=b*", 2),
        // No line here is of a request or of an instance.
        ("host=*", 0),
        ("instance=/./", 0),
    ] {
        let logs = lab.get(&format!("{query}&{filter}"));
        assert_eq!(logs["logs"].as_array().unwrap().len(), found, "{filter}");
    }
    let broken = lab.ask("GET", &format!("{query}&text=/De(ploy/"), None);
    assert_eq!(broken.status, 400);
}
