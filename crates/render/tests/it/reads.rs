//! Reads: authorised, bounded, repeated, redacted.

use std::time::{Duration, Instant};

use render::{Error, Sent, Unreadable};
use serde_json::json;

use crate::server::{Action, Server, client};

fn user() -> Action {
    Action::json(
        200,
        json!({ "email": "ann@example.com", "name": null, "new": 1 }),
    )
}

#[tokio::test]
async fn the_key_travels_in_its_header() {
    let server = Server::script([user()]).await;
    let user = server.client().user().await.unwrap();
    assert_eq!(
        (user.email.as_str(), user.name.as_str()),
        ("ann@example.com", "")
    );
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "GET /users");
    assert!(
        seen.head.contains("authorization: bearer rnd_test_key"),
        "{}",
        seen.head
    );
}

#[tokio::test]
async fn a_redirect_is_an_error_and_nobody_else_sees_the_key() {
    let other = Server::script([user()]).await;
    let url = other.url.clone();
    let location: &'static str = format!("location: {url}/users\r\n").leak();
    let server = Server::script([Action::Answer(302, location, String::new())]).await;
    let error = server.client().user().await.unwrap_err();
    assert_eq!(error.status(), Some(302));
    assert_eq!(other.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_read_is_repeated_after_faults_that_pass() {
    let server = Server::script([Action::empty(503), Action::Break, user()]).await;
    server.client().user().await.unwrap();
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_read_is_not_repeated_without_end() {
    let server = Server::script([Action::empty(500)]).await;
    assert_eq!(
        server.client().user().await.unwrap_err().status(),
        Some(500)
    );
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let server = Server::script([Action::json(401, json!({ "message": "unauthorized" }))]).await;
    let error = server.client().user().await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!(
        error.to_string(),
        "GET /users: Render answered 401: unauthorized"
    );
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_reply_that_makes_no_sense_is_a_typed_error() {
    for (body, expected) in [
        ("<html>", Unreadable::Syntax),
        (
            "[1]",
            Unreadable::Shape {
                place: "email".to_owned(),
            },
        ),
        (
            r#"{"email": 5}"#,
            Unreadable::Shape {
                place: "email".to_owned(),
            },
        ),
    ] {
        let server = Server::script([Action::json(200, body)]).await;
        let Error::Unreadable { source, .. } = server.client().user().await.unwrap_err() else {
            panic!("{body}")
        };
        let same_kind = std::mem::discriminant(&source) == std::mem::discriminant(&expected);
        assert!(same_kind, "{body}: {source}");
    }
}

#[tokio::test]
async fn a_huge_reply_is_not_read_to_its_end() {
    let server = Server::script([Action::json(200, format!("\"{}\"", "x".repeat(17 << 20)))]).await;
    let error = server.client().user().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Unreadable {
                source: Unreadable::TooLong { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn the_servers_clock_is_known_after_a_reply() {
    let date = "date: Mon, 11 Jan 2027 09:00:00 GMT\r\n";
    let server = Server::script([Action::Answer(404, date, String::new())]).await;
    let client = server.client();
    assert_eq!(client.last_server_time(), None);
    client.user().await.unwrap_err();
    assert_eq!(
        client.last_server_time().unwrap().at.to_rfc3339(),
        "2027-01-11T09:00:00+00:00"
    );
}

#[tokio::test]
async fn a_used_up_budget_is_waited_for() {
    let headers = "Ratelimit-Limit: 400\r\nRatelimit-Remaining: 0\r\nRatelimit-Reset: 1\r\n";
    let body = json!({ "email": "a" }).to_string();
    let server = Server::script([Action::Answer(200, headers, body), user()]).await;
    let client = server.client();
    client.user().await.unwrap();
    let begin = Instant::now();
    client.clone().user().await.unwrap();
    assert!(
        begin.elapsed() >= Duration::from_millis(950),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn nobody_there_is_told_from_no_answer() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = client(&gone).user().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(error.sent(), Sent::NotSent);
}
