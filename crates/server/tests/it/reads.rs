//! What can be read, and that it is as described.

use axum::http::{Method, StatusCode};
use project::TokenOwner;
use rollout::{Product, RowKey};

use crate::lab::Lab;
use crate::open_api::{described, misfits};

async fn reader(lab: &Lab) -> String {
    lab.token(TokenOwner::Person("bob".into())).await
}

/// Every read that answers something in a project where a rollout has begun, with what it was asked with.
const READS: &[(&str, &str)] = &[
    ("/api/v1/rollouts", ""),
    ("/api/v1/rollouts/{rollout}", "/api/v1/rollouts/r1"),
    (
        "/api/v1/rollouts/{rollout}/customers",
        "/api/v1/rollouts/r1/customers",
    ),
    (
        "/api/v1/rollouts/{rollout}/plan",
        "/api/v1/rollouts/r1/plan",
    ),
    (
        "/api/v1/rollouts/{rollout}/report",
        "/api/v1/rollouts/r1/report",
    ),
    ("/api/v1/customers", ""),
    ("/api/v1/customers/{customer}", "/api/v1/customers/acme"),
    (
        "/api/v1/customers/{customer}/why",
        "/api/v1/customers/core/why",
    ),
    ("/api/v1/versions", ""),
    ("/api/v1/approvals", "/api/v1/approvals?all=true"),
    ("/api/v1/events", ""),
    ("/api/v1/events/head", ""),
    ("/api/v1/verification", ""),
    ("/api/v1/state", ""),
    ("/api/v1/statistics", ""),
    ("/api/v1/deploys", ""),
    ("/api/v1/health", ""),
    ("/api/v1/notifications", ""),
    ("/api/v1/alerts", ""),
    ("/api/v1/engine", ""),
    ("/api/v1/whoami", ""),
];

#[tokio::test]
async fn every_read_answers_as_it_is_described() {
    let lab = Lab::started().await;
    let (bob, described) = (reader(&lab).await, described(&lab).await);
    for (path, asked) in READS {
        let asked = if asked.is_empty() { path } else { asked };
        let answer = lab.read(asked, &bob).await;
        assert_eq!(answer.status, StatusCode::OK, "{asked}: {answer:?}");
        let misfits = misfits(&described, "get", path, &answer);
        assert!(misfits.is_empty(), "{asked}: {misfits:#?}\n{}", answer.text);
    }
}

#[tokio::test]
async fn nothing_has_happened_yet_and_every_read_says_so() {
    let lab = Lab::new();
    let cookie = lab.sign_in().await;
    let described = described(&lab).await;
    for (path, asked) in READS {
        let asked = if asked.is_empty() { path } else { asked };
        let answer = lab.get(asked, Some(&cookie)).await;
        let absent = ["/r1", "/acme", "/core", "/verification", "/statistics"];
        let expected = match absent.iter().any(|one| asked.contains(one)) {
            true => StatusCode::NOT_FOUND,
            false => StatusCode::OK,
        };
        assert_eq!(answer.status, expected, "{asked}: {answer:?}");
        let misfits = misfits(&described, "get", path, &answer);
        assert!(misfits.is_empty(), "{asked}: {misfits:#?}\n{}", answer.text);
    }
}

#[tokio::test]
async fn the_state_makes_the_same_product() {
    let lab = Lab::started().await;
    let bob = reader(&lab).await;
    let state = lab.read("/api/v1/state", &bob).await.json();
    let rows = state["rows"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        (RowKey(text("key")), text("json"))
    });
    let product = Product::load(rows).unwrap();
    let here = lab.requester("bob").backend().product().await.unwrap();
    assert_eq!(product.head(), here.head());
    assert_eq!(
        serde_json::to_value(product.overview()).unwrap(),
        serde_json::to_value(here.overview()).unwrap()
    );
    assert_eq!(state["hash"], here.head().1);
}

#[tokio::test]
async fn events_are_the_bytes_that_are_stored() {
    let lab = Lab::started().await;
    let bob = reader(&lab).await;
    let stored = lab.requester("bob");
    let stored = stored.backend().lines(None, 0, 1_000).await.unwrap();
    let all = stored.iter().map(|line| format!("{}\n", line.json));
    let answer = lab.read("/api/v1/events", &bob).await;
    assert_eq!(answer.text, all.collect::<String>());
    assert_eq!(answer.header("link"), "");
    let first = lab.read("/api/v1/events?limit=1", &bob).await;
    assert_eq!(first.text.trim_end(), stored[0].json);
    let link = first.header("link");
    assert_eq!(link, "</api/v1/events?limit=1&after=1>; rel=\"next\"");
    let second = lab.read("/api/v1/events?limit=1&after=1", &bob).await;
    assert_eq!(second.text.trim_end(), stored[1].json);
}

