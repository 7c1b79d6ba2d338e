//! Render's own figures beside what the monitor has measured.

use serde_json::Value;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, Trouble};
use sim::http::Clock;

use crate::at_render::Shop;

const ACME: &str = "srv-acme0000000000000000";
const HISTORY: [&str; 4] = ["health", "acme", "--history", "1h"];

/// A shop whose one service was asked once, at its simulated site.
fn measured() -> Shop {
    let shop = Shop::new();
    let site = shop.server.site_url(&ACME.into());
    shop.project.edit("customers.yaml", |text| {
        text.replace("https://shop-acme-backend.onrender.com", &site)
    });
    shop.project.edit("tranche.yaml", |text| {
        let text = text.replace("render: {", "render: { max_retries: 0,");
        format!("{text}network: {{ allow: [127.0.0.0/8] }}\n")
    });
    shop.tranche(&["monitor", "--once"]).succeeds();
    shop
}

/// Lets every question for metrics meet this.
fn metrics_meet(shop: &Shop, trouble: Trouble) {
    let fault = Fault::everywhere(FaultKind::Request {
        op: Some(Op::GetMetrics),
        trouble,
    });
    let mut platform = shop.platform.lock().unwrap();
    platform.disarm();
    platform.arm(Clock::real_time().now(), fault).unwrap();
}

/// What `health --history` says of Render's figures.
fn at_render(shop: &Shop) -> Value {
    let said = shop.tranche(&[&HISTORY[..], &["-o", "json"]].concat());
    let past: Value = serde_json::from_str(&said.succeeds().out).unwrap();
    assert_eq!(past[0]["probes"], 1, "what we measured stands: {past}");
    past[0]["render"].clone()
}

#[test]
fn a_plan_with_metrics_shows_requests_failures_and_latency() {
    let shop = measured();
    let figures = at_render(&shop);
    // 120 requests a minute; the test may have seen more than one.
    let requests = figures["requests"].as_f64().unwrap();
    assert!(requests >= 120.0 && requests % 120.0 == 0.0, "{figures}");
    assert_eq!(figures["failed"], 0.0);
    assert_eq!(figures["p95_ms"], 5.0);
    let said = shop.tranche(&HISTORY).succeeds();
    assert!(
        said.out
            .contains("0 requests, 0.00 % failed, p95 up to 5 ms"),
        "{}",
        said.out
    );
    // Reads are a budget of the whole fleet: nobody's figures are read unless asked for by name.
    let all = shop.tranche(&["health", "--history", "1h", "-o", "json"]);
    let all: Value = serde_json::from_str(&all.succeeds().out).unwrap();
    assert_eq!(all[0]["render"], Value::Null);
}

#[test]
fn a_plan_without_latency_shows_none() {
    let shop = measured();
    shop.platform.lock().unwrap().settings_mut().professional = false;
    let figures = at_render(&shop);
    assert!(figures["requests"].as_f64().unwrap() >= 120.0, "{figures}");
    assert_eq!(figures["p95_ms"], Value::Null);
    let said = shop.tranche(&HISTORY).succeeds();
    assert!(
        said.out.contains("0 requests, 0.00 % failed") && !said.out.contains("p95 up to"),
        "{}",
        said.out
    );
}

#[test]
fn no_requests_at_all_are_no_figures_rather_than_no_failures() {
    let shop = measured();
    shop.platform
        .lock()
        .unwrap()
        .settings_mut()
        .traffic_per_minute = 0;
    assert_eq!(at_render(&shop), Value::Null);
    let said = shop.tranche(&HISTORY).succeeds();
    assert!(said.out.trim_end().ends_with(" -"), "{}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn a_hostile_reply_is_no_figure_and_is_said() {
    let shop = measured();
    for trouble in [
        Trouble::Malformed,
        Trouble::Huge { bytes: 64 << 20 },
        Trouble::Lost,
        Trouble::Status {
            status: 503,
            effect: false,
        },
    ] {
        metrics_meet(&shop, trouble.clone());
        assert_eq!(at_render(&shop), Value::Null, "{trouble:?}");
        let said = shop.tranche(&HISTORY).succeeds();
        assert!(said.out.trim_end().ends_with(" -"), "{}", said.out);
        assert!(
            said.err
                .contains("Render's figures of acme/backend could not be read: "),
            "{trouble:?}: {}",
            said.err
        );
        assert!(!said.err.contains("rnd_"), "{}", said.err);
    }
}
