//! B10: after a full restoration code and variables of a customer are those from before, compared key by key at Render.

use std::collections::BTreeMap;
use std::process::Output;

use policy::ServiceId;
use serde_json::Value;
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Symptom};
use sim::http::Clock;
use sim::platform::{NewValue, Trigger};

use crate::lab::{BEFORE, Files, Lab, RELEASE, SERVICES, wait_for};

/// The services of the customer that goes back, in the order in which they go forward.
const ACME: [&str; 2] = [SERVICES[0], SERVICES[1]];

/// One variable changes, two are added, `KEPT` is none of the release's business.
const VARIABLES: &str = "
  backend: { VERSION_TAG: \"${version}\", ADDED: \"for ${customer}\", SHARED: \"${version}\" }
  frontend: { VERSION_TAG: \"${version}\", ADDED: \"for ${customer}\", SHARED: \"${version}\" }
";

/// What Render has of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    /// The commit that serves traffic.
    commit: String,
    /// What it runs with.
    live: BTreeMap<String, String>,
    /// What the next deploy would run with.
    stored: BTreeMap<String, String>,
}

fn lab() -> Lab {
    let mut files = Files::small();
    files.project = files
        .project
        .replace("\n  backend: { VERSION_TAG: \"${version}\" }\n", VARIABLES);
    files.policies = vec![("all", "policy: all\nsoak: 1h\n".to_owned())];
    Lab::of(&files)
}

fn held(lab: &Lab, service: &str) -> Held {
    let id = ServiceId::new(service);
    let now = Clock::real_time().now();
    let mut platform = lab.platform();
    let stored = platform.env_vars(now, &id).unwrap().clone();
    let live = platform.live_env_vars(now, &id).unwrap();
    let deploy = platform.service(&id).unwrap().live_deploy().unwrap();
    Held {
        commit: deploy.source.commit().unwrap().to_string(),
        live,
        stored,
    }
}

fn all_of(lab: &Lab) -> Vec<Held> {
    ACME.iter().map(|service| held(lab, service)).collect()
}

fn events(lab: &Lab) -> Vec<Value> {
    let journal = String::from_utf8(lab.tranche(&["events"]).stdout).unwrap();
    let lines = journal.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn has(lab: &Lab, kind: &str) -> bool {
    let of_acme = |event: &Value| event["kind"] == kind && event["customer"] == "acme";
    events(lab).iter().any(of_acme)
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

/// Drives the release until it is live and healthy at the whole customer, and checks that it did arrive.
fn release(lab: &Lab) {
    let mut engine = lab.spawn(&["start", RELEASE, "--yes"]);
    wait_for("acme is healthy", || has(lab, "customer_healthy"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    for service in ACME {
        let held = held(lab, service);
        assert_eq!(held.commit, lab.commit(RELEASE), "{service}");
        assert_eq!(held.live["VERSION_TAG"], RELEASE, "{service}");
        assert_eq!(held.live["ADDED"], "for acme", "{service}");
    }
}

/// A person asks for the way back, and an engine goes it.
fn go_back(lab: &Lab) {
    succeeds(&lab.tranche(&["rollback", "acme", "--reason", "a bad release"]));
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    succeeds(&lab.tranche(&["verify"]));
}

#[test]
fn a_restored_customer_has_the_code_and_every_variable_from_before() {
    let lab = lab();
    let before = all_of(&lab);
    assert!(before.iter().all(|held| held.stored["KEPT"] == "as it was"));
    release(&lab);
    go_back(&lab);
    assert_eq!(all_of(&lab), before);
    let goes_back =
        |event: &Value| event["kind"] == "rollback_intended" && event["customer"] != "acme";
    assert!(!events(&lab).iter().any(goes_back), "nobody else goes back");
}

#[test]
fn what_somebody_else_changed_meanwhile_stays_and_is_reported() {
    let lab = lab();
    let before = all_of(&lab);
    release(&lab);
    let foreign = "of somebody else";
    let value = NewValue::Text(foreign.to_owned());
    let now = Clock::real_time().now();
    let backend = ServiceId::new(ACME[0]);
    lab.platform()
        .put_env_var(now, &backend, "SHARED", value)
        .unwrap();
    go_back(&lab);
    let mut expected = before;
    let stored = &mut expected[0].stored;
    stored.insert("SHARED".to_owned(), foreign.to_owned());
    assert_eq!(all_of(&lab), expected);
    let restored: BTreeMap<String, Value> = events(&lab)
        .into_iter()
        .filter(|event| event["kind"] == "variables_restored")
        .map(|event| {
            (
                event["service"].to_string(),
                event["data"]["foreign"].clone(),
            )
        })
        .collect();
    let reported: Vec<&Value> = restored.values().collect();
    assert_eq!(
        reported,
        [&serde_json::json!(["SHARED"]), &serde_json::json!([])]
    );
}

#[test]
fn a_bad_last_service_takes_the_whole_customer_back_to_code_and_variables_from_before() {
    let lab = lab();
    let before = all_of(&lab);
    let fault = HealthFault {
        commit: Some(lab.commit(RELEASE).into()),
        symptom: Symptom::Failing,
        from: Onset::Live,
        until: None,
    };
    let frontend = ServiceId::new(ACME[1]);
    lab.arm(Fault::of(&frontend, FaultKind::Health(fault)));
    let mut engine = lab.spawn(&["start", RELEASE, "--yes"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    for service in ACME {
        let came = lab
            .platform()
            .requests()
            .deploys_of(&ServiceId::new(service))
            .count();
        assert_eq!(came, 2, "{service} went forward and back");
    }
    assert_eq!(all_of(&lab), before);
}

#[test]
fn where_render_keeps_no_build_of_before_its_commit_brings_code_and_variables_back() {
    let lab = lab();
    let before = all_of(&lab);
    release(&lab);
    let now = Clock::real_time().now();
    for service in ACME {
        let id = ServiceId::new(service);
        let mut platform = lab.platform();
        let found = platform.service(&id).unwrap();
        let old = found.deploys.iter().find(|deploy| {
            deploy.source.commit().map(ToString::to_string).as_deref() == Some(lab.commit(BEFORE))
        });
        let old = old.unwrap().id.clone();
        platform.purge_artefact(now, &id, &old).unwrap();
    }
    go_back(&lab);
    assert_eq!(all_of(&lab), before);
    for service in ACME {
        let platform = lab.platform();
        let live = platform
            .service(&ServiceId::new(service))
            .unwrap()
            .live_deploy();
        assert_eq!(live.unwrap().trigger, Trigger::Api, "{service}");
    }
}
