//! Events as they happen.

use std::sync::Arc;

use axum::body::Body;
use futures::StreamExt as _;
use project::{Silent, TokenOwner};
use rollout::Verb;
use server::{Server, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::lab::Lab;

/// Reads a stream until it has told so many events; what was told, `id` and `data`.
async fn told(body: Body, number: usize) -> Vec<(String, String)> {
    let (mut stream, mut text) = (body.into_data_stream(), String::new());
    loop {
        let events = events_in(&text);
        if events.len() >= number {
            return events;
        }
        let part = stream.next().await.expect("it goes on").unwrap();
        text.push_str(core::str::from_utf8(&part).unwrap());
    }
}

fn events_in(text: &str) -> Vec<(String, String)> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    let field = |event: &str, name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    let events = whole.split("\n\n");
    events
        .filter_map(|event| Some((field(event, "id:")?, field(event, "data:")?)))
        .collect()
}

#[tokio::test]
async fn a_stream_tells_what_happened_and_what_happens() {
    let lab = Lab::started().await;
    let bob = lab.token(TokenOwner::Person("bob".into())).await;
    let before = lab.read("/api/v1/events", &bob).await.text;
    let before: Vec<String> = before.lines().map(str::to_owned).collect();
    let headers = [("authorization", bob.as_str())];
    let reply = lab.open("/api/v1/events/stream?after=0", &headers).await;
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let ann = lab.requester("ann");
    let reader = told(reply.into_body(), before.len() + 1);
    let (events, _) = tokio::join!(reader, ann.ask(None, Verb::Pause { reason: None }));
    let after = lab.read("/api/v1/events", &bob).await.text;
    let lines: Vec<&str> = after.lines().collect();
    for (place, (id, data)) in events.iter().enumerate() {
        assert_eq!(id, &(place + 1).to_string());
        assert_eq!(data, lines[place]);
    }
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_and_keeps_to_its_rollout() {
    let lab = Lab::started().await;
    let bob = lab.token(TokenOwner::Person("bob".into())).await;
    let headers = [("authorization", bob.as_str()), ("last-event-id", "1")];
    let path = "/api/v1/events/stream?rollout=r1&after=0";
    let events = told(lab.open(path, &headers).await.into_body(), 1).await;
    let seq: u64 = events[0].0.parse().unwrap();
    assert!(seq > 1, "{events:?}");
    assert!(events[0].1.contains("\"rollout\":\"r1\""), "{events:?}");
    for (path, id) in [
        ("/api/v1/events/stream?rollout=r9", "1"),
        ("/api/v1/events/stream", "x"),
    ] {
        let headers = [("authorization", bob.as_str()), ("last-event-id", id)];
        let reply = lab.open(path, &headers).await;
        assert!(reply.status().is_client_error(), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let lab = Lab::started().await;
    let bob = lab.token(TokenOwner::Person("bob".into())).await;
    let settings = Settings::local("127.0.0.1:0".parse().unwrap());
    let location = lab.location();
    let server = Server::bind(&location, settings, Arc::new(Silent)).await;
    let server = server.unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let serving = tokio::spawn(server.run(stop.clone()));
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/events/stream?after=0 HTTP/1.1\r\nhost: {address}\r\nauthorization: {bob}\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while !text.contains("rollout_started") {
        let read = socket.read(&mut part).await.unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    stop.cancel();
    while socket.read(&mut part).await.unwrap() > 0 {}
    serving.await.unwrap().unwrap();
}
