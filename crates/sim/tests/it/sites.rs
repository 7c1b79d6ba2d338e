use policy::Span;
use serde_json::{Value, json};
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Outage, OutageScope, Symptom};
use sim::platform::{ServiceKind, ServiceSeed};

use crate::lab::{Lab, NEW, OLD, SERVICE, service};

fn ill(symptom: Symptom, from: Onset) -> FaultKind {
    FaultKind::Health(HealthFault {
        symptom,
        commit: Some(NEW.into()),
        from,
        until: None,
    })
}

fn live_release(symptom: Symptom) -> Lab {
    let mut lab = Lab::new();
    lab.arm(Fault::of(&service(), ill(symptom, Onset::Live)));
    lab.deploy(NEW);
    lab.pass(100);
    lab
}

#[test]
fn a_site_reports_health_and_version_of_what_is_live() {
    let mut lab = Lab::new();
    assert_eq!(lab.visit("/").0, 200);
    let (status, body) = lab.visit("/api/health");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, body),
        (200, json!({ "status": "ok", "database": "connected" }))
    );
    assert_eq!(lab.version(), "v1.0.0");
    assert_eq!(lab.visit("/nothing").0, 404);
    let reply = lab.platform.visit(lab.now, &service(), "/").unwrap();
    assert_eq!(reply.latency_ms, 5);
}

#[test]
fn a_static_site_has_no_api() {
    let mut lab = Lab::new();
    let seed = ServiceSeed {
        kind: ServiceKind::StaticSite,
        ..ServiceSeed::web(SERVICE, OLD, "v1.0.0")
    };
    lab.platform.add_service(lab.now, seed);
    assert_eq!((lab.visit("/").0, lab.visit("/api/health").0), (200, 404));
}

#[test]
fn only_the_release_fails_and_a_rollback_heals() {
    let mut lab = Lab::new();
    let old = lab.platform.service(&service()).unwrap().live.clone();
    lab.arm(Fault::of(&service(), ill(Symptom::Failing, Onset::Live)));
    lab.deploy(NEW);
    lab.pass(99);
    assert_eq!(lab.visit("/api/health").0, 200);
    lab.pass(1);
    assert_eq!(lab.visit("/api/health").0, 500);
    let body = json!({ "deployId": old });
    lab.ask("POST", "/services/srv-a/rollback", Some(&body));
    lab.pass(20);
    assert_eq!(lab.visit("/api/health").0, 200);
}

#[test]
fn a_fault_that_is_felt_once_spares_the_second_deploy() {
    let mut lab = Lab::new();
    lab.arm(Fault::of(&service(), ill(Symptom::Failing, Onset::Live)).times(1));
    for healthy in [false, true] {
        lab.deploy(NEW);
        lab.pass(100);
        assert_eq!(lab.visit("/").0 == 200, healthy);
    }
}

#[test]
fn each_symptom_shows_where_it_belongs() {
    let mut lab = live_release(Symptom::Database);
    let (status, body) = lab.visit("/api/health");
    assert_eq!(status, 200);
    assert!(body.contains("disconnected"));
    assert_eq!(lab.visit("/").0, 200);
    let mut lab = live_release(Symptom::Version { says: "v9".into() });
    assert_eq!(lab.version(), "v9");
    let mut lab = live_release(Symptom::Slow { latency_ms: 6_000 });
    let reply = lab.platform.visit(lab.now, &service(), "/").unwrap();
    assert_eq!((reply.status, reply.latency_ms), (200, 6_000));
}

#[test]
fn a_flaky_release_fails_for_about_its_share() {
    let mut lab = live_release(Symptom::Flaky { percent: 20 });
    let failed = (0..1_000).filter(|_| {
        lab.now += chrono::TimeDelta::milliseconds(997);
        lab.visit("/").0 == 500
    });
    let failed = failed.count();
    assert!((120..=280).contains(&failed), "{failed} of 1000");
}

