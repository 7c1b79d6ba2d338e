//! Watching and telling: alerts, drift and notifications, with real processes and a simulated Render over HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// Appends what it is told to a file.
const TELL: &str = "cat >> told.jsonl";

/// Adds `notify` for these kinds, by a command.
fn notify(story: &Story, kinds: &str, command: &str) {
    let entry = format!("notify: [ {{ when: [{kinds}], to: {{ command: \"{command}\" }} }} ]\n");
    story.project.edit("tranche.yaml", |text| text + &entry);
}

fn told(story: &Story) -> Vec<Value> {
    let text = fs::read_to_string(story.project.path().join("told.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(told: &[Value]) -> Vec<&str> {
    told.iter().filter_map(|one| one["type"].as_str()).collect()
}

#[test]
fn an_outage_is_raised_told_acknowledged_and_reported() {
    let story = Story::new(&[]);
    let project = &story.project;
    notify(&story, "alert_raised, alert_recovered", TELL);
    project.edit("customers.yaml", |text| {
        text.replace("/sites/srv-acme", "/sites/srv-nobody")
    });
    for _ in 0..4 {
        let said = project.tranche(&["monitor", "--once"]);
        assert_eq!(said.exit, 1, "{}", said.err);
        assert!(said.out.contains("down"), "{}", said.out);
    }
    let told_so_far = told(&story);
    assert_eq!(kinds(&told_so_far), ["alert_raised"]);
    assert_eq!(told_so_far[0]["data"]["about"][0]["severity"], "critical");

    let said = project.tranche(&["alerts", "-o", "json"]).succeeds();
    let alerts: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    let id = alerts[0]["id"].to_string();
    let said = project
        .tranche(&["alerts", "ack", &id, "--reason", "seen"])
        .succeeds();
    assert!(said.out.contains("has taken notice"), "{}", said.out);

    let said = project.tranche(&["health", "--history", "1h"]).succeeds();
    assert!(
        said.out.contains("0.00 %") && said.out.contains("100.00 %"),
        "{}",
        said.out
    );
    let said = project
        .tranche(&["health", "acme", "--history", "1h", "-o", "json"])
        .succeeds();
    let past: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(past[0]["failed"], 4);
    // Nothing was answered, so nothing is said about how fast.
    assert!(past[0]["p95_ms"].is_null(), "{past}");
    for file in ["week.html", "week.md"] {
        project
            .tranche(&["monitor", "report", "--to", file])
            .succeeds();
        let report = fs::read_to_string(project.path().join(file)).unwrap();
        assert!(report.contains("acme"), "{report}");
    }

    project.edit("customers.yaml", |text| {
        text.replace("/sites/srv-nobody", "/sites/srv-acme")
    });
    project.tranche(&["monitor", "--once"]).succeeds();
    assert_eq!(kinds(&told(&story)), ["alert_raised", "alert_recovered"]);
    assert_eq!(
        project
            .tranche(&["alerts", "ack", &id, "--reason", "late"])
            .exit,
        0
    );
    assert_eq!(
        project
            .tranche(&["alerts", "ack", "99", "--reason", "none"])
            .exit,
        2
    );
}

#[test]
fn a_rollout_tells_and_what_is_not_delivered_waits_for_a_person() {
    let story = Story::new(&[]);
    let project = &story.project;
    notify(
        &story,
        "customer_healthy, rollout_succeeded",
        "test -e ready && cat >> told.jsonl",
    );
    project
        .tranche_with(&["start", "latest"], &[KEY])
        .succeeds();
    assert_eq!(told(&story).len(), 0);

    let said = project
        .tranche(&["notifications", "--failed", "-o", "json"])
        .succeeds();
    let failed: Value = serde_json::from_str(&said.out).unwrap();
    let ids: Vec<&str> = failed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert_eq!(ids.len(), 3, "{failed}");
    assert_eq!(failed[0]["error"], "it ended with exit status: 1");

    fs::write(project.path().join("ready"), "").unwrap();
    for id in &ids {
        let said = project.tranche(&["notifications", "resend", id]).succeeds();
        assert!(said.out.contains("was delivered"), "{}", said.out);
    }
    let told = told(&story);
    assert_eq!(
        kinds(&told),
        ["customer_healthy", "customer_healthy", "rollout_succeeded"]
    );
    assert_eq!(told[2]["data"]["version"], "v1.1.0");
    let said = project.tranche(&["notifications", "--failed"]).succeeds();
    assert!(
        said.err.contains("everything was delivered"),
        "{}",
        said.err
    );
    assert_eq!(
        project.tranche(&["notifications", "show", "e1-none"]).exit,
        2
    );
}

#[test]
fn a_deploy_that_is_not_ours_is_told_as_drift() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "latest"], &[KEY])
        .succeeds();
    let open = || {
        project
            .tranche_with(&["monitor", "--once"], &[KEY])
            .succeeds();
        let said = project.tranche(&["alerts", "-o", "json"]).succeeds();
        let alerts: Value = serde_json::from_str(&said.out).unwrap();
        let alerts = alerts.as_array().unwrap().iter();
        alerts
            .map(|alert| alert["condition"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(open(), [""; 0]);
    assert_eq!(drifted(project), [""; 0]);

    deploy(&story, "srv-acme", &"d".repeat(40));
    let live = || open() == ["drift"];
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !live() {
        assert!(std::time::Instant::now() < limit, "no drift was found");
    }
    assert_eq!(open(), ["drift"]);
    assert_eq!(drifted(project), ["acme"]);
}

/// The customers that `list --versions` marks.
fn drifted(project: &Project) -> Vec<String> {
    let said = project.tranche(&["list", "--versions"]).succeeds();
    let marked = said.out.lines().filter(|line| line.contains("drift: "));
    assert!(marked.count() <= 1, "{}", said.out);
    let said = project
        .tranche(&["list", "--versions", "-o", "json"])
        .succeeds();
    let tracked: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    let drifted = tracked.iter().filter(|one| !one["drift"].is_null());
    drifted
        .map(|one| one["customer"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_service_is_asked_for_what_its_kind_at_render_answers() {
    let story = Story::new(&[]);
    let project = &story.project;
    // By its role it is a static site, which is asked for its start page only. Render knows better.
    project.edit("customers.yaml", |text| {
        text.replacen("backend:", "frontend:", 1)
    });
    project.edit("tranche.yaml", |text| {
        text.replace("/api/health", "/api/nowhere")
    });
    let asked = |env: &[(&str, &str)]| {
        let said = project.tranche_with(&["monitor", "--once", "-o", "json"], env);
        let seen: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(seen[0]["customer"], "acme");
        seen[0]["seen"].as_str().unwrap().to_owned()
    };
    assert_eq!(asked(&[]), "up");
    assert_eq!(asked(&[("RENDER_API_KEY", "rnd_refused")]), "up");
    assert_eq!(asked(&[KEY]), "down");
}

/// Asks Render for a deploy, as somebody else would.
fn deploy(story: &Story, service: &str, commit: &str) {
    let body = format!("{{\"commitId\":\"{commit}\"}}");
    let request = format!(
        "POST /v1/services/{service}/deploys HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        story.address,
        KEY.1,
        body.len()
    );
    let mut stream = TcpStream::connect(&story.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
}

#[test]
fn an_engine_watches_the_fleet_if_the_project_says_so() {
    let story = Story::new(&[]);
    let project = &story.project;
    project.tranche(&["health", "--history", "1h"]).exits(3);
    project.edit("tranche.yaml", |text| text + "monitor: { every: 100ms }\n");
    project
        .tranche_with(&["start", "latest"], &[KEY])
        .succeeds();
    let said = project
        .tranche(&["health", "--history", "1h", "-o", "json"])
        .succeeds();
    let past: Value = serde_json::from_str(&said.out).unwrap();
    let customers: Vec<&str> = past
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["probes"].as_u64() > Some(0) && one["uptime"] == 100.0)
        .filter_map(|one| one["customer"].as_str())
        .collect();
    assert_eq!(customers, ["acme", "bolt"], "{past}");
    let said = project.tranche(&["alerts", "-o", "json"]).succeeds();
    assert_eq!(said.out.trim(), "[]");
}
