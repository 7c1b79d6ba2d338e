//! `alerts`: what the monitor has raised, and that somebody has taken notice.

use monitor::{Acknowledged, Alert, AlertId, MonitorStore};

use crate::args::{Alerts, AlertsCommand, Global};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::table::table;
use crate::show::{foreign, time};
use crate::{state, who};

/// Lists alerts, or acknowledges one.
pub(crate) fn alerts(global: &Global, args: &Alerts, out: Output) -> Result<Exit, Failure> {
    match &args.command {
        None => list(global, false, out),
        Some(AlertsCommand::List { all }) => list(global, *all, out),
        Some(AlertsCommand::Ack { id, reason }) => acknowledge(global, *id, reason, out),
    }
}

fn list(global: &Global, all: bool, out: Output) -> Result<Exit, Failure> {
    let store = MonitorStore::look(&state::place(global)?).map_err(state::failure)?;
    let alerts = match &store {
        Some(store) => store.alerts(all).map_err(state::failure)?,
        None => Vec::new(),
    };
    let none = match (&store, all) {
        (Some(_), false) => "no alert is open",
        (Some(_), true) => "no alert was ever raised",
        (None, _) => "nothing has been measured yet; try: tranche monitor",
    };
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

fn acknowledge(global: &Global, id: AlertId, reason: &str, out: Output) -> Result<Exit, Failure> {
    let config = Folder::find(global)?.load_running(out)?;
    let place = state::place(global)?;
    let actor = who::prove(&place, &config.project)?;
    let mut store = super::monitor::measured(global)?;
    let done = store.acknowledge(id, &actor.name, reason, time::now());
    match done.map_err(state::failure)? {
        Acknowledged::Done(alert) => {
            let text = format!(
                "{} has taken notice of alert {id} ({} {}); nobody is reminded of it, and its end is told",
                actor.name, alert.key, alert.condition
            );
            out.data(&alert, || foreign::line(&text))?;
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
