//! `customers`: the fleet as the files have it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use policy::plan::order;
use policy::settings::SecretSource;
use policy::{Config, Customer, CustomerId};
use serde::Serialize;

use crate::args::{Customers, CustomersCommand, Global};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::table::{columns, table};
use crate::show::time;

/// Lists the customers, or shows one.
pub(crate) fn customers(global: &Global, args: &Customers, out: Output) -> Result<Exit, Failure> {
    let config = Folder::find(global)?.load(out)?;
    match &args.command {
        None | Some(CustomersCommand::List) => list(&config, out)?,
        Some(CustomersCommand::Show { customer }) => show(&config, customer, out)?,
    }
    Ok(Exit::Done)
}

/// One customer in the list.
#[derive(Debug, Serialize)]
struct Listed<'c> {
    customer: &'c CustomerId,
    name: &'c str,
    tier: &'c str,
    timezone: &'static str,
    services: Vec<&'c str>,
    pinned: Option<&'c str>,
}

fn list(config: &Config, out: Output) -> Result<(), Failure> {
    let places = tier_places(config);
    let place = |customer: &Customer| {
        places
            .get(customer.tier.as_str())
            .copied()
            .unwrap_or(usize::MAX)
    };
    let mut customers: Vec<_> = config.fleet.customers.iter().collect();
    customers.sort_by_key(|(id, customer)| (place(customer), customer.order, *id));
    let listed: Vec<Listed<'_>> = customers
        .into_iter()
        .map(|(id, customer)| Listed::new(config, id, customer))
        .collect();
    out.data(&listed, || {
        let heading = ["CUSTOMER", "NAME", "TIER", "ZONE", "SERVICES", "PIN"];
        table(&heading, listed.iter().map(Listed::row))
    })
}

impl<'c> Listed<'c> {
    fn new(config: &Config, id: &'c CustomerId, customer: &'c Customer) -> Self {
        Self {
            customer: id,
            name: &customer.name,
            tier: &customer.tier,
            timezone: customer.timezone.unwrap_or(config.project.timezone).name(),
            services: customer.services.keys().map(AsRef::as_ref).collect(),
            pinned: customer.pin.as_ref().map(|pin| pin.version.as_str()),
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.customer.to_string(),
            self.name.to_owned(),
            self.tier.to_owned(),
            self.timezone.to_owned(),
            self.services.join(", "),
            self.pinned.unwrap_or("-").to_owned(),
        ]
    }
}

/// Where each tier stands in the order of the phases.
fn tier_places(config: &Config) -> BTreeMap<&str, usize> {
    let Ok(phases) = order(config.policies.values()) else {
        return BTreeMap::new();
    };
    let tiers = phases
        .into_iter()
        .map(|(policy, _)| policy.customers.tier.as_deref());
    tiers
        .enumerate()
        .filter_map(|(place, tier)| Some((tier?, place)))
        .collect()
}

fn show(config: &Config, id: &CustomerId, out: Output) -> Result<(), Failure> {
    let Some(customer) = config.fleet.customers.get(id) else {
        return Err(
            Failure::usage(format!("no customer is called `{id}`")).or_type("tranche customers")
        );
    };
    out.data(customer, || text(config, id, customer))
}

fn text(config: &Config, id: &CustomerId, customer: &Customer) -> String {
    let zone = customer.timezone.unwrap_or(config.project.timezone);
    let mut text = format!(
        "{id}: {}, tier {}, {}\n",
        customer.name,
        customer.tier,
        zone.name()
    );
    let services = customer.services.iter().map(|(role, service)| {
        let url = service.url.clone().unwrap_or_default();
        vec![role.to_string(), service.id.to_string(), url]
    });
    let _ = writeln!(text, "\n{}", table(&["SERVICE", "ID", "URL"], services));
    let _ = write!(text, "\n{}", columns(properties(customer)));
    text
}

/// What is written beside the services, as pairs of a name and its value.
fn properties(customer: &Customer) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if !customer.tags.is_empty() {
        row(
            "tags",
            customer.tags.iter().cloned().collect::<Vec<_>>().join(", "),
        );
    }
    for window in &customer.window {
        row("window", format!("{} for {}", window.cron, window.duration));
    }
    if let Some(pin) = &customer.pin {
        let until = pin
            .until
            .map_or_else(String::new, |at| format!(" until {}", time::instant(at)));
        let why = pin
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        row("pin", format!("{}{until}{why}", pin.version));
    }
    for (name, source) in &customer.secrets {
        let from = match source {
            SecretSource::Env(variable) => {
                format!("{name} from the environment variable {variable}")
            }
            SecretSource::File(path) => format!("{name} from the file {path}"),
        };
        row("secret", from);
    }
    for (kind, contact) in &customer.contacts {
        row("contact", format!("{kind}: {contact}"));
    }
    rows
}
