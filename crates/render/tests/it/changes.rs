//! Changing requests: at most once on doubt, again where that is harmless, and never a secret in an error.

use std::time::{Duration, Instant};

use render::{AutoDeploySetting, DeploySpec, DeployStatus, Error, Sent, Triggered};
use serde_json::json;

use crate::server::{Action, Server, client};

async fn trigger(server: &Server) -> render::Result<Triggered> {
    server
        .client()
        .trigger(&"srv-1".into(), &DeploySpec::commit("abc"))
        .await
}

async fn sent(action: Action) -> (Sent, usize) {
    let server = Server::script([action]).await;
    let error = trigger(&server).await.unwrap_err();
    (error.sent(), server.lines().len())
}

#[tokio::test]
async fn a_deploy_is_created() {
    let body = json!({ "id": "dep-1", "status": "build_in_progress", "commit": { "id": "abc" } });
    let server = Server::script([Action::json(201, body)]).await;
    let Triggered::Created(deploy) = trigger(&server).await.unwrap() else {
        panic!("201 names a deploy")
    };
    assert_eq!(
        (deploy.status, deploy.commit.unwrap().id.as_str()),
        (DeployStatus::BuildInProgress, "abc")
    );
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /services/srv-1/deploys");
    assert_eq!(
        seen.body,
        json!({ "clearCache": "do_not_clear", "commitId": "abc" }).to_string()
    );
}

#[tokio::test]
async fn an_accepted_deploy_has_no_id() {
    let server = Server::script([Action::empty(202)]).await;
    assert_eq!(trigger(&server).await.unwrap(), Triggered::Accepted);
}

#[tokio::test]
async fn doubt_is_never_answered_by_sending_again() {
    let garbled = Action::json(201, "{");
    for action in [Action::Break, Action::Hang, garbled, Action::empty(307)] {
        assert_eq!(
            sent(action.clone()).await,
            (Sent::Ambiguous, 1),
            "{action:?}"
        );
    }
    for status in [408, 409, 422, 500, 502, 503, 504] {
        assert_eq!(
            sent(Action::empty(status)).await,
            (Sent::Ambiguous, 1),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_refusal_proves_that_nothing_was_done() {
    for status in [400, 401, 402, 403, 404, 406, 410] {
        assert_eq!(
            sent(Action::empty(status)).await,
            (Sent::Refused, 1),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_never_stood_sent_nothing() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let error = client(&gone)
        .roll_back(&"srv-1".into(), &"dep-1".into())
        .await
        .unwrap_err();
    assert_eq!(error.sent(), Sent::NotSent);
}

#[tokio::test]
async fn after_a_429_the_same_request_goes_once_it_may() {
    let created = Action::json(201, json!({ "id": "dep-1" }));
    let server = Server::script([
        Action::Answer(429, "Retry-After: 1\r\n", String::new()),
        created,
    ])
    .await;
    let begin = Instant::now();
    trigger(&server).await.unwrap();
    assert_eq!(server.lines().len(), 2);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn one_variable_is_written_again_after_a_fault() {
    let done = Action::json(200, json!({ "key": "A", "value": "x" }));
    let server = Server::script([Action::empty(503), Action::Break, done]).await;
    server
        .client()
        .set_variable(&"srv-1".into(), "A", &"x".into())
        .await
        .unwrap();
    assert_eq!(server.lines(), ["PUT /services/srv-1/env-vars/A"; 3]);
}

#[tokio::test]
async fn a_variable_that_is_absent_counts_as_removed() {
    let server = Server::script([Action::empty(404)]).await;
    server
        .client()
        .delete_variable(&"srv-1".into(), "A")
        .await
        .unwrap();
    assert_eq!(server.lines(), ["DELETE /services/srv-1/env-vars/A"]);
}

#[tokio::test]
async fn an_error_never_quotes_the_key_or_the_value() {
    let body = json!({ "message": "bad value pa\"ss for rnd_test_key", "input": { "value": "pa\"ss" }, "id": "e1" });
    let server = Server::script([Action::json(400, body)]).await;
    let error = server
        .client()
        .set_variable(&"srv-1".into(), "A", &"pa\"ss".into())
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("pa\"ss") && !shown.contains("pa\\\"ss") && !shown.contains("rnd_test_key"),
        "{shown}"
    );
    let Error::Api { error, .. } = error else {
        panic!("400 is an answer")
    };
    assert_eq!(error.data.unwrap()["id"], "e1");
}

#[tokio::test]
async fn auto_deploy_is_switched_by_name() {
    let service =
        json!({ "id": "srv-1", "ownerId": "tea-1", "type": "web_service", "autoDeploy": "no" });
    let server = Server::script([Action::json(200, service)]).await;
    let service = server
        .client()
        .set_auto_deploy(&"srv-1".into(), &AutoDeploySetting::OFF)
        .await
        .unwrap();
    assert!(!service.auto_deploy.is_on());
    assert_eq!(server.seen()[0].line, "PATCH /services/srv-1");
    assert_eq!(
        server.seen()[0].body,
        json!({ "autoDeploy": "no" }).to_string()
    );
}

#[tokio::test]
async fn an_id_that_leads_elsewhere_is_never_sent() {
    let server = Server::script([Action::empty(200)]).await;
    let error = server
        .client()
        .admin()
        .suspend(&"..".into())
        .await
        .unwrap_err();
    assert_eq!(error.sent(), Sent::NotSent);
    assert_eq!(server.lines().len(), 0);
}
