use serde_json::{Value, json};
use sim::platform::{ServiceKind, ServiceSeed};

use crate::lab::{Lab, NEW, OLD, SERVICE, service};

fn put(lab: &mut Lab, key: &str, value: &str) {
    let body = json!({ "value": value });
    let reply = lab.ask(
        "PUT",
        &format!("/services/srv-a/env-vars/{key}"),
        Some(&body),
    );
    assert_eq!(reply.status, 200);
    assert_eq!(reply.value(), json!({ "key": key, "value": value }));
}

fn live(lab: &mut Lab, key: &str) -> Option<String> {
    let variables = lab.platform.live_env_vars(lab.now, &service()).unwrap();
    variables.get(key).cloned()
}

#[test]
fn a_variable_is_stored_at_once_and_used_by_the_next_deploy_only() {
    let mut lab = Lab::new();
    put(&mut lab, "MODE", "new");
    assert_eq!(lab.platform.next_event_at(), None);
    lab.ask("POST", "/services/srv-a/restart", None);
    lab.pass(1_000);
    assert_eq!(live(&mut lab, "MODE").unwrap(), "old");
    lab.deploy(NEW);
    put(&mut lab, "MODE", "too late");
    lab.pass(100);
    assert_eq!(live(&mut lab, "MODE").unwrap(), "new");
}

#[test]
fn a_variable_can_be_read_and_removed() {
    let mut lab = Lab::new();
    let path = "/services/srv-a/env-vars/MODE";
    assert_eq!(lab.get(path), json!({ "key": "MODE", "value": "old" }));
    let reply = lab.ask("DELETE", path, None);
    assert_eq!((reply.status, reply.body.as_ref()), (204, None));
    assert_eq!(reply.header("content-type"), None);
    assert_eq!(lab.ask("GET", path, None).status, 404);
    assert_eq!(lab.ask("DELETE", path, None).status, 404);
}

#[test]
fn generated_values_are_fresh_secrets_of_256_bits() {
    let mut lab = Lab::new();
    let mut generate = |key: &str| {
        let body = json!({ "generateValue": true });
        let reply = lab.ask(
            "PUT",
            &format!("/services/srv-a/env-vars/{key}"),
            Some(&body),
        );
        reply.value()["value"].as_str().unwrap().to_owned()
    };
    let (first, second) = (generate("A"), generate("A"));
    assert_eq!((first.len(), first.ends_with('=')), (44, true));
    assert_ne!(first, second);
    let both = json!({ "value": "x", "generateValue": true });
    for body in [both, json!({})] {
        let reply = lab.ask("PUT", "/services/srv-a/env-vars/A", Some(&body));
        assert_eq!(reply.status, 400);
    }
}

#[test]
fn putting_all_variables_forgets_the_others_and_null_wipes_them() {
    let mut lab = Lab::new();
    let path = "/services/srv-a/env-vars";
    let reply = lab.ask("PUT", path, Some(&json!([{ "key": "A", "value": "1" }])));
    assert_eq!(reply.value(), json!([{ "key": "A", "value": "1" }]));
    assert_eq!(lab.get(path).as_array().unwrap().len(), 1);
    let reply = lab.ask("PUT", path, Some(&Value::Null));
    assert_eq!((reply.status, reply.value()), (200, json!([])));
    assert_eq!(lab.get(path), json!([]));
}

#[test]
fn secret_files_are_kept_like_variables() {
    let mut lab = Lab::new();
    let path = "/services/srv-a/secret-files/a.pem";
    let reply = lab.ask("PUT", path, Some(&json!({ "content": "x" })));
    assert_eq!(reply.status, 201);
    assert_eq!(lab.get(path)["content"], "x");
    assert_eq!(lab.ask("DELETE", path, None).status, 204);
    let all = "/services/srv-a/secret-files";
    assert_eq!(lab.ask("PUT", all, Some(&Value::Null)).value(), json!([]));
    assert_eq!(lab.get(all), json!([]));
}

#[test]
fn a_static_site_keeps_its_built_in_variables_without_a_build() {
    let mut lab = Lab::new();
    let mut seed = ServiceSeed::web(SERVICE, OLD, "v1.0.0");
    seed.kind = ServiceKind::StaticSite;
    seed.variables.insert("MODE".into(), "old".into());
    lab.platform.add_service(lab.now, seed);
    put(&mut lab, "MODE", "new");
    let body = json!({ "deployMode": "deploy_only" });
    lab.ask("POST", "/services/srv-a/deploys", Some(&body));
    lab.pass(100);
    assert_eq!(live(&mut lab, "MODE").unwrap(), "old");
}

#[test]
fn values_are_in_no_log_and_no_debug_output() {
    let mut lab = Lab::new();
    put(&mut lab, "TOKEN", "swordfish");
    lab.deploy(NEW);
    let requests = serde_json::to_string(lab.platform.requests()).unwrap();
    assert!(requests.contains("TOKEN") && !requests.contains("swordfish"));
    assert!(!format!("{:?}", lab.platform).contains("swordfish"));
}
