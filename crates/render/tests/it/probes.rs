//! Probes over real sockets: what they refuse, where they stop, and a whole cycle.

use std::time::Duration;

use policy::Span;
use policy::health::{Check, CheckKind, Profile};
use render::ServiceKind;
use render::probe::{
    Checkup, Expectation, FigureSource, History, Latency, Network, NoAnswer, ProbeSettings, Prober,
    Subject,
};
use rollout::health::CycleResult;
use serde_json::json;

use crate::server::{Action, Seen, Server};

fn prober(allow: &[&str]) -> Prober {
    let network = Network::new(allow.iter().copied()).unwrap();
    let settings = ProbeSettings {
        timeout: Duration::from_millis(500),
        network,
        ..ProbeSettings::default()
    };
    Prober::new(&settings).unwrap()
}

fn checkup() -> Checkup {
    Checkup::new(prober(&["127.0.0.1"]), None)
}

fn backend(url: &str) -> Subject {
    let (service, role) = ("srv-1".into(), "backend".into());
    Subject {
        service,
        role,
        kind: ServiceKind::WebService,
        url: Some(url.to_owned()),
    }
}

fn profile(checks: impl IntoIterator<Item = CheckKind>) -> Profile {
    let checks = checks
        .into_iter()
        .map(|kind| Check { kind, on: None })
        .collect();
    Profile {
        every: Span::from_secs(30),
        pass_after: 1,
        fail_after: 3,
        checks,
    }
}

fn healthy(seen: &Seen) -> Action {
    match seen.line.as_str() {
        "GET /api/version" => Action::json(200, "v1.1.0"),
        _ => Action::json(200, json!({ "database": "connected" })),
    }
}

