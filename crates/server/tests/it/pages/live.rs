//! A page learns of news, also of those it missed.

use axum::body::Body;
use axum::http::Request;
use futures::StreamExt as _;
use tower::ServiceExt as _;

use super::lab::{Files, Site};

/// The first message of a stream.
async fn first(site: &Site, path: &str, told: Option<&str>) -> Option<String> {
    let mut request = Request::builder()
        .uri(path)
        .header("authorization", site.bearer("carol"));
    if let Some(told) = told {
        request = request.header("last-event-id", told);
    }
    let request = request.body(Body::empty()).unwrap();
    let reply = site.router().oneshot(request).await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let mut stream = reply.into_body().into_data_stream();
    let chunk = stream.next().await?.unwrap();
    Some(String::from_utf8(chunk.to_vec()).unwrap())
}

#[tokio::test]
async fn who_was_away_is_told_at_once() {
    let site = Site::of(&Files::tiers());
    let message = first(&site, "/live?seen=3", None).await.unwrap();
    assert!(
        message.contains("event: changed") && message.contains("id: "),
        "{message}"
    );
    // What the browser has seen since counts, not what its page was made with.
    let message = first(&site, "/live?seen=999999", Some("5")).await.unwrap();
    assert!(message.contains("event: changed"), "{message}");
}

#[tokio::test]
async fn who_is_not_signed_in_hears_nothing() {
    let site = Site::of(&Files::tiers());
    let request = Request::builder().uri("/live").body(Body::empty()).unwrap();
    let reply = site.router().oneshot(request).await.unwrap();
    assert_eq!(reply.status(), 303);
}
