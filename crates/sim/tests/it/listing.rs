use serde_json::Value;
use sim::platform::{Owner, ServiceKind, ServiceSeed};

use crate::lab::{Lab, NEW};

fn ids(page: &Value, wrapper: &str) -> Vec<String> {
    let entries = page.as_array().unwrap().iter();
    let id = |entry: &Value| entry[wrapper]["id"].as_str().unwrap().to_owned();
    entries.map(id).collect()
}

fn next(page: &Value) -> String {
    let last = page.as_array().unwrap().last().unwrap();
    last["cursor"].as_str().unwrap().to_owned()
}

fn with_deploys(count: usize) -> Lab {
    let mut lab = Lab::new();
    for _ in 0..count {
        lab.deploy(NEW);
        lab.pass(101);
    }
    lab
}

#[test]
fn lists_come_newest_first_in_pages_of_twenty() {
    let mut lab = with_deploys(24);
    let first = lab.get("/services/srv-a/deploys");
    assert_eq!(first.as_array().unwrap().len(), 20);
    let second = lab.get(&format!("/services/srv-a/deploys?cursor={}", next(&first)));
    let mut all = ids(&first, "deploy");
    all.extend(ids(&second, "deploy"));
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted_by(|newer, older| newer > older));
    let third = lab.get(&format!("/services/srv-a/deploys?cursor={}", next(&second)));
    assert_eq!(third, Value::Array(Vec::new()));
}

#[test]
fn a_new_entry_does_not_shift_the_next_page() {
    let mut lab = with_deploys(3);
    let first = lab.get("/services/srv-a/deploys?limit=2");
    lab.deploy(NEW);
    let second = lab.get(&format!(
        "/services/srv-a/deploys?limit=2&cursor={}",
        next(&first)
    ));
    let (first, second) = (ids(&first, "deploy"), ids(&second, "deploy"));
    assert!(first.iter().all(|id| !second.contains(id)));
}

#[test]
fn a_page_has_from_1_to_100_entries() {
    let mut lab = Lab::new();
    for limit in ["0", "101", "-1", "x"] {
        let path = format!("/services/srv-a/deploys?limit={limit}");
        assert_eq!(lab.ask("GET", &path, None).status, 400, "{limit}");
    }
    assert_eq!(
        lab.ask("GET", "/services/srv-a/deploys?cursor=x", None)
            .status,
        400
    );
    assert_eq!(
        lab.get("/services/srv-a/deploys?limit=100")
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn deploys_are_found_by_status_repeated_or_joined() {
    let mut lab = with_deploys(1);
    let both = ["status=live&status=deactivated", "status=live,deactivated"];
    for query in both {
        let page = lab.get(&format!("/services/srv-a/deploys?{query}"));
        assert_eq!(page.as_array().unwrap().len(), 2);
    }
    let live = lab.get("/services/srv-a/deploys?status=live");
    assert_eq!(live.as_array().unwrap().len(), 1);
    assert_eq!(
        lab.ask("GET", "/services/srv-a/deploys?status=flying", None)
            .status,
        400
    );
}

#[test]
fn bounds_of_time_are_exclusive_after_and_inclusive_before() {
    let mut lab = Lab::new();
    lab.pass(10);
    let at = lab.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    lab.deploy(NEW);
    let mut count = |query: String| {
        let page = lab.get(&format!("/services/srv-a/deploys?{query}"));
        page.as_array().unwrap().len()
    };
    assert_eq!(count(format!("createdAfter={at}")), 0);
    assert_eq!(count(format!("createdBefore={at}")), 2);
    // The one that runs has no end.
    assert_eq!(count(format!("finishedBefore={at}")), 1);
}

#[test]
fn services_are_found_by_type_name_owner_and_suspension() {
    let mut lab = Lab::new();
    let site = ServiceSeed {
        kind: ServiceKind::StaticSite,
        suspended: true,
        owner: "tea-other".into(),
        ..ServiceSeed::web("srv-site", NEW, "v1.1.0")
    };
    lab.platform.add_service(lab.now, site);
    let mut found = |query: &str| ids(&lab.get(&format!("/services?{query}")), "service");
    assert_eq!(found("").len(), 2);
    assert_eq!(found("type=static_site"), ["srv-site"]);
    assert_eq!(found("type=static_site,web_service").len(), 2);
    assert_eq!(found("name=srv-a"), ["srv-a"]);
    assert_eq!(found("ownerId=tea-other"), ["srv-site"]);
    assert_eq!(found("suspended=not_suspended"), ["srv-a"]);
}

#[test]
fn workspaces_are_found_by_name_and_by_id() {
    let mut lab = Lab::new();
    let mut owner = Owner::named(&"tea-b".into());
    owner.name = "Acme Inc".into();
    lab.platform.add_owner(owner);
    assert_eq!(ids(&lab.get("/owners?name=Acme%20Inc"), "owner"), ["tea-b"]);
    assert_eq!(ids(&lab.get("/owners?name=Acme+Inc"), "owner"), ["tea-b"]);
    assert_eq!(lab.get("/owners/tea-b")["type"], "team");
    assert_eq!(lab.ask("GET", "/owners/tea-c", None).status, 404);
    assert!(lab.get("/users")["email"].is_string());
}

#[test]
fn what_the_key_does_not_reach_is_not_found_or_forbidden() {
    let mut lab = Lab::new();
    let mut owner = Owner::named(&"tea-foreign".into());
    owner.foreign = true;
    lab.platform.add_owner(owner);
    let seed = ServiceSeed {
        owner: "tea-foreign".into(),
        ..ServiceSeed::web("srv-foreign", NEW, "v1.1.0")
    };
    lab.platform.add_service(lab.now, seed);
    assert_eq!(lab.ask("GET", "/services/srv-foreign", None).status, 404);
    assert_eq!(ids(&lab.get("/services"), "service"), ["srv-a"]);
    lab.platform.settings_mut().assumptions.foreign_id = 403;
    assert_eq!(lab.ask("GET", "/services/srv-foreign", None).status, 403);
}

#[test]
fn variables_come_in_pages_too() {
    let mut lab = Lab::new();
    for n in 0..30 {
        let value = sim::platform::NewValue::Text(n.to_string());
        let service = "srv-a".into();
        lab.platform
            .put_env_var(lab.now, &service, &format!("KEY_{n:02}"), value)
            .unwrap();
    }
    let first = lab.get("/services/srv-a/env-vars");
    assert_eq!(first.as_array().unwrap().len(), 20);
    assert_eq!(first[0]["envVar"]["key"], "KEY_00");
    let rest = lab.get(&format!("/services/srv-a/env-vars?cursor={}", next(&first)));
    assert_eq!(rest.as_array().unwrap().len(), 11);
}

#[test]
fn events_default_to_the_last_hour() {
    let mut lab = with_deploys(1);
    let begun = lab.now;
    assert_eq!(
        lab.get("/services/srv-a/events").as_array().unwrap().len(),
        4
    );
    lab.pass(3_601);
    assert_eq!(lab.get("/services/srv-a/events"), Value::Array(Vec::new()));
    let from = (begun - chrono::TimeDelta::seconds(200)).to_rfc3339();
    let from = from.replace('+', "%2B");
    let found = lab.get(&format!("/services/srv-a/events?startTime={from}"));
    assert_eq!(found[0]["event"]["type"], "deploy_ended");
    assert_eq!(found[3]["event"]["type"], "deploy_started");
    let id = found[0]["event"]["id"].as_str().unwrap().to_owned();
    assert_eq!(lab.get(&format!("/events/{id}"))["serviceId"], "srv-a");
}