#[tokio::test]
async fn this_machine_is_not_probed_unless_allowed() {
    let server = Server::start(healthy).await;
    let port = server.url.rsplit(':').next().unwrap();
    let addresses = [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
    ];
    for address in addresses {
        let error = prober(&[])
            .get(&format!("http://{address}:{port}/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, NoAnswer::Forbidden { .. }),
            "{address}: {error}"
        );
        assert!(!error.was_asked());
    }
    assert_eq!(server.lines().len(), 0);
    assert_eq!(
        prober(&["127.0.0.0/8"])
            .get(&server.url)
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn only_the_web_is_probed() {
    for address in [
        "file:///etc/passwd",
        "ftp://a",
        "acme",
        "http://user:secret@127.0.0.1/",
    ] {
        let error = prober(&["127.0.0.1"]).get(address).await.unwrap_err();
        assert!(matches!(error, NoAnswer::NoAddress(_)), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let server = Server::script([Action::Answer(
        302,
        "location: /elsewhere\r\n",
        String::new(),
    )])
    .await;
    assert_eq!(
        prober(&["127.0.0.1"])
            .get(&server.url)
            .await
            .unwrap()
            .status,
        302
    );
    assert_eq!(server.lines(), ["GET /"]);
}

#[tokio::test]
async fn a_long_answer_is_cut_and_a_late_one_given_up() {
    let server = Server::script([Action::json(200, "x".repeat(1 << 20)), Action::Hang]).await;
    let prober = prober(&["127.0.0.1"]);
    assert_eq!(prober.get(&server.url).await.unwrap().body.len(), 64 << 10);
    assert_eq!(
        prober.get(&server.url).await.unwrap_err(),
        NoAnswer::TimedOut(Duration::from_millis(500))
    );
}

#[tokio::test]
async fn a_healthy_release_passes_every_check_and_is_asked_each_path_once() {
    let server = Server::start(healthy).await;
    let database = CheckKind::Database {
        path: "/api/health".into(),
        field: "database".into(),
        equals: "connected".into(),
    };
    let checks = [
        CheckKind::Http("/api/health".into()),
        CheckKind::Version("/api/version".into()),
        database,
        CheckKind::Latency {
            max: Span::from_secs(5),
        },
    ];
    let expected = Expectation {
        version: Some("v1.1.0".into()),
        ..Expectation::default()
    };
    let sample = checkup()
        .cycle(
            &backend(&server.url),
            &profile(checks),
            &expected,
            &mut History::default(),
        )
        .await;
    assert_eq!(sample.result(), CycleResult::Passed, "{sample:?}");
    assert_eq!(sample.checks.len(), 4);
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn the_old_version_fails_the_cycle_by_name() {
    let server = Server::start(healthy).await;
    let expected = Expectation {
        version: Some("v1.2.0".into()),
        ..Expectation::default()
    };
    let profile = profile([CheckKind::Version("/api/version".into())]);
    let sample = checkup()
        .cycle(
            &backend(&server.url),
            &profile,
            &expected,
            &mut History::default(),
        )
        .await;
    let reason = "version /api/version: `/api/version` reports `v1.1.0`, not v1.2.0".to_owned();
    assert_eq!(sample.result(), CycleResult::Failed { reason });
}

#[tokio::test]
async fn a_rate_is_measured_by_twenty_probes_once_and_then_one_a_cycle() {
    let server = Server::start(|_: &Seen| Action::empty(200)).await;
    let profile = profile([
        CheckKind::Http("/up".into()),
        CheckKind::ErrorRate { max: 5.0 },
    ]);
    let mut history = History::default();
    for expected in [20, 21, 22] {
        let sample = checkup()
            .cycle(
                &backend(&server.url),
                &profile,
                &Expectation::default(),
                &mut history,
            )
            .await;
        assert_eq!(sample.result(), CycleResult::Passed, "{sample:?}");
        assert_eq!(server.lines().len(), expected);
    }
}

#[tokio::test]
async fn a_service_that_is_down_is_not_asked_twenty_times() {
    let server = Server::start(|_: &Seen| Action::empty(503)).await;
    let profile = profile([
        CheckKind::Http("/up".into()),
        CheckKind::ErrorRate { max: 5.0 },
    ]);
    let mut history = History::default();
    let sample = checkup()
        .cycle(
            &backend(&server.url),
            &profile,
            &Expectation::default(),
            &mut history,
        )
        .await;
    let reason = "http /up: it answered 503".to_owned();
    assert_eq!(sample.result(), CycleResult::Failed { reason });
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_baseline_is_measured_before_and_compared_after() {
    let server = Server::start(|_: &Seen| Action::empty(200)).await;
    let profile = profile([CheckKind::Baseline { p95_ratio: 2.0 }]);
    let before = checkup()
        .latency_before(&backend(&server.url), &profile)
        .await
        .unwrap();
    assert_eq!((before.requests, before.source), (20, FigureSource::Probes));
    let expected = Expectation {
        before: Some(before),
        ..Expectation::default()
    };
    let sample = checkup()
        .cycle(
            &backend(&server.url),
            &profile,
            &expected,
            &mut History::default(),
        )
        .await;
    assert_eq!(sample.result(), CycleResult::Passed, "{sample:?}");
}

#[tokio::test]
async fn metrics_speak_for_everybody_where_there_are_any() {
    let server = Server::start(|seen: &Seen| {
        let now = chrono::Utc::now().to_rfc3339();
        let series = |code: &str, value: u32| {
            json!({ "labels": [{ "field": "statusCode", "value": code }], "unit": "ms",
                    "values": [{ "timestamp": now, "value": value }] })
        };
        if seen.line.contains("/metrics/http-requests") {
            Action::json(200, json!([series("200", 180), series("500", 20)]))
        } else if seen.line.contains("/metrics/http-latency") {
            Action::json(200, json!([series("", 900)]))
        } else {
            Action::empty(200)
        }
    })
    .await;
    let checkup = Checkup::new(prober(&["127.0.0.1"]), Some(server.client()));
    let profile = profile([
        CheckKind::ErrorRate { max: 5.0 },
        CheckKind::Baseline { p95_ratio: 2.0 },
    ]);
    let before = Latency {
        p95_ms: 300,
        requests: 50,
        source: FigureSource::Metrics,
    };
    let expected = Expectation {
        before: Some(before),
        ..Expectation::default()
    };
    let mut history = History::default();
    let sample = checkup
        .cycle(&backend(&server.url), &profile, &expected, &mut history)
        .await;
    let reason = "error_rate: 20 of 200 requests failed (10.0 %), more than 5 %; \
                  baseline: p95 is 900 ms, more than 2 times the 300 ms before";
    assert_eq!(
        sample.result(),
        CycleResult::Failed {
            reason: reason.to_owned()
        }
    );
    checkup
        .cycle(&backend(&server.url), &profile, &expected, &mut history)
        .await;
    let metrics = server
        .lines()
        .into_iter()
        .filter(|line| line.contains("/metrics/"))
        .count();
    assert_eq!(
        metrics, 2,
        "a second cycle within a minute reads no metrics"
    );
}
