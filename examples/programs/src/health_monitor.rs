//! Watches addresses for a while: calls back on alerts, then prints uptime and percentiles.
//!
//! `health-monitor SECONDS NAME=URL...` keeps what it measures in `.tranche/` of this folder. `tranche render simulate`
//! serves sites to try it on; such private addresses are reached because this program allows loopback.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use engine::StateDir;
use engine::outbox::SharedAudience;
use monitor::{
    AlertEvent, Monitor, MonitorOptions, MonitorStore, Observed, ServiceKey, Watcher, WatcherFuture,
};
use policy::Span;
use policy::monitoring::Monitoring;
use policy::network::Network;
use render::probe::{ProbeSettings, Prober};
use tokio::time::timeout;

/// Sees services through guarded probes.
struct Sites {
    prober: Prober,
    addresses: BTreeMap<ServiceKey, String>,
}

impl Watcher for Sites {
    fn probe<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, Observed> {
        Box::pin(async move {
            match self.prober.get(&self.addresses[key]).await {
                Ok(answer) if answer.is_success() => Observed::Up {
                    latency_ms: u32::try_from(answer.latency.as_millis()).unwrap_or(u32::MAX),
                },
                Ok(answer) => Observed::Down {
                    reason: format!("it answered {}", answer.status),
                },
                Err(error) if error.was_asked() => Observed::Down {
                    reason: error.to_string(),
                },
                Err(error) => Observed::NoData {
                    reason: error.to_string(),
                },
            }
        })
    }

    /// A failure counts only while another address answers, however badly.
    fn control<'a>(&'a self, key: &'a ServiceKey) -> WatcherFuture<'a, bool> {
        Box::pin(async move {
            for (other, address) in &self.addresses {
                if other != key && self.prober.get(address).await.is_ok() {
                    return true;
                }
            }
            false
        })
    }

    /// Nothing is known of what should run there.
    fn compare(&self, _: Vec<ServiceKey>) -> WatcherFuture<'_, Vec<(ServiceKey, Option<String>)>> {
        Box::pin(async { Vec::new() })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "write: health-monitor SECONDS NAME=URL...";
    let length = Duration::from_secs(arguments.next().ok_or(usage)?.parse()?);
    let mut addresses = BTreeMap::new();
    for argument in arguments {
        let (name, address) = argument.split_once('=').ok_or(usage)?;
        addresses.insert(ServiceKey::new(name, "site"), address.to_owned());
    }
    let network = Network::new(["127.0.0.0/8", "::1"])?;
    let prober = Prober::new(&ProbeSettings {
        network,
        ..ProbeSettings::default()
    })?;
    watch(length, Sites { prober, addresses }).await
}

async fn watch(length: Duration, sites: Sites) -> Result<(), Box<dyn Error>> {
    let state = StateDir::of_project(&std::env::current_dir()?);
    let options = MonitorOptions {
        settings: Monitoring {
            every: Span::from_secs(1),
            ..Monitoring::default()
        },
        services: sites.addresses.keys().cloned().collect(),
        audience: SharedAudience::default(),
    };
    let began_at = chrono::Utc::now();
    let monitor = Monitor::start(&state, options, Arc::new(sites))?;
    let mut alerts = monitor.alerts();
    let calls = async {
        while let Ok((alert, told)) = alerts.recv().await {
            match told {
                AlertEvent::Raised => {
                    println!("{} {}: {}", alert.severity, alert.key, alert.reason);
                }
                AlertEvent::Recovered => println!("over {}: {}", alert.key, alert.condition),
            }
        }
    };
    // It ends by the clock: a monitor never does so by itself.
    let _ = timeout(length, calls).await;
    monitor.end().await;
    report(&state, began_at)
}

fn report(state: &StateDir, from: policy::Timestamp) -> Result<(), Box<dyn Error>> {
    let store = MonitorStore::open(state)?;
    let until = chrono::Utc::now();
    for history in store.history(None, from, until, 1)? {
        let (key, total) = (&history.key, &history.total);
        match (total.uptime(), total.quantile(950)) {
            (Some(uptime), Some(p95)) => {
                println!(
                    "{key}: {uptime:.1} % of {} probes, p95 {p95} ms",
                    total.asked()
                );
            }
            (Some(uptime), None) => println!("{key}: {uptime:.1} % of {} probes", total.asked()),
            (None, _) => println!("{key}: nothing was measured"),
        }
    }
    Ok(())
}
