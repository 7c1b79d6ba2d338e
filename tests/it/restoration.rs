//! B10: after a full restoration code, variables and data of a customer are those from before, compared key by key at
//! Render.

use std::collections::BTreeMap;
use std::process::Output;

use policy::ServiceId;
use serde_json::Value;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, HealthFault, Onset, Symptom, Trouble};
use sim::http::Clock;
use sim::platform::{Database, NewValue, Trigger};

use crate::lab::{BEFORE, Files, Lab, RELEASE, SERVICES, span, wait_for};
use crate::sweep;

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

/// The customer's database.
const OLD: &str = "srv-acme-database";

/// A lab in which the customer has a database, and has had the release.
fn released_with_database() -> Lab {
    released_with(VARIABLES)
}

fn released_with(variables: &str) -> Lab {
    let mut files = Files::small();
    files.project = files
        .project
        .replace("\n  backend: { VERSION_TAG: \"${version}\" }\n", variables);
    files.policies = vec![("all", "policy: all\nsoak: 1h\n".to_owned())];
    files.fleet[0].2.push("database");
    let lab = Lab::of(&files);
    release(&lab);
    let now = Clock::real_time().now();
    let mut platform = lab.platform();
    platform
        .write_data(now, &OLD.into(), "of the release")
        .unwrap();
    drop(platform);
    lab
}

/// Asks for the data of so many minutes ago.
fn ask_for_data(lab: &Lab, minutes: i64, more: &[&str]) -> Output {
    let at = Clock::real_time().now() - span(&format!("{minutes}m")).to_delta();
    let at = at.to_rfc3339();
    let mut args = vec!["rollback", "acme", "--database", "--at", &at];
    args.extend(["--reason", "the release spoilt the data"]);
    args.extend(more);
    lab.tranche(&args)
}

/// Every database but the customer's old one.
fn new_databases(lab: &Lab) -> Vec<Database> {
    let platform = lab.platform();
    let new = platform.databases().filter(|one| one.id.as_str() != OLD);
    new.cloned().collect()
}

/// Exactly one new database has the data of before, its service and nothing else reads it, and all else is as it was.
fn check_restored(lab: &Lab, before: &[Held], place: &str) {
    let now = Clock::real_time().now();
    let new = new_databases(lab);
    assert_eq!(new.len(), 1, "{place}: {new:?}");
    assert_eq!(new[0].data(now), ["of before"], "{place}");
    let old = lab.platform().database(now, &OLD.into()).unwrap().clone();
    assert_eq!(old.data(now), ["of before", "of the release"], "{place}");
    let mut expected = before.to_vec();
    let url = new[0].connection().internal;
    let Held { live, stored, .. } = &mut expected[0];
    for variables in [live, stored] {
        let was = variables.insert("DATABASE_URL".to_owned(), url.clone());
        assert_eq!(was, Some(old.connection().internal), "{place}");
    }
    assert_eq!(all_of(lab), expected, "{place}");
    succeeds(&lab.tranche(&["verify"]));
}

