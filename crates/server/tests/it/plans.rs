//! Looking ahead: plans and simulations.

use axum::http::StatusCode;
use project::TokenOwner;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::open_api::{described, misfits};

#[tokio::test]
async fn a_plan_is_looked_at_before_anything_begins() {
    let lab = Lab::started().await.with_repository();
    let described = described(&lab).await;
    let bob = lab.token(TokenOwner::Person("bob".into())).await;
    let asked = json!({"version": "v1.1.0", "offline": true, "at": "2027-01-11T09:00:00Z"});
    let answer = lab.post("/api/v1/plans", &bob, None, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        misfits(&described, "post", "/api/v1/plans", &answer),
        [""; 0]
    );
    let plan = &answer.json()["plan"];
    assert_eq!(plan["digest"].as_str().unwrap().len(), 64);
    assert_eq!(plan["phases"][0]["starts_at"], "2027-01-11T09:00:00Z");
    assert_eq!(plan["running"]["source"], "journal");
    let again = lab.post("/api/v1/plans", &bob, None, &asked).await;
    assert_eq!(again.json()["plan"]["digest"], plan["digest"]);
    let mut narrowed = asked.clone();
    narrowed["scope"] = json!({"customers": ["acme"]});
    let narrowed = lab.post("/api/v1/plans", &bob, None, &narrowed).await;
    assert_eq!(narrowed.json()["plan"]["customers"], 1, "{narrowed:?}");
    let unknown = json!({"version": "v9.9.9", "offline": true});
    let unknown = lab.post("/api/v1/plans", &bob, None, &unknown).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.is_problem(), "{unknown:?}");
}

#[tokio::test]
async fn a_rollout_is_simulated_to_its_end() {
    let lab = Lab::started().await;
    let described = described(&lab).await;
    let bob = lab.token(TokenOwner::Person("bob".into())).await;
    let asked = json!({"version": "v2.0.0", "at": "2027-01-11T09:00:00Z"});
    let answer = lab.post("/api/v1/simulations", &bob, None, &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        misfits(&described, "post", "/api/v1/simulations", &answer),
        [""; 0]
    );
    let body = answer.json();
    let all = kinds(&body);
    assert_eq!(all.last(), Some(&"rollout_succeeded"), "{all:?}");
    let never = json!({"version": "v2.0.0", "approve": "never"});
    let never = lab
        .post("/api/v1/simulations", &bob, None, &never)
        .await
        .json();
    assert!(!kinds(&never).contains(&"rollout_succeeded"));
    let strange = json!({"version": "v2.0.0", "approve": "sometimes"});
    let strange = lab.post("/api/v1/simulations", &bob, None, &strange).await;
    assert_eq!(strange.status, StatusCode::UNPROCESSABLE_ENTITY);
}

fn kinds(body: &Value) -> Vec<&str> {
    let events = body["events"].as_array().unwrap().iter();
    events
        .map(|event| event["kind"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_narrowing_that_nobody_understands_means_nobody() {
    let lab = Lab::started().await.with_repository();
    let ann = lab.token(TokenOwner::Person("ann".into())).await;
    let typo = json!({"version": "v1.1.0", "scope": {"customer": ["acme"]}});
    for path in ["/api/v1/plans", "/api/v1/actions/start"] {
        let refused = lab.post(path, &ann, None, &typo).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{refused:?}"
        );
        assert!(refused.text.contains("`customer`"), "{refused:?}");
    }
}
