//! The example programs, run as their readers would, at a simulated Render.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;
use std::sync::{Arc, Mutex};

use sim::http::{Clock, Server};
use sim::platform::{Seed, ServiceSeed};
use tokio::net::TcpListener;

const COMMIT: &str = "1111111111111111111111111111111111111111";

/// A simulated Render with one service.
async fn simulated() -> Server {
    let clock = Clock::real_time();
    let mut platform = sim::Platform::new(clock.now(), sim::Settings::default());
    let service = ServiceSeed {
        name: "securewatch-acme-backend".to_owned(),
        variables: [("JWT_SECRET".to_owned(), "hunter2".to_owned())].into(),
        ..ServiceSeed::web("srv-acme", COMMIT, "v1.0.0")
    };
    let seed = Seed {
        services: vec![service],
        ..Seed::default()
    };
    platform.seed(clock.now(), seed);
    let now = clock.now();
    platform.restart(now, &"srv-acme".into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sim::http::serve(Arc::new(Mutex::new(platform)), listener, clock).unwrap()
}

/// Runs a program to its end; what it printed, and whether it went well.
fn run(program: &str, server: &Server, key: &str) -> (String, bool) {
    let output = Command::new(program)
        .env("RENDER_API_URL", server.api_url())
        .env("RENDER_API_KEY", key)
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_start_shows_what_the_key_reaches() {
    let server = simulated().await;
    let (printed, went_well) = run(env!("CARGO_BIN_EXE_quick-start"), &server, "rnd_simulated");
    assert!(went_well, "{printed}");
    for part in [
        "connected as owner@example.com",
        "srv-acme  web_service  securewatch-acme-backend",
        "variable JWT_SECRET",
        &format!("of {COMMIT} is live"),
        "==> Restarted",
    ] {
        assert!(printed.contains(part), "{part} is missing in\n{printed}");
    }
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_start_says_what_is_wrong_with_the_key() {
    let server = simulated().await;
    let (printed, went_well) = run(env!("CARGO_BIN_EXE_quick-start"), &server, "rnd_other");
    assert!(!went_well);
    assert!(printed.contains("401"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_monitor_watches_sites_and_reports() {
    let server = simulated().await;
    let folder = tempfile::tempdir().unwrap();
    let site = server
        .api_url()
        .replace("/v1", "/sites/srv-acme/api/health");
    let output = Command::new(env!("CARGO_BIN_EXE_health-monitor"))
        .args([
            "2",
            &format!("acme={site}"),
            &format!("lost={site}/nowhere"),
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("acme/site: 100.0 % of "), "{printed}");
    assert!(printed.contains("lost/site: 0.0 % of "), "{printed}");
}
