//! What people ask for through the API.

use axum::http::{Method, StatusCode};
use project::TokenOwner;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::open_api::{described, misfits};

async fn people(lab: &Lab) -> (String, String) {
    let token = async |name: &str| lab.token(TokenOwner::Person(name.into())).await;
    (token("ann").await, token("bob").await)
}

async fn number_of_events(lab: &Lab, token: &str) -> u64 {
    let head = lab.read("/api/v1/events/head", token).await;
    head.json()["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn an_action_answers_what_happened_and_what_comes_next() {
    let lab = Lab::started().await;
    let ((ann, bob), described) = (people(&lab).await, described(&lab).await);
    let paused = lab
        .act("pause", &ann, None, &json!({"reason": "lunch"}))
        .await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    let body = paused.json();
    assert_eq!(body["events"][0]["kind"], "paused");
    assert_eq!(body["events"][0]["actor"], "ann");
    assert_eq!(body["without_engine"], true);
    let next = body["next"].as_str().unwrap();
    assert!(next.contains("tranche resume"), "{next}");
    let misfits_of = |verb: &str, answer| {
        let path = format!("/api/v1/actions/{verb}");
        misfits(&described, "post", &path, answer)
    };
    assert_eq!(misfits_of("pause", &paused), [""; 0]);
    let again = lab.act("pause", &ann, None, &json!({})).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert!(again.json()["already_so"].is_string(), "{again:?}");
    assert_eq!(misfits_of("pause", &again), [""; 0]);
    let vote = json!({"gate": "core", "rollout": "r1"});
    let approved = lab.act("approve", &bob, None, &vote).await;
    assert_eq!(
        approved.json()["events"][0]["kind"],
        "approved",
        "{approved:?}"
    );
    assert_eq!(misfits_of("approve", &approved), [""; 0]);
}

#[tokio::test]
async fn the_core_says_no_by_itself_and_writes_it_down() {
    let lab = Lab::started().await;
    let (ann, bob) = people(&lab).await;
    let before = number_of_events(&lab, &ann).await;
    let refused = lab.act("pause", &bob, None, &json!({})).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    assert_eq!(refused.json()["kind"], "not_permitted");
    assert!(refused.is_problem());
    let unknown = lab
        .act("approve", &bob, None, &json!({"gate": "nobody"}))
        .await;
    assert!(unknown.status.is_client_error(), "{unknown:?}");
    assert!(unknown.is_problem());
    let other_plan = json!({"gate": "core", "digest": "0".repeat(64)});
    let stale = lab.act("approve", &bob, None, &other_plan).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{stale:?}");
    let events = lab
        .read(&format!("/api/v1/events?after={before}"), &ann)
        .await;
    let denied = events.text.matches("\"kind\":\"denied\"").count();
    assert_eq!(denied, 3, "{}", events.text);
}

#[tokio::test]
async fn a_body_that_nobody_understands_is_a_problem() {
    let lab = Lab::started().await;
    let (ann, _) = people(&lab).await;
    let before = number_of_events(&lab, &ann).await;
    let path = "/api/v1/actions/pause";
    for (kind, body, status) in [
        ("application/json", "{", 400),
        ("application/json", r#"{"why": "x"}"#, 422),
        ("application/json", r#"{"reason": 7}"#, 422),
        ("application/json", r#"{"rollout": "x1"}"#, 422),
        ("text/plain", "{}", 415),
        ("application/json", "", 400),
    ] {
        let headers = [("authorization", ann.as_str()), ("content-type", kind)];
        let answer = lab.ask(Method::POST, path, &headers, body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.is_problem(), "{answer:?}");
    }
    let large = format!("{{\"reason\": \"{}\"}}", "x".repeat(17 << 20));
    let length = large.len().to_string();
    let headers = [
        ("authorization", ann.as_str()),
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
    ];
    let answer = lab.ask(Method::POST, path, &headers, &large).await;
    assert_eq!(answer.status, 413, "{:?}", answer.headers);
    assert!(answer.is_problem(), "{answer:?}");
    let nowhere = lab.act("fly", &ann, None, &json!({})).await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(number_of_events(&lab, &ann).await, before);
}

#[tokio::test]
async fn the_same_key_does_it_once() {
    let lab = Lab::started().await;
    let (ann, bob) = people(&lab).await;
    let block = json!({"version": "v9", "reason": "broken"});
    let first = lab.act("block", &ann, Some("k1"), &block).await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let after = number_of_events(&lab, &ann).await;
    lab.act("unblock", &ann, None, &json!({"version": "v9"}))
        .await;
    let again = lab.act("block", &ann, Some("k1"), &block).await;
    assert_eq!(again.text, first.text);
    assert_eq!(again.status, first.status);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(number_of_events(&lab, &ann).await, after + 1);
    let other = json!({"version": "v8", "reason": "broken"});
    let refused = lab.act("block", &ann, Some("k1"), &other).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.is_problem());
    let elsewhere = lab
        .act("unblock", &ann, Some("k1"), &json!({"version": "v9"}))
        .await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    // A key is somebody's own, and a refusal is an answer too.
    let denied = lab.act("block", &bob, Some("k1"), &block).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    let events = number_of_events(&lab, &ann).await;
    let denied_again = lab.act("block", &bob, Some("k1"), &block).await;
    assert_eq!(denied_again.text, denied.text);
    assert_eq!(number_of_events(&lab, &ann).await, events);
}

#[tokio::test]
async fn the_same_key_at_once_does_it_once() {
    let lab = Lab::started().await;
    let (ann, _) = people(&lab).await;
    let before = number_of_events(&lab, &ann).await;
    let body = json!({"customer": "acme", "name": "tickets", "value": 3});
    let ask = || lab.act("observe", &ann, Some("k"), &body);
    let answers = futures::future::join_all((0..8).map(|_| ask())).await;
    let done = answers.iter().filter(|one| one.status == StatusCode::OK);
    let waiting = answers
        .iter()
        .filter(|one| one.status == StatusCode::CONFLICT);
    assert_eq!(done.count() + waiting.count(), 8);
    assert_eq!(number_of_events(&lab, &ann).await, before + 1);
    let later = lab.act("observe", &ann, Some("k"), &body).await;
    assert_eq!(later.status, StatusCode::OK, "{later:?}");
    assert_eq!(number_of_events(&lab, &ann).await, before + 1);
}

#[tokio::test]
async fn what_had_no_effect_may_be_tried_again_with_its_key() {
    let lab = Lab::started().await;
    let (ann, _) = people(&lab).await;
    let headers = [
        ("authorization", ann.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let path = "/api/v1/actions/pause";
    let broken = lab.ask(Method::POST, path, &headers, "{").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    let whole = lab.ask(Method::POST, path, &headers, "{}").await;
    assert_eq!(whole.status, StatusCode::OK, "{whole:?}");
    for key in ["", &"x".repeat(256)] {
        let answer = lab.act("pause", &ann, Some(key), &json!({})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    let nobody = lab
        .act("pause", "Bearer tranche_0", Some("k"), &json!({}))
        .await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_verb_has_its_address() {
    let lab = Lab::new();
    let described = described(&lab).await;
    let paths = described["paths"].as_object().unwrap();
    // Whoever reveals values or makes tokens does so elsewhere.
    for verb in [
        "approve",
        "reject",
        "withdraw",
        "pause",
        "resume",
        "resume_moved",
        "confirm_clock",
        "abort",
        "retry",
        "skip",
        "defer",
        "promote",
        "replan",
        "block",
        "unblock",
        "freeze",
        "unfreeze",
        "override",
        "rollback",
        "rollback_database",
        "variables",
        "undo_variables",
        "deploy",
        "observe",
        "start",
    ] {
        let path = format!("/api/v1/actions/{verb}");
        assert!(paths[&path]["post"].is_object(), "{verb}");
    }
}

#[tokio::test]
async fn what_needs_files_says_what_is_wrong_with_them() {
    let lab = Lab::started().await;
    let (ann, _) = people(&lab).await;
    lab.write("policies/large.yaml", "policy: large\nbach: 1\n");
    let refused = lab.act("replan", &ann, None, &json!({})).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{refused:?}"
    );
    let mistake = &refused.json()["mistakes"][0];
    assert_eq!(mistake["line"], Value::from(2), "{refused:?}");
    // What stops things goes on all the same.
    let paused = lab.act("pause", &ann, None, &json!({})).await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
}

#[tokio::test]
async fn a_replan_takes_the_files_of_the_server() {
    let lab = Lab::started().await;
    let (ann, _) = people(&lab).await;
    lab.write("policies/demo.yaml", "policy: demo\nbatch: 1\ndelay: 2h\n");
    let done = lab
        .act("replan", &ann, None, &json!({"rollout": "r1"}))
        .await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let plan = lab.read("/api/v1/rollouts/r1/plan", &ann).await.json();
    assert_eq!(plan["phases"][0]["sizes"], json!([1, 1]), "{plan}");
}