#[test]
fn a_fault_of_an_interval_befalls_what_is_live_already() {
    let mut lab = Lab::new();
    lab.deploy(NEW);
    lab.pass(100);
    let at = |seconds| lab.now + Span::from_secs(seconds).to_delta();
    let (from, until) = (at(10), at(20));
    let kind = FaultKind::Health(HealthFault {
        symptom: Symptom::Failing,
        commit: None,
        from: Onset::At(from),
        until: Some(until),
    });
    lab.arm(Fault::of(&service(), kind));
    let mut turns = Vec::new();
    for _ in 0..2 {
        let next = lab.platform.site_changes_at(lab.now, &service()).unwrap();
        lab.now = next;
        turns.push((next, lab.visit("/").0));
    }
    assert_eq!(turns, [(from, 500), (until, 200)]);
    assert_eq!(lab.platform.site_changes_at(lab.now, &service()), None);
    let other = ServiceSeed::web("srv-b", OLD, "v1.0.0");
    lab.platform.add_service(lab.now, other);
    lab.deploy(NEW);
    let (now, other) = (lab.now, "srv-b".into());
    assert_eq!(lab.platform.site_changes_at(now, &other), None);
    assert!(lab.platform.site_changes_at(now, &service()).is_some());
}

#[test]
fn maintenance_and_suspension_answer_503() {
    let mut lab = Lab::new();
    let on = json!({ "serviceDetails": { "maintenanceMode": { "enabled": true, "uri": "" } } });
    assert_eq!(lab.ask("PATCH", "/services/srv-a", Some(&on)).status, 200);
    assert_eq!(lab.visit("/api/health").0, 503);
}

#[test]
fn sites_can_be_unreachable_without_the_api() {
    let mut lab = Lab::new();
    let outage = Outage {
        from: lab.now,
        until: None,
        reach: OutageScope::Sites,
    };
    lab.arm(Fault::everywhere(FaultKind::Unreachable(outage)));
    assert_eq!(lab.platform.visit(lab.now, &service(), "/"), None);
    lab.get("/users");
}

fn metric(lab: &mut Lab, target: &str) -> Value {
    lab.get(&format!("/metrics/{target}"))
}

fn sum(series: &Value) -> f64 {
    let values = series["values"].as_array().unwrap().iter();
    values.map(|value| value["value"].as_f64().unwrap()).sum()
}

#[test]
fn metrics_tell_errors_and_latency_of_the_release() {
    let mut lab = live_release(Symptom::Failing);
    lab.pass(600);
    let start = lab.now - chrono::TimeDelta::seconds(300);
    let start = start.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let query = format!("http-requests?resource=srv-a&aggregateBy=statusCode&startTime={start}");
    let series = metric(&mut lab, &query);
    let labels = &series[1]["labels"];
    assert!(
        labels
            .as_array()
            .unwrap()
            .contains(&json!({ "field": "statusCode", "value": "500" }))
    );
    assert!(sum(&series[0]) < 0.5 && sum(&series[1]) > 0.0, "{series}");
    let mut lab = live_release(Symptom::Slow { latency_ms: 700 });
    lab.pass(600);
    let series = metric(&mut lab, "http-latency?resource=srv-a&quantile=0.95");
    let values = series[0]["values"].as_array().unwrap();
    assert_eq!(values.last().unwrap()["value"], 700.0);
    assert_eq!(values[0]["value"], 5.0);
}

#[test]
fn absent_metrics_are_absent_not_zero() {
    let mut lab = Lab::new();
    lab.platform.settings_mut().professional = false;
    lab.pass(600);
    assert_eq!(metric(&mut lab, "http-latency?resource=srv-a"), json!([]));
    let seed = ServiceSeed {
        kind: ServiceKind::StaticSite,
        ..ServiceSeed::web("srv-site", OLD, "v1.0.0")
    };
    lab.platform.add_service(lab.now, seed);
    assert_eq!(
        metric(&mut lab, "http-requests?resource=srv-site"),
        json!([])
    );
}