#[test]
fn with_its_database_a_restored_customer_has_code_variables_and_data_from_before() {
    let lab = released_with_database();
    let released = all_of(&lab);
    let shown = ask_for_data(&lab, 20, &["--dry-run"]);
    succeeds(&shown);
    let text = String::from_utf8(shown.stdout).unwrap();
    for part in [
        "/postgres/srv-acme-database/recovery",
        "/env-vars/DATABASE_URL",
        "\"restoreName\":\"acme-r1-1-INSTANT\"",
        "srv-acme-database stays",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("pw-"), "a password: {text}");
    assert_eq!(all_of(&lab), released, "a dry run changes nothing");

    let unconfirmed = ask_for_data(&lab, 20, &[]);
    assert_eq!(unconfirmed.status.code(), Some(2), "{unconfirmed:?}");
    assert_eq!(new_databases(&lab).len(), 0);

    succeeds(&ask_for_data(&lab, 20, &["--confirm", "acme"]));
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let begun = has(&lab, "recovery_unknown");
    assert!(!begun, "whoever files the request does not begin it");
    check_restored(&lab, &before_the_release(&lab), "in one go");

    let again = ask_for_data(&lab, 20, &["--confirm", "acme"]);
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    let shown = lab.tranche(&["customers", "show", "acme"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        shown.contains("customers.yaml still names srv-acme-database"),
        "{shown}"
    );
}

/// What the customer had before [`release`], worked out from what the lab seeds.
fn before_the_release(lab: &Lab) -> Vec<Held> {
    let plain = BTreeMap::from([
        ("VERSION_TAG".to_owned(), BEFORE.to_owned()),
        ("KEPT".to_owned(), "as it was".to_owned()),
    ]);
    let now = Clock::real_time().now();
    let old = lab.platform().database(now, &OLD.into()).unwrap().clone();
    let mut with = plain.clone();
    with.insert("DATABASE_URL".to_owned(), old.connection().internal);
    let held = |variables: BTreeMap<String, String>| Held {
        commit: lab.commit(BEFORE).to_owned(),
        live: variables.clone(),
        stored: variables,
    };
    vec![held(with), held(plain)]
}

#[test]
fn the_next_release_does_not_bring_the_old_database_back() {
    let old = format!("postgresql://acme:pw-{OLD}@{OLD}/acme");
    let variables = VARIABLES.replacen(" }", &format!(", DATABASE_URL: \"{old}\" }}"), 1);
    let lab = released_with(&variables);
    succeeds(&ask_for_data(&lab, 20, &["--confirm", "acme"]));
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let new = new_databases(&lab).remove(0);
    let url = new.connection().internal;
    assert_eq!(held(&lab, ACME[0]).stored["DATABASE_URL"], url);

    // The plan names the old database: it does not even begin.
    succeeds(&lab.tranche(&["retry", "acme"]));
    let why = || String::from_utf8(lab.tranche(&["why", "acme"]).stdout).unwrap();
    let said = why();
    assert!(
        said.contains(&format!("the plan still names {OLD}")),
        "{said}"
    );
    assert!(said.contains("tranche skip acme"), "{said}");
    // The files name the new one, and a variable still the old one: it is not written.
    let customers = lab.read("customers.yaml").replace(OLD, new.id.as_str());
    lab.write("customers.yaml", &customers);
    succeeds(&lab.tranche(&["skip", "acme", "--reason", "as it says"]));
    let next = [
        "start",
        RELEASE,
        "--customers",
        "acme",
        "--supersede",
        "--yes",
    ];
    let mut engine = lab.spawn(&next);
    wait_for("acme is held", || has(&lab, "customer_held"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let said = format!("`DATABASE_URL` of backend would name {OLD} again");
    assert!(why().contains(&said), "{}", why());
    assert_eq!(held(&lab, ACME[0]).stored["DATABASE_URL"], url);
}

#[test]
fn data_that_cannot_come_back_is_refused_before_anything_is_sent() {
    let lab = released_with_database();
    let refused = |minutes: i64, words: &str| {
        let output = ask_for_data(&lab, minutes, &["--confirm", "acme"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(words), "{words}: {text}");
        let changes = lab.platform().requests().changes().iter().count();
        let deploys = has(&lab, "rollback_requested");
        assert!(!deploys, "{changes} changes");
    };
    refused(5, "last ten minutes");
    refused(
        60 * 24 * 8,
        "Render keeps the data of srv-acme-database from",
    );
    let now = Clock::real_time().now();
    let backend = ServiceId::new(ACME[0]);
    let jdbc = NewValue::Text(format!("jdbc:postgresql://{OLD}:5432/acme"));
    lab.platform()
        .put_env_var(now, &backend, "DATABASE_URL", jdbc)
        .unwrap();
    refused(20, "acme/backend: `DATABASE_URL` names srv-acme-database");
    let none = NewValue::Text("from a group".to_owned());
    lab.platform()
        .put_env_var(now, &backend, "DATABASE_URL", none)
        .unwrap();
    refused(
        20,
        "no variable of acme's services connects to srv-acme-database",
    );
}

#[test]
fn hooks_of_the_policy_bring_the_data_back_before_any_code() {
    let mut files = Files::small();
    let hook = "{ run: 'echo $TRANCHE_CUSTOMER $TRANCHE_RESTORE_TO > restored' }";
    let policy = format!("policy: all\nsoak: 1h\nhooks: {{ restore_database: [{hook}] }}\n");
    files.policies = vec![("all", policy)];
    let lab = Lab::of(&files);
    let before = all_of(&lab);
    let mut engine = lab.spawn(&["start", RELEASE, "--yes"]);
    wait_for("acme is healthy", || has(&lab, "customer_healthy"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let shown = ask_for_data(&lab, 5, &["--dry-run"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("First the hooks run: echo"), "{text}");
    assert!(text.contains("/rollback"), "{text}");

    succeeds(&ask_for_data(&lab, 5, &["--confirm", "acme"]));
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert_eq!(all_of(&lab), before);
    let intended = events(&lab)
        .into_iter()
        .find(|event| event["kind"] == "rollback_requested");
    let to = intended.unwrap()["data"]["to"].clone();
    let to = to.as_str().unwrap().trim_end_matches('Z').to_owned();
    let restored = lab.read("restored");
    assert!(
        restored.starts_with(&format!("acme {to}")),
        "{restored}, not {to}"
    );
    assert!(!has(&lab, "recovery_intended"));
}

#[test]
fn killed_anywhere_on_the_way_exactly_one_database_is_made() {
    if !sweep::is_whole() {
        assert!(die_at("commit:3:after"), "it has more commits");
        return;
    }
    sweep::at_commits(1..sweep::MOST_COMMITS, &|commit| {
        let points = ["before", "after", "sent"];
        let died = points.map(|point| die_at(&format!("commit:{commit}:{point}")));
        died != [false; 3]
    });
}

#[test]
fn killed_before_render_answers_it_finds_the_database_by_its_name() {
    let lab = released_with_database();
    let trouble = Trouble::ReplyLate { by: span("60s") };
    let fault = FaultKind::Request {
        op: Some(Op::Recover),
        trouble,
    };
    lab.arm(Fault::everywhere(fault).times(1));
    succeeds(&ask_for_data(&lab, 20, &["--confirm", "acme"]));
    let mut engine = lab.spawn(&["run"]);
    wait_for("the database is there", || !new_databases(&lab).is_empty());
    engine.kill().unwrap();
    engine.wait().unwrap();
    let mut engine = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert!(has(&lab, "recovery_unknown"));
    let again = has(&lab, "recovery_absent");
    assert!(!again, "the first request was the only one");
    check_restored(&lab, &before_the_release(&lab), "in the request");
}

/// Kills the process at a place of the way back, goes on, and checks the end.
fn die_at(place: &str) -> bool {
    let lab = released_with_database();
    succeeds(&ask_for_data(&lab, 20, &["--confirm", "acme"]));
    let mut engine = lab.spawn_dying(&["run"], place);
    wait_for("acme is rolled back, or the engine is dead", || {
        has(&lab, "customer_rolled_back") || engine.try_wait().unwrap().is_some()
    });
    let died = engine.try_wait().unwrap().is_some();
    let mut next = lab.spawn(&["run"]);
    wait_for("acme is rolled back", || has(&lab, "customer_rolled_back"));
    for process in [&mut engine, &mut next] {
        drop(process.kill());
        process.wait().unwrap();
    }
    check_restored(&lab, &before_the_release(&lab), place);
    died
}
