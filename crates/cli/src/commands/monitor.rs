//! `monitor`: watches services until it is stopped, or asks each of them once.

use std::pin::pin;

use project::monitor_host::{MonitorHost, RunningMonitor};
use project::signals::{StopSignal, stop_signal};
use project::{Alert, AlertEvent, Observed, Sample, Visibility, fleet};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use crate::args::{self, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;
use crate::show::{escape, time};

/// Watches, or asks once.
pub(crate) async fn monitor(
    global: &Global,
    args: &args::Monitor,
    out: Output,
) -> Result<Exit, Failure> {
    let config = open::config(global, out)?;
    for customer in &args.customers {
        fleet::customer(&config, customer)?;
    }
    let (location, caller) = (open::location(global), open::caller(out));
    let host = MonitorHost::new(&location, config, &args.customers, args.every, caller)?;
    if host.services() == 0 {
        return Err(
            Failure::new(Exit::Refused, "no service has an address to ask")
                .or_type("tranche customers"),
        );
    }
    if args.once {
        return show_once(&host.once().await?, out);
    }
    let (services, every) = (host.services(), host.every());
    let monitor = host.start()?;
    out.say(format_args!(
        "watching {services} services, each every {every}; Ctrl-C ends it"
    ));
    let signal = follow(&monitor, out).await?;
    monitor.end().await;
    Ok(match signal {
        StopSignal::Interrupted => Exit::Interrupted,
        StopSignal::Terminated => Exit::Done,
    })
}

/// One alert as it is told, for programs.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    #[serde(flatten)]
    alert: &'a Alert,
}

/// Shows alerts until somebody ends it.
async fn follow(monitor: &RunningMonitor, out: Output) -> Result<StopSignal, Failure> {
    let mut alerts = monitor.alerts();
    let mut sight = monitor.visibility();
    let mut signal = pin!(stop_signal());
    loop {
        tokio::select! {
            told = alerts.recv() => match told {
                Ok((alert, told)) => {
                    let line = Line { kind: told.kind(), alert: &alert };
                    out.item(&line, || sentence(&alert, told))?;
                }
                Err(RecvError::Lagged(missed)) => {
                    out.say(format_args!("{missed} alerts were too fast to show; see `tranche alerts`"));
                }
                Err(RecvError::Closed) => return Ok(StopSignal::Terminated),
            },
            Ok(()) = sight.changed() => out.say(match &*sight.borrow_and_update() {
                Visibility::Blind { reason } => format!("nothing answers, so nothing is judged: {reason}"),
                Visibility::Clear => "answers come in again".to_owned(),
            }),
            signal = &mut signal => return Ok(signal.unwrap_or(StopSignal::Terminated)),
        }
    }
}

fn sentence(alert: &Alert, told: AlertEvent) -> String {
    let (at, word) = match told {
        AlertEvent::Raised => (alert.raised_at, alert.severity.as_str()),
        AlertEvent::Recovered => (alert.recovered_at.unwrap_or(alert.raised_at), "over"),
    };
    let (key, condition, reason) = (&alert.key, alert.condition, &alert.reason);
    escape::line(&format!(
        "{}  {word}  {key}  {condition}: {reason}",
        time::stamp(at)
    ))
}

/// Asks once; a service that is down is a finding.
fn show_once(seen: &[Sample], out: Output) -> Result<Exit, Failure> {
    out.data(&seen, || {
        let rows = seen.iter().map(|sample| {
            let (word, latency, reason) = match &sample.observed {
                Observed::Up { latency_ms } => ("up", format!("{latency_ms} ms"), ""),
                Observed::Down { reason } => ("down", "-".to_owned(), reason.as_str()),
                Observed::NoData { reason } => ("no data", "-".to_owned(), reason.as_str()),
            };
            [
                sample.key.customer.as_str(),
                sample.key.service.as_str(),
                word,
                &latency,
                reason,
            ]
            .map(str::to_owned)
        });
        table(&["CUSTOMER", "SERVICE", "IS", "LATENCY", ""], rows)
    })?;
    let is_down = |sample: &Sample| matches!(sample.observed, Observed::Down { .. });
    Ok(match seen.iter().any(is_down) {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

/// What the monitor has measured so far, or a refusal that says how to measure.
pub(super) fn measured<T>(found: Option<T>) -> Result<T, Failure> {
    found.ok_or_else(|| {
        Failure::new(Exit::Refused, "nothing has been measured yet")
            .or_type("tranche monitor, or write `monitor: {}` into tranche.yaml")
    })
}
