//! Which variables does a version bring a customer, and which stand at Render? Values stay hidden but for their length.

use std::collections::BTreeMap;

use policy::{Customer, CustomerId, Release, Role, ServiceId};
use render::Client;
use render::executor::Filling;
use rollout::{ApplyVariables, Verb};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::Session;
use crate::{connect, engine_host, fleet, release};

/// One variable as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListedVariable {
    /// Of which service.
    pub service: Role,
    /// Its name.
    pub key: String,
    /// How long its value is; the value itself only for a person at a terminal.
    pub value: String,
}

impl ListedVariable {
    /// Reads the variables of a customer's services, or of one.
    ///
    /// # Errors
    /// There is no such customer or service, or Render cannot be asked. Values shown in full are noted in the journal first
    /// (P49): nothing is shown if that fails.
    pub async fn read(
        session: &Session,
        customer: &CustomerId,
        only: Option<&Role>,
        reveal: bool,
    ) -> Result<Vec<Self>, Error> {
        let client = connect::client(&session.config, session.caller())?;
        let mut listed = Vec::new();
        for (role, id) in services(session, customer, only)? {
            let stored = client.variables(&id).await?;
            if reveal {
                let verb = Verb::Reveal {
                    customer: customer.clone(),
                    service: role.clone(),
                    keys: stored.keys().cloned().collect(),
                };
                session.ask(None, verb).await?;
            }
            listed.extend(stored.into_iter().map(|(key, value)| Self {
                service: role.clone(),
                value: match reveal {
                    true => value.expose_secret().to_owned(),
                    false => masked(&value),
                },
                key,
            }));
        }
        Ok(listed)
    }
}

/// The services that have variables: of one role, or all but the database.
fn services(
    session: &Session,
    customer: &CustomerId,
    only: Option<&Role>,
) -> Result<Vec<(Role, ServiceId)>, Error> {
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
        return Err(Error::Wish {
            mistakes: vec![format!("{customer} has no {name}")],
            way_out: format!("tranche customers show {customer}"),
        });
    }
    Ok(found)
}

/// One planned variable beside what stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VariableChange {
    /// Of which service.
    pub service: Role,
    /// Its name.
    pub key: String,
    /// `add`, `change` or `same`.
    #[serde(rename = "change")]
    pub what: String,
    /// How long the value is that stands.
    pub stands: Option<String>,
    /// How long the planned value is.
    pub planned: String,
}

/// The planned variables of a version for one customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedVariables {
    /// The version.
    pub release: Release,
    /// Each of them.
    pub changes: Vec<VariableChange>,
}

impl PlannedVariables {
    /// Makes them of the templates, and compares them with what stands.
    ///
    /// # Errors
    /// None is planned, a secret is missing, or Render cannot be asked.
    pub async fn read(
        session: &Session,
        customer: &CustomerId,
        version: &str,
    ) -> Result<Self, Error> {
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
            return Err(Error::Wish {
                mistakes: vec![format!(
                    "no variables are planned for any service of {customer}"
                )],
                way_out: "write `variables:` in tranche.yaml".to_owned(),
            });
        }
        Ok(Self { release, changes })
    }

    /// The request to set them.
    ///
    /// # Errors
    /// There is no such customer.
    pub fn into_verb(
        self,
        session: &Session,
        customer: CustomerId,
        reason: String,
    ) -> Result<Verb, Error> {
        let config = &session.config;
        let services = fleet::customer(config, &customer)?.clone();
        let apply = ApplyVariables::new(&config.project, customer, services, self.release, reason);
        Ok(Verb::Variables(Box::new(apply)))
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
) -> Result<Vec<VariableChange>, Error> {
    let stored = client.variables(&filling.service).await?;
    let planned = filling
        .fill_all(templates)
        .map_err(|unfilled| Error::Wish {
            mistakes: vec![format!(
                "the variables of {role} cannot be made: {unfilled}"
            )],
            way_out: "the same command with that set".to_owned(),
        })?;
    let change = |(key, value): (String, SecretString)| {
        let stands = stored.get(&key);
        VariableChange {
            service: role.clone(),
            what: match stands {
                None => "add".to_owned(),
                Some(stands) if stands.expose_secret() == value.expose_secret() => {
                    "same".to_owned()
                }
                Some(_) => "change".to_owned(),
            },
            stands: stands.map(masked),
            planned: masked(&value),
            key,
        }
    };
    Ok(planned.into_iter().map(change).collect())
}

/// How long a value is, and nothing of it.
fn masked(value: &SecretString) -> String {
    let length = value.expose_secret().chars().count();
    format!("******** ({length})")
}
