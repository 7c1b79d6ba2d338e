//! Webhooks and Slack against a server on loopback.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use notify::Address;
use policy::settings::SecretSource;
use serde_json::Value;
use standardwebhooks::Webhook;

use crate::lab::{Lab, halted};

type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Notes what it gets and answers with a status; its address.
async fn server(status: u16) -> (String, Got) {
    let got = Got::default();
    let note = move |State(got): State<Got>, headers: HeaderMap, body: Bytes| async move {
        got.lock().unwrap().push((headers, body));
        StatusCode::from_u16(status).unwrap()
    };
    let router = Router::new()
        .route("/hook", post(note))
        .with_state(Arc::clone(&got));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, got)
}

fn key() -> SecretSource {
    SecretSource::Env("KEY".to_owned())
}

#[tokio::test]
async fn a_webhook_is_signed_and_names_its_delivery() {
    let (address, got) = server(204).await;
    let lab = Lab::new(&["127.0.0.1"], &address, None);
    let to = Address::Webhook("${env:HOOK}".to_owned(), Some(key()));
    lab.notifier.deliver(&to, &halted()).await.unwrap();
    let got = got.lock().unwrap();
    let (headers, body) = &got[0];
    assert_eq!(headers["webhook-id"], "e42-1f0a9c3e");
    let verifier = Webhook::from_bytes(b"not so easily guessed".to_vec()).unwrap();
    verifier.verify(body, headers).unwrap();
    let json: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(json["type"], "rollout_halted");
    assert_eq!(json["timestamp"], "2027-01-11T11:00:00.000Z");
}

#[tokio::test]
async fn slack_gets_a_text_in_which_nothing_is_a_command() {
    let (address, got) = server(200).await;
    let lab = Lab::new(&["127.0.0.0/8"], &address, None);
    let to = Address::Slack("${env:HOOK}".to_owned());
    lab.notifier.deliver(&to, &halted()).await.unwrap();
    let json: Value = serde_json::from_slice(&got.lock().unwrap()[0].1).unwrap();
    let text = json["text"].as_str().unwrap();
    assert!(
        text.starts_with("*[securewatch] r1 (v1.1.0) has halted*\n"),
        "{text}"
    );
    assert!(text.contains("Reason: beta failed &lt;twice&gt;"), "{text}");
}

#[tokio::test]
async fn a_private_address_is_reached_only_if_it_is_allowed() {
    let (address, got) = server(200).await;
    let lab = Lab::new(&[], &address, None);
    for to in [address.clone(), address.replace("127.0.0.1", "localhost")] {
        let to = Address::Webhook(to, None);
        let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
        assert!(
            error
                .reason
                .ends_with("is not public; allow it under `network: allow`"),
            "{error}"
        );
    }
    assert_eq!(got.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_private_address_is_refused_however_it_is_spelled() {
    let lab = Lab::new(&[], "", None);
    let spelled = [
        "0x7f.1",
        "2130706433",
        "0177.1",
        "127.0.0.1.",
        "127.0.0.%31",
        "%6cocalhost",
        "LOCALHOST",
        "\u{ff11}27.0.0.1",
        "[::FFFF:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[::7f00:1]",
    ];
    for host in spelled {
        let to = Address::Webhook(format!("http://{host}:9/hook"), None);
        let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
        assert!(error.reason.contains("is not public"), "{host}: {error}");
    }
}

#[tokio::test]
async fn only_a_webhook_that_is_gone_is_given_up_at_once() {
    for (status, is_permanent) in [
        (410, true),
        (404, false),
        (429, false),
        (503, false),
        (302, false),
    ] {
        let (address, _) = server(status).await;
        let lab = Lab::new(&["127.0.0.1"], &address, None);
        let to = Address::Webhook(address, None);
        let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
        assert_eq!(error.is_permanent, is_permanent, "{error}");
        assert!(
            error.reason.starts_with(&format!("it answered {status}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_address_is_a_secret_and_stands_in_no_error() {
    // Nobody listens there any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/T0/s3cr3t", listener.local_addr().unwrap());
    drop(listener);
    let lab = Lab::new(&["127.0.0.1"], &address, None);
    let to = Address::Slack("${env:HOOK}".to_owned());
    let error = lab.notifier.deliver(&to, &halted()).await.unwrap_err();
    assert!(!error.reason.contains("s3cr3t"), "{error}");
    let missing = Address::Slack("${env:NOTHING}".to_owned());
    let error = lab.notifier.deliver(&missing, &halted()).await.unwrap_err();
    assert_eq!(error.reason, "set NOTHING or NOTHING_FILE");
}
