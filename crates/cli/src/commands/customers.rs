//! `customers`: the fleet as the files have it, and as Render's names have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono_tz::Tz;
use policy::plan::{DATABASE, RunningVersions, order};
use policy::settings::SecretSource;
use policy::{Config, Customer, CustomerId, Role, Running};
use project::{fleet, runs};
use rollout::Product;
use rollout::view::MovedView;
use serde::Serialize;

use super::discover;
use crate::args::{Customers, CustomersCommand, Global};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::table::{columns, table};
use crate::show::{escape, time};

/// Lists the customers, shows or adds one, or finds them at Render.
pub(crate) async fn customers(
    global: &Global,
    args: &Customers,
    out: Output,
) -> Result<Exit, Failure> {
    let loaded = async || {
        let config = open::config(global, out)?;
        let product = open::product(global, out).await?;
        Ok::<_, Failure>((config, product))
    };
    match &args.command {
        None | Some(CustomersCommand::List) => {
            let (config, product) = loaded().await?;
            list(&config, &runs::running(&product), out)?;
        }
        Some(CustomersCommand::Show { customer }) => {
            let (config, product) = loaded().await?;
            show(&config, &product, customer, out)?;
        }
        Some(CustomersCommand::Add(args)) => return discover::add(global, args, out).await,
        Some(CustomersCommand::Discover(args)) => {
            return discover::discover(global, args, out).await;
        }
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
    runs: Vec<&'c str>,
    pinned: Option<&'c str>,
    weight: u64,
}

fn list(config: &Config, running: &RunningVersions, out: Output) -> Result<(), Failure> {
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
        .map(|(id, customer)| Listed::new(config, running.get(id), id, customer))
        .collect();
    let none = "no customer is in the files yet; try: tranche customers add NAME --tier TIER";
    out.list(&listed, listed.is_empty(), none, || {
        let mut heading = vec![
            "CUSTOMER", "NAME", "TIER", "ZONE", "SERVICES", "RUNS", "PIN",
        ];
        let weighs = listed.iter().any(|one| one.weight != Customer::WEIGHT);
        if weighs {
            heading.push("WEIGHT");
        }
        table(&heading, listed.iter().map(|one| one.row(weighs)))
    })
}

impl<'c> Listed<'c> {
    fn new(
        config: &Config,
        running: Option<&'c BTreeMap<Role, Running>>,
        id: &'c CustomerId,
        customer: &'c Customer,
    ) -> Self {
        let versions = running.into_iter().flat_map(BTreeMap::values);
        let versions: BTreeSet<&str> = versions.filter_map(|one| one.version.as_deref()).collect();
        Self {
            customer: id,
            name: &customer.name,
            tier: &customer.tier,
            timezone: customer.timezone.unwrap_or(config.project.timezone).name(),
            services: customer.services.keys().map(AsRef::as_ref).collect(),
            runs: versions.into_iter().collect(),
            pinned: customer.pin.as_ref().map(|pin| pin.version.as_str()),
            weight: customer.weight,
        }
    }

    fn row(&self, is_weighed: bool) -> Vec<String> {
        let weight = is_weighed.then(|| self.weight.to_string());
        let row = vec![
            self.customer.to_string(),
            self.name.to_owned(),
            self.tier.to_owned(),
            self.timezone.to_owned(),
            self.services.join(", "),
            if self.runs.is_empty() {
                "-".to_owned()
            } else {
                self.runs.join(", ")
            },
            self.pinned.unwrap_or("-").to_owned(),
        ];
        row.into_iter().chain(weight).collect()
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

/// One customer, with what runs there as far as the rollouts so far tell.
#[derive(Debug, Serialize)]
struct Shown<'c> {
    #[serde(flatten)]
    customer: &'c Customer,
    running: BTreeMap<&'c Role, &'c Running>,
    /// The database that its services read since a `rollback --database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_database: Option<MovedView>,
}

fn show(config: &Config, product: &Product, id: &CustomerId, out: Output) -> Result<(), Failure> {
    let customer = fleet::customer(config, id)?;
    let running = runs::running(product);
    let shown = Shown {
        customer,
        running: running.get(id).into_iter().flatten().collect(),
        restored_database: product.recovered_database(id),
    };
    out.data(&shown, || text(config, id, &shown))
}

fn text(config: &Config, id: &CustomerId, shown: &Shown<'_>) -> String {
    let Shown {
        customer, running, ..
    } = shown;
    let zone = customer.timezone.unwrap_or(config.project.timezone);
    let Customer { name, tier, .. } = customer;
    let heading = format!("{id}: {name}, tier {tier}, {}", zone.name());
    let mut text = escape::line(&heading) + "\n";
    let services = customer.services.iter().map(|(role, service)| {
        let url = service.url.clone().unwrap_or_default();
        let runs = running
            .get(role)
            .and_then(|running| running.version.clone());
        vec![
            role.to_string(),
            service.id.to_string(),
            runs.unwrap_or_else(|| "-".to_owned()),
            url,
        ]
    });
    let _ = writeln!(
        text,
        "\n{}",
        table(&["SERVICE", "ID", "RUNS", "URL"], services)
    );
    if let Some(moved) = &shown.restored_database {
        let _ = write!(text, "\n{}", restored(customer, moved));
    }
    let taken = zone_of_windows(config, id, customer, zone);
    let _ = write!(text, "\n{}", columns(properties(customer, &taken)));
    text
}

/// Which database is read, and what is still to be done about it.
fn restored(customer: &Customer, moved: &MovedView) -> String {
    let MovedView {
        from,
        to,
        by,
        since,
    } = moved;
    let since = time::instant(*since);
    let mut text = format!(
        "database {to} is read since {since} ({by}); {from} stays until somebody deletes it\n"
    );
    let named = customer.services.get(&Role::new(DATABASE));
    if named.is_some_and(|named| named.id.as_str() == from.0) {
        let _ = writeln!(
            text,
            "customers.yaml still names {from}: write {to}, also into the secrets"
        );
    }
    text
}

/// In which zone each window is, and whose that is where the window names none.
fn zone_of_windows(config: &Config, id: &CustomerId, customer: &Customer, zone: Tz) -> Vec<String> {
    let unzoned = config.unzoned.customers.get(id);
    let windows = customer.window.iter().enumerate();
    let said = windows.map(|(place, window)| {
        let zone = window.zone.resolve(zone).name();
        let is_unzoned = unzoned.is_some_and(|places| places.contains(&place));
        match (is_unzoned, customer.timezone) {
            (false, _) => zone.to_owned(),
            (true, Some(_)) => format!("{zone}, the customer's zone, since it names none"),
            (true, None) => format!("{zone}, the project's zone, since it names none"),
        }
    });
    said.collect()
}

/// What is written beside the services, as pairs of a name and its value.
fn properties(customer: &Customer, zones: &[String]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    if customer.weight != Customer::WEIGHT {
        row("weight", customer.weight.to_string());
    }
    if !customer.tags.is_empty() {
        row(
            "tags",
            customer.tags.iter().cloned().collect::<Vec<_>>().join(", "),
        );
    }
    for (window, zone) in customer.window.iter().zip(zones) {
        let opens = format!("{} for {} in {zone}", window.cron, window.duration);
        row("window", opens);
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
