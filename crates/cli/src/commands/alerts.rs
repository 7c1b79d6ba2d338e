//! `alerts`: what the monitor has raised, and that somebody has taken notice.

use project::{Acknowledged, Alert, AlertId};

use super::monitor::measured;
use crate::args::{Alerts, AlertsCommand, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;
use crate::show::{escape, time};

/// Lists alerts, or acknowledges one.
pub(crate) async fn alerts(global: &Global, args: &Alerts, out: Output) -> Result<Exit, Failure> {
    match &args.command {
        None => list(global, false, out).await,
        Some(AlertsCommand::List { all }) => list(global, *all, out).await,
        Some(AlertsCommand::Ack { id, reason }) => acknowledge(global, *id, reason, out).await,
    }
}

async fn list(global: &Global, all: bool, out: Output) -> Result<Exit, Failure> {
    let raised = open::backend(global, out)?.alerts(all).await?;
    let none = match (&raised, all) {
        (Some(_), false) => "no alert is open",
        (Some(_), true) => "no alert was ever raised",
        (None, _) => "nothing has been measured yet; try: tranche monitor",
    };
    let alerts = raised.unwrap_or_default();
    out.list(&alerts, alerts.is_empty(), none, || {
        let heading = [
            "ID", "SEVERITY", "CUSTOMER", "SERVICE", "WHAT", "SINCE", "STATE", "",
        ];
        table(&heading, alerts.iter().map(row))
    })?;
    Ok(Exit::Done)
}

fn row(alert: &Alert) -> Vec<String> {
    let state = match (&alert.recovered_at, &alert.acknowledged_by) {
        (Some(at), _) => format!("over {}", time::away(*at, time::now())),
        (None, Some(person)) => format!("seen by {person}"),
        (None, None) => "open".to_owned(),
    };
    vec![
        alert.id.to_string(),
        alert.severity.to_string(),
        alert.key.customer.to_string(),
        alert.key.service.to_string(),
        alert.condition.to_string(),
        time::instant(alert.raised_at),
        state,
        alert.reason.clone(),
    ]
}

async fn acknowledge(
    global: &Global,
    id: AlertId,
    reason: &str,
    out: Output,
) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    let actor = session.requester.actor();
    let done = session.backend().acknowledge(id, &actor.name, reason);
    match measured(done.await?)? {
        Acknowledged::Done(alert) => {
            let text = format!(
                "{} has taken notice of alert {id} ({} {}); nobody is reminded of it, and its end is told",
                actor.name, alert.key, alert.condition
            );
            out.data(&alert, || escape::line(&text))?;
            Ok(Exit::Done)
        }
        Acknowledged::Before(alert) => {
            let by = alert
                .acknowledged_by
                .as_ref()
                .map_or("somebody", |by| by.as_str());
            out.say(format_args!("{by} has taken notice of alert {id} already"));
            Ok(Exit::Done)
        }
        Acknowledged::Over(_) => Err(Failure::new(
            Exit::Refused,
            format!("what alert {id} was about is over"),
        )
        .or_type("tranche alerts")),
        Acknowledged::Unknown => {
            Err(Failure::usage(format!("there is no alert {id}"))
                .or_type("tranche alerts list --all"))
        }
    }
}
