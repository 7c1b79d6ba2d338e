//! `customers`: the fleet as the files have it, and as Render's names have it.

use std::fmt::Write as _;

use chrono_tz::Tz;
use policy::plan::DATABASE;
use policy::settings::SecretSource;
use policy::{Config, Customer, CustomerId, Role};
use project::view::{CustomerCard, FleetCustomer};
use rollout::Product;
use rollout::view::MovedView;

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
            list(&FleetCustomer::read(&config, &product), out)?;
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

fn list(listed: &[FleetCustomer], out: Output) -> Result<(), Failure> {
    let none = "no customer is in the files yet; try: tranche customers add NAME --tier TIER";
    out.list(&listed, listed.is_empty(), none, || {
        let mut heading = vec![
            "CUSTOMER", "NAME", "TIER", "ZONE", "SERVICES", "RUNS", "PIN",
        ];
        let weighs = listed.iter().any(|one| one.weight != Customer::WEIGHT);
        if weighs {
            heading.push("WEIGHT");
        }
        table(&heading, listed.iter().map(|one| row(one, weighs)))
    })
}

fn row(one: &FleetCustomer, is_weighed: bool) -> Vec<String> {
    let weight = is_weighed.then(|| one.weight.to_string());
    let services: Vec<&str> = one.services.iter().map(AsRef::as_ref).collect();
    let row = vec![
        one.customer.to_string(),
        one.name.clone(),
        one.tier.clone(),
        one.timezone.to_owned(),
        services.join(", "),
        if one.runs.is_empty() {
            "-".to_owned()
        } else {
            one.runs.join(", ")
        },
        one.pinned.as_deref().unwrap_or("-").to_owned(),
    ];
    row.into_iter().chain(weight).collect()
}

fn show(config: &Config, product: &Product, id: &CustomerId, out: Output) -> Result<(), Failure> {
    let shown = CustomerCard::read(config, product, id)?;
    out.data(&shown, || text(config, id, &shown))
}

fn text(config: &Config, id: &CustomerId, shown: &CustomerCard) -> String {
    let CustomerCard {
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