#[tokio::test]
async fn who_has_an_answer_is_not_sent_it_again_until_something_happens() {
    let lab = Lab::started().await;
    let bob = reader(&lab).await;
    for path in [
        "/api/v1/rollouts",
        "/api/v1/state",
        "/api/v1/events/head",
        "/api/v1/customers",
    ] {
        let first = lab.read(path, &bob).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/"), "{path}: {first:?}");
        let headers = [
            ("authorization", bob.as_str()),
            ("if-none-match", tag.as_str()),
        ];
        let again = lab.ask(Method::GET, path, &headers, "").await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        assert!(again.text.is_empty());
    }
    let head = lab.read("/api/v1/events/head", &bob).await;
    let tag = head.header("etag").to_owned();
    let pause = rollout::Verb::Pause { reason: None };
    lab.requester("ann").ask(None, pause).await.unwrap();
    let headers = [
        ("authorization", bob.as_str()),
        ("if-none-match", tag.as_str()),
    ];
    let changed = lab
        .ask(Method::GET, "/api/v1/events/head", &headers, "")
        .await;
    assert_eq!(changed.status, StatusCode::OK);
}

#[tokio::test]
async fn the_server_filters_sorts_and_pages() {
    let lab = Lab::started().await;
    let bob = reader(&lab).await;
    let keys = async |query: &str| {
        let path = format!("/api/v1/rollouts/r1/customers?{query}");
        let answer = lab.read(&path, &bob).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let body = answer.json();
        let keys = body
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["customer"].as_str().unwrap());
        (
            keys.collect::<Vec<_>>().join(" "),
            answer.header("x-total-count").to_owned(),
        )
    };
    let keys = async |query: &str| keys(query).await;
    let of = |keys: &str, total: &str| (keys.to_owned(), total.to_owned());
    assert_eq!(keys("").await, of("acme bolt core", "3"));
    assert_eq!(
        keys("sort=customer&descending=true").await,
        of("core bolt acme", "3")
    );
    assert_eq!(keys("phase=demo").await, of("acme bolt", "2"));
    assert_eq!(keys("state=waiting&limit=1").await, of("acme", "3"));
    assert_eq!(
        keys("state=waiting&limit=1&after=acme").await,
        of("bolt", "3")
    );
    assert_eq!(keys("text=OL").await, of("bolt", "1"));
    assert_eq!(keys("state=healthy").await, of("", "0"));
}

#[tokio::test]
async fn what_nobody_understands_is_a_problem_with_a_way_out() {
    let lab = Lab::started().await;
    let bob = reader(&lab).await;
    for (path, status) in [
        ("/api/v1/rollouts?lmit=3", 400),
        ("/api/v1/rollouts?limit=0", 400),
        ("/api/v1/rollouts?limit=1000000", 400),
        ("/api/v1/rollouts?state=sleeping", 400),
        ("/api/v1/rollouts/x9", 400),
        ("/api/v1/rollouts/r9", 404),
        ("/api/v1/rollouts/r9/plan", 404),
        ("/api/v1/rollouts/r9/report", 404),
        ("/api/v1/rollouts/r1/customers?after=nobody", 404),
        ("/api/v1/customers/nobody", 404),
        ("/api/v1/customers/nobody/why", 404),
        ("/api/v1/customers/acme?tier=x", 400),
        ("/api/v1/events?rollout=r9", 404),
        ("/api/v1/verification?anchor=x", 422),
        ("/api/v1/statistics?hours=-1", 400),
        (
            "/api/v1/health?from=2027-01-02T00:00:00Z&until=2027-01-01T00:00:00Z",
            422,
        ),
        ("/api/v1/notifications/none", 404),
        ("/api/v1/nothing", 404),
    ] {
        let answer = lab.read(path, &bob).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.is_problem(), "{path}: {answer:?}");
    }
    let headers = [("authorization", bob.as_str())];
    let answer = lab.ask(Method::PUT, "/api/v1/rollouts", &headers, "").await;
    assert_eq!(answer.status, 405);
    assert!(answer.is_problem(), "{answer:?}");
}
