//! Logs that are followed over a connection which breaks, goes dead, or is refused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use render::{Client, Followed, LogField, LogFilter, LogLine, Settings};
use sim::platform::DEFAULT_OWNER;
use sim::settings::DEFAULT_API_KEY;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::World;

#[tokio::test]
async fn followed_logs_lose_and_repeat_nothing_when_the_connection_breaks() {
    let world = World::new().await;
    let (client, backend) = (&world.client, &world.backend);
    let since = world.now() - TimeDelta::minutes(1);
    let filter = LogFilter::of(DEFAULT_OWNER.into(), backend.clone(), since);
    let mut lines = client.follow_logs(&filter).boxed();
    client.admin().restart(backend).await.unwrap();
    let mut heard = Vec::new();
    // Restarts leave one line each; some fall between two connections.
    for round in 0..6 {
        if round % 2 == 1 {
            world.cut().await;
            client.admin().restart(backend).await.unwrap();
        }
        let line = timeout(Duration::from_secs(20), next_line(&mut lines)).await;
        heard.push(line.unwrap().id);
        if round % 2 == 0 {
            client.admin().restart(backend).await.unwrap();
        }
    }
    drop(lines);
    let all = client.logs(&filter, 500).await.unwrap();
    let mut all: Vec<String> = all.into_iter().map(|line| line.id).collect();
    all.reverse();
    assert_eq!(heard, all[..heard.len()], "in order, each once");
    let kinds = client.log_values(&filter, &LogField::Kind).await.unwrap();
    assert_eq!(kinds, ["app"]);
}

/// The next line; what is said of the connection in between is told in pairs.
async fn next_line(lines: &mut BoxStream<'_, render::Result<Followed>>) -> LogLine {
    let mut is_lost = false;
    loop {
        match lines.next().await.unwrap().unwrap() {
            Followed::Line(line) => return line,
            Followed::Lost { .. } => assert!(!std::mem::replace(&mut is_lost, true)),
            Followed::Found => assert!(std::mem::replace(&mut is_lost, false)),
        }
    }
}

#[tokio::test]
async fn a_connection_on_which_nobody_is_any_more_is_made_anew() {
    let render = World::new().await;
    // Whatever stands between can let a connection die without a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let upstream = render.server.address();
    let connections = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut client, _)) = silent.accept().await {
            let mut server = tokio::net::TcpStream::connect(upstream).await.unwrap();
            *counted.lock().unwrap() += 1;
            kept.push(tokio::spawn(async move {
                // Both directions for a moment, and then neither.
                let both = tokio::io::copy_bidirectional(&mut client, &mut server);
                let _ = timeout(Duration::from_millis(300), both).await;
                std::future::pending::<()>().await;
            }));
        }
    });
    let settings = Settings {
        base_url: format!("http://{address}/v1"),
        timeout: Duration::from_millis(200),
        ..Settings::new(DEFAULT_API_KEY.into())
    };
    let client = Client::new(&settings).unwrap();
    let filter = LogFilter::of(DEFAULT_OWNER.into(), render.backend.clone(), render.now());
    let mut news = client.follow_logs(&filter).boxed();
    let lost = timeout(Duration::from_secs(20), news.next()).await.unwrap();
    let lost = lost.unwrap().unwrap();
    assert!(
        matches!(&lost, Followed::Lost { reason } if reason.contains("nobody answers")),
        "{lost:?}"
    );
    let found = timeout(Duration::from_secs(20), news.next()).await.unwrap();
    assert_eq!(found.unwrap().unwrap(), Followed::Found);
    assert!(*connections.lock().unwrap() > 1);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_ends_following() {
    let world = World::new().await;
    world.client.set_key(&"rnd_other".into()).unwrap();
    let filter = LogFilter::of(DEFAULT_OWNER.into(), world.backend.clone(), world.now());
    let mut lines = world.client.follow_logs(&filter).boxed();
    let error = timeout(Duration::from_secs(20), lines.next())
        .await
        .unwrap();
    assert!(error.unwrap().unwrap_err().is_unauthorized());
    assert!(lines.next().await.is_none());
}
