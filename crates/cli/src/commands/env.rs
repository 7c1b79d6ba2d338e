//! `env`: a customer's variables at Render, masked; compared with what is planned; written without a deploy (B12).

use std::io::{IsTerminal, stdout};

use policy::{CustomerId, Role};
use project::wish::{ListedVariable, PlannedVariables, VariableChange};
use project::{Session, fleet};
use rollout::Verb;

use super::deploy::drive_operation;
use crate::args::{EnvCommand, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::table;

/// Does what was asked with a customer's variables.
pub(crate) async fn env(
    global: &Global,
    command: EnvCommand,
    out: Output,
) -> Result<Exit, Failure> {
    let session = open::session(global, out).await?;
    match command {
        EnvCommand::List {
            customer,
            service,
            reveal,
        } => list(&session, &customer, service.as_ref(), reveal, out).await,
        EnvCommand::Diff { customer, version } => {
            let planned = PlannedVariables::read(&session, &customer, &version).await?;
            show_changes(&planned.changes, out)?;
            Ok(Exit::Done)
        }
        EnvCommand::Apply {
            customer,
            undo: true,
            reason,
            detach,
            ..
        } => {
            fleet::customer(&session.config, &customer)?;
            let verb = Verb::UndoVariables { customer, reason };
            drive_operation(&session, verb, detach, out).await
        }
        EnvCommand::Apply {
            customer,
            version,
            undo: false,
            reason,
            dry_run,
            detach,
        } => {
            let planned = PlannedVariables::read(&session, &customer, &version).await?;
            if dry_run || out.is_text() {
                show_changes(&planned.changes, out)?;
            }
            if dry_run {
                return Ok(Exit::Done);
            }
            let verb = planned.into_verb(&session, customer, reason)?;
            drive_operation(&session, verb, detach, out).await
        }
    }
}

async fn list(
    session: &Session,
    customer: &CustomerId,
    only: Option<&Role>,
    reveal: bool,
    out: Output,
) -> Result<Exit, Failure> {
    if reveal && !stdout().is_terminal() {
        return Err(
            Failure::usage("values are shown in full on a terminal only")
                .or_type(format!("tranche env list {customer}")),
        );
    }
    let listed = ListedVariable::read(session, customer, only, reveal).await?;
    let none = match only {
        Some(role) => format!("{role} of {customer} has no variables"),
        None => format!("no service of {customer} has variables"),
    };
    out.list(&listed, listed.is_empty(), none, || {
        let rows = listed
            .iter()
            .map(|one| vec![one.service.to_string(), one.key.clone(), one.value.clone()]);
        table(&["SERVICE", "VARIABLE", "VALUE"], rows)
    })?;
    Ok(Exit::Done)
}

fn show_changes(changes: &[VariableChange], out: Output) -> Result<(), Failure> {
    out.data(&changes, || {
        let rows = changes.iter().map(|one| {
            let stands = one.stands.clone().unwrap_or_else(|| "-".to_owned());
            let [service, change] = [one.service.to_string(), one.what.clone()];
            vec![
                service,
                one.key.clone(),
                change,
                stands,
                one.planned.clone(),
            ]
        });
        table(
            &["SERVICE", "VARIABLE", "CHANGE", "STANDS", "PLANNED"],
            rows,
        )
    })
}
