//! `env`: a customer's variables at Render, masked; compared with what is planned; written without a deploy (B12).

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};

use policy::{Customer, CustomerId, Release, Role, ServiceId};
use project::{Session, connect, engine_host, fleet, release};
use render::Client;
use render::executor::Filling;
use rollout::{ApplyVariables, Verb};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

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
            let planned = Planned::read(&session, &customer, &version).await?;
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
            let planned = Planned::read(&session, &customer, &version).await?;
            if dry_run || out.is_text() {
                show_changes(&planned.changes, out)?;
            }
            if dry_run {
                return Ok(Exit::Done);
            }
            let services = fleet::customer(&session.config, &customer)?.clone();
            let project = &session.config.project;
            let apply = ApplyVariables::new(project, customer, services, planned.release, reason);
            let verb = Verb::Variables(Box::new(apply));
            drive_operation(&session, verb, detach, out).await
        }
    }
}

/// One variable as it stands.
#[derive(Debug, Serialize)]
struct Listed {
    service: Role,
    key: String,
    value: String,
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
    let client = connect::client(&session.config, &out)?;
    let mut listed = Vec::new();
    for (role, id) in services(session, customer, only)? {
        let stored = client.variables(&id).await?;
        if reveal {
            // Noted before anything is shown (P49).
            let verb = Verb::Reveal {
                customer: customer.clone(),
                service: role.clone(),
                keys: stored.keys().cloned().collect(),
            };
            session.ask(None, verb).await?;
        }
        listed.extend(stored.into_iter().map(|(key, value)| Listed {
            service: role.clone(),
            value: match reveal {
                true => value.expose_secret().to_owned(),
                false => masked(&value),
            },
            key,
        }));
    }
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

/// The services that have variables: of one role, or all but the database.
fn services(
    session: &Session,
    customer: &CustomerId,
    only: Option<&Role>,
) -> Result<Vec<(Role, ServiceId)>, Failure> {
    let Customer { services, .. } = fleet::customer(&session.config, customer)?;
    let wanted = |role: &Role| match only {
        Some(only) => role == only,
        None => role.as_str() != policy::plan::DATABASE,
    };
    let services = services.iter().filter(|(role, _)| wanted(role));
    let found: Vec<_> = services
        .map(|(role, one)| (role.clone(), one.id.clone()))
        .collect();
    if found.is_empty() {
        let name = only.map_or("a service with variables", Role::as_str);
        return Err(Failure::usage(format!("{customer} has no {name}"))
            .or_type(format!("tranche customers show {customer}")));
    }
    Ok(found)
}

/// One planned variable beside what stands.
#[derive(Debug, Serialize)]
struct Change {
    service: Role,
    key: String,
    /// `add`, `change` or `same`.
    #[serde(rename = "change")]
    what: &'static str,
    stands: Option<String>,
    planned: String,
}

/// The planned variables of a version for one customer.
struct Planned {
    release: Release,
    changes: Vec<Change>,
}

impl Planned {
    async fn read(
        session: &Session,
        customer: &CustomerId,
        version: &str,
    ) -> Result<Self, Failure> {
        let (release, versions) =
            release::resolve(&session.folder, &session.config, version).await?;
        let services = fleet::customer(&session.config, customer)?;
        let client = connect::client(&session.config, session.caller())?;
        let sources = engine_host::sources(session, versions)?;
        let mut changes = Vec::new();
        for (role, service) in &services.services {
            let Some(templates) = session.config.project.variables.get(role) else {
                continue;
            };
            let filling = Filling {
                sources: sources.clone(),
                customer: customer.clone(),
                service: service.id.clone(),
                version: release.version.clone(),
                commit: release.commit.clone(),
                urls: urls(services),
            };
            changes.extend(compared(&client, role, filling, templates).await?);
        }
        if changes.is_empty() {
            let text = format!("no variables are planned for any service of {customer}");
            return Err(Failure::usage(text).or_type("write `variables:` in tranche.yaml"));
        }
        Ok(Self { release, changes })
    }
}

fn urls(customer: &Customer) -> BTreeMap<Role, String> {
    let services = customer.services.iter();
    services
        .filter_map(|(role, service)| Some((role.clone(), service.url.clone()?)))
        .collect()
}

async fn compared(
    client: &Client,
    role: &Role,
    filling: Filling,
    templates: &BTreeMap<String, String>,
) -> Result<Vec<Change>, Failure> {
    let stored = client.variables(&filling.service).await?;
    let planned = filling.fill_all(templates).map_err(|unfilled| {
        Failure::usage(format!(
            "the variables of {role} cannot be made: {unfilled}"
        ))
        .or_type("the same command with that set")
    })?;
    let change = |(key, value): (String, SecretString)| {
        let stands = stored.get(&key);
        Change {
            service: role.clone(),
            what: match stands {
                None => "add",
                Some(stands) if stands.expose_secret() == value.expose_secret() => "same",
                Some(_) => "change",
            },
            stands: stands.map(masked),
            planned: masked(&value),
            key,
        }
    };
    Ok(planned.into_iter().map(change).collect())
}

fn show_changes(changes: &[Change], out: Output) -> Result<(), Failure> {
    out.data(&changes, || {
        let rows = changes.iter().map(|one| {
            let stands = one.stands.clone().unwrap_or_else(|| "-".to_owned());
            let [service, change] = [one.service.to_string(), one.what.to_owned()];
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

/// How long a value is, and nothing of it.
fn masked(value: &SecretString) -> String {
    let length = value.expose_secret().chars().count();
    format!("******** ({length})")
}
