//! The example programs, run as their readers would, at a simulated Render.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;
use std::sync::{Arc, Mutex};

use sim::http::{Clock, Server};
use sim::platform::{Seed, ServiceSeed};
use tempfile::TempDir;
use tokio::net::TcpListener;

const NEXT: &str = "3333333333333333333333333333333333333333";

const COMMIT: &str = "1111111111111111111111111111111111111111";

/// A simulated Render with a service that is well and one that is suspended.
async fn simulated() -> Server {
    simulated_with(true).await
}

async fn simulated_with(suspended: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = |id: &str, name: &str| ServiceSeed {
        name: name.to_owned(),
        url: Some(format!("http://{address}/sites/{id}")),
        variables: [("JWT_SECRET".to_owned(), "hunter2".to_owned())].into(),
        ..ServiceSeed::web(id, COMMIT, "v1.0.0")
    };
    let beta = ServiceSeed {
        suspended,
        ..service("srv-beta", "beta")
    };
    let seed = Seed {
        services: vec![service("srv-acme", "acme"), beta],
        ..Seed::default()
    };
    let clock = Clock::real_time();
    let settings = sim::Settings {
        deploy: policy::Span::from_secs(1),
        ..sim::Settings::default()
    };
    let mut platform = sim::Platform::new(clock.now(), settings);
    platform.seed(clock.now(), seed);
    for id in ["srv-acme", "srv-beta"] {
        platform.restart(clock.now(), &id.into()).unwrap();
    }
    sim::http::serve(Arc::new(Mutex::new(platform)), listener, clock).unwrap()
}

/// Runs a program to its end in a folder of its own; what it printed, and whether it went well.
fn run(program: &str, args: &[&str], server: &Server, key: &str) -> (String, bool) {
    let folder = TempDir::new().unwrap();
    let output = Command::new(program)
        .args(args)
        .current_dir(folder.path())
        .env("RENDER_API_URL", server.api_url())
        .env("RENDER_API_KEY", key)
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.success())
}

#[track_caller]
fn assert_says(printed: &str, parts: &[&str]) {
    for part in parts {
        assert!(printed.contains(part), "{part} is missing in\n{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_start_shows_what_the_key_reaches() {
    let server = simulated().await;
    let program = env!("CARGO_BIN_EXE_quick-start");
    let (printed, went_well) = run(program, &[], &server, "rnd_simulated");
    assert!(went_well, "{printed}");
    let live = format!("of {COMMIT} is live");
    let parts = [
        "connected as owner@example.com",
        "srv-acme  web_service  acme",
        "variable JWT_SECRET",
        &live,
        "==> Restarted",
    ];
    assert_says(&printed, &parts);
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_start_says_what_is_wrong_with_the_key() {
    let server = simulated().await;
    let program = env!("CARGO_BIN_EXE_quick-start");
    let (printed, went_well) = run(program, &[], &server, "rnd_other");
    assert!(!went_well);
    assert_says(&printed, &["401"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_monitor_calls_back_for_what_is_down_and_counts_what_is_up() {
    let server = simulated().await;
    let site = |name: &str, id: &str| format!("{name}={}/api/health", server.site_url(&id.into()));
    let (acme, beta) = (site("acme", "srv-acme"), site("beta", "srv-beta"));
    let program = env!("CARGO_BIN_EXE_health-monitor");
    let (printed, went_well) = run(program, &["6", &acme, &beta], &server, "rnd_simulated");
    assert!(went_well, "{printed}");
    let parts = [
        "beta/site: 3 failures in a row: it answered 503",
        "acme/site: 100.0 % of ",
        "beta/site: 0.0 % of ",
    ];
    assert_says(&printed, &parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_batch_deploy_brings_every_service_to_the_commit() {
    let server = simulated_with(false).await;
    let program = env!("CARGO_BIN_EXE_batch-deploy");
    let (printed, went_well) = run(program, &[NEXT], &server, "rnd_simulated");
    assert!(went_well, "{printed}");
    let parts = [
        "o1 ended",
        "acme is healthy",
        "beta is healthy",
        "2 deploys in 24 hours",
    ];
    assert_says(&printed, &parts);
}
