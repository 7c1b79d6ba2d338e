//! The control endpoints of a served platform.

use std::sync::{Arc, Mutex};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sim::Platform;
use sim::http::Clock;
use tokio::net::TcpListener;

use crate::lab::{Lab, NEW, OLD, service};
use crate::over_http::Remote;

async fn value(remote: &Remote, path: &str) -> Value {
    let reply = remote.control(Method::GET, path, None).await;
    reply.json().await.unwrap()
}

#[tokio::test]
async fn what_arrived_and_what_runs_can_be_read() {
    let remote = Remote::new().await;
    remote.trigger().await.unwrap();
    let requests = value(&remote, "/requests").await;
    assert_eq!(requests["changes"][0]["op"], "trigger_deploy");
    assert_eq!(requests["changes"][0]["status"], 201);
    let state = value(&remote, "/state").await;
    let shown = &state["services"][0];
    assert_eq!(shown["version"], "v1.0.0");
    assert_eq!(shown["deploys"][1]["commit"], NEW);
    assert_eq!(shown.get("variables"), None);
    let state = value(&remote, "/state?variables=true").await;
    assert_eq!(state["services"][0]["live_variables"]["MODE"], "old");
}

#[tokio::test]
async fn settings_are_changed_key_by_key() {
    let remote = Remote::new().await;
    let change = json!({ "deploy": "1s", "overlap": "wait" });
    let reply = remote
        .control(Method::PATCH, "/settings", Some(change))
        .await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    let settings = value(&remote, "/settings").await;
    assert_eq!(
        (&settings["deploy"], &settings["rollback"]),
        (&json!("1s"), &json!("20s"))
    );
    for wrong in [json!({ "speed": 1 }), json!(1)] {
        let reply = remote
            .control(Method::PATCH, "/settings", Some(wrong))
            .await;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn services_are_seeded_pushed_to_and_purged() {
    let remote = Remote::new().await;
    let seed = json!({ "services": [{
        "id": "srv-b", "name": "b", "auto_deploy": true,
        "live": { "commit": OLD, "version": "v1.0.0" },
    }] });
    remote.control(Method::POST, "/seed", Some(seed)).await;
    let push = json!({ "service": "srv-b", "commit": NEW });
    remote.control(Method::POST, "/push", Some(push)).await;
    let deploys = remote
        .api(Method::GET, "/services/srv-b/deploys", None)
        .await;
    let deploys: Value = deploys.json().await.unwrap();
    assert_eq!(deploys[0]["deploy"]["trigger"], "new_commit");
    let old = deploys[1]["deploy"]["id"].clone();
    let purge = json!({ "service": "srv-b", "deploy": old });
    let reply = remote.control(Method::POST, "/purge", Some(purge)).await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    let body = json!({ "deployId": old });
    let reply = remote
        .api(Method::POST, "/services/srv-b/rollback", Some(body))
        .await;
    assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn faults_are_replaced_and_disarmed() {
    let remote = Remote::new().await;
    let refused = json!([{ "service": "srv-x", "fault": "deploy", "outcome": "stuck" }]);
    let reply = remote.control(Method::POST, "/faults", Some(refused)).await;
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    let limited = json!({ "fault": "request", "trouble": "rate_limited", "retry_after": 3 });
    remote.control(Method::PUT, "/faults", Some(limited)).await;
    let reply = remote.trigger().await.unwrap();
    assert_eq!(reply.headers()["retry-after"], "3");
    remote.control(Method::DELETE, "/faults", None).await;
    assert_eq!(
        remote.trigger().await.unwrap().status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_server_is_stopped_from_outside() {
    let remote = Remote::new().await;
    let address = remote.server.address();
    let reply = remote.control(Method::POST, "/shutdown", None).await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    remote.server.stopped().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_saved_platform_is_on_disk_before_the_reply_leaves() {
    let lab = Lab::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("render.json");
    let clock = Clock::starting(lab.now, 1.0);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let platform = Arc::new(Mutex::new(lab.platform));
    let server =
        sim::http::serve_saved(Arc::clone(&platform), listener, clock, file.clone()).unwrap();
    let remote = Remote {
        server,
        platform,
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    remote.trigger().await.unwrap();
    let saved = Platform::load(&file).unwrap();
    assert_eq!(saved.service(&service()).unwrap().deploys.len(), 2);
}
