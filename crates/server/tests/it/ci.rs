//! Jobs of CI systems.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::issuer::{Issuer, signed_with_what_is_public, unsigned};
use crate::lab::{Answer, Lab};

/// One job may start, from the branch `main` of one repository.
async fn lab() -> (Lab, Issuer) {
    let issuer = Issuer::new().await;
    let project = format!(
        "product: shop\npeople: {{ ann: {{ os: nobody-here }} }}\nserver:\n  ci:\n    release:\n      issuer: {}\n      audience: https://ship.example\n      repository: shop/app\n      ref: refs/heads/main\n      scopes: [read, start]\n",
        issuer.url
    );
    (Lab::with(&project, "customers: {}\n"), issuer)
}

fn github(issuer: &Issuer) -> Value {
    let now = project::now().timestamp();
    json!({
        "iss": issuer.url, "aud": "https://ship.example", "sub": "repo:shop/app:ref:refs/heads/main",
        "repository": "shop/app", "ref": "refs/heads/main", "event_name": "push", "run_id": "77",
        "iat": now, "nbf": now, "exp": now + 300, "jti": "1",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

async fn exchange(lab: &Lab, token: &str) -> Answer {
    let headers = [("content-type", "application/json")];
    let body = json!({"token": token}).to_string();
    lab.ask(Method::POST, "/api/v1/ci/exchange", &headers, &body)
        .await
}

async fn whoami(lab: &Lab, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    lab.ask(
        Method::GET,
        "/api/v1/whoami",
        &[("authorization", &bearer)],
        "",
    )
    .await
}

#[tokio::test]
async fn a_job_that_is_named_is_a_service_for_a_while_and_its_token_is_good_once() {
    let (lab, issuer) = lab().await;
    let token = issuer.sign(&github(&issuer));
    let given = exchange(&lab, &token).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
    let given = given.json();
    assert_eq!(
        (&given["service"], &given["scopes"]),
        (&json!("service:release"), &json!(["read", "start"]))
    );
    let who = whoami(&lab, given["token"].as_str().unwrap()).await.json();
    assert_eq!(
        (&who["name"], &who["service"]),
        (&json!("service:release"), &json!(true))
    );
    assert_eq!(who["scopes"], json!(["read", "start"]));
    let again = exchange(&lab, &token).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN, "{again:?}");

    let later = "UPDATE grants SET ends_at = 0";
    lab.in_own_file(later);
    let over = whoami(&lab, given["token"].as_str().unwrap()).await;
    assert_eq!(over.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_job_of_gitlab_is_known_by_its_own_claims() {
    let (lab, issuer) = lab().await;
    let mut claims = github(&issuer);
    for github_s in ["repository", "event_name", "run_id"] {
        claims.as_object_mut().unwrap().remove(github_s);
    }
    let gitlab = json!({
        "project_path": "shop/app", "ref": "main", "ref_path": "refs/heads/main",
        "pipeline_source": "push", "pipeline_id": "9",
    });
    claims
        .as_object_mut()
        .unwrap()
        .extend(gitlab.as_object().unwrap().clone());
    let proposal = with(
        claims.clone(),
        "pipeline_source",
        json!("merge_request_event"),
    );
    assert_eq!(
        exchange(&lab, &issuer.sign(&proposal)).await.status,
        StatusCode::FORBIDDEN
    );
    let fork = with(claims.clone(), "project_path", json!("evil/app"));
    assert_eq!(
        exchange(&lab, &issuer.sign(&fork)).await.status,
        StatusCode::FORBIDDEN
    );
    let given = exchange(&lab, &issuer.sign(&claims)).await;
    assert_eq!(given.status, StatusCode::CREATED, "{given:?}");
}

#[tokio::test]
async fn any_other_job_is_refused_and_told_why() {
    let (lab, issuer) = lab().await;
    let refused: [(&str, &str, Value); 11] = [
        ("aud", "does not verify", json!("https://other.example")),
        ("iss", "of that issuer", json!("https://evil.example")),
        ("exp", "does not verify", json!(1_000)),
        (
            "nbf",
            "does not verify",
            json!(project::now().timestamp() + 3600),
        ),
        ("sub", "does not verify", Value::Null),
        ("repository", "another repository", json!("evil/app")),
        ("repository", "another repository", Value::Null),
        ("ref", "another ref", json!("refs/heads/topic")),
        ("ref", "pull or merge request", json!("refs/pull/1/merge")),
        ("event_name", "pull or merge request", json!("pull_request")),
        (
            "event_name",
            "pull or merge request",
            json!("pull_request_target"),
        ),
    ];
    for (claim, why, value) in refused {
        let claims = with(github(&issuer), claim, value);
        let answer = exchange(&lab, &issuer.sign(&claims)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{claims}: {answer:?}");
        assert!(answer.text.contains(why), "{claims}: {answer:?}");
        assert!(answer.is_problem());
    }
    let claims = github(&issuer);
    for (what, token) in [
        ("another key", issuer.forge(&claims)),
        (
            "a secret that is none",
            signed_with_what_is_public(&issuer, &claims),
        ),
        ("no signature", unsigned(&claims)),
        ("nonsense", "x.y.z".to_owned()),
    ] {
        let answer = exchange(&lab, &token).await;
        assert!(answer.status.is_client_error(), "{what}: {answer:?}");
    }
    assert_eq!(
        issuer.keys_read(),
        1,
        "forgeries have nobody asked again and again"
    );
}

#[tokio::test]
async fn a_service_that_the_files_name_no_longer_is_nobody() {
    let (lab, issuer) = lab().await;
    let given = exchange(&lab, &issuer.sign(&github(&issuer))).await.json();
    let token = given["token"].as_str().unwrap();
    assert_eq!(whoami(&lab, token).await.status, StatusCode::OK);
    lab.write("tranche.yaml", "product: shop\n");
    assert_eq!(whoami(&lab, token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn while_the_system_is_down_nobody_is_let_in() {
    let (lab, issuer) = lab().await;
    issuer.go_down();
    let answer = exchange(&lab, &issuer.sign(&github(&issuer))).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
}
