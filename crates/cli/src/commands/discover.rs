//! `customers add` and `customers discover`: the fleet as Render's names have it, compared with `customers.yaml`.

mod at_render;
mod convention;
mod customers_file;
mod difference;

use std::collections::BTreeMap;

use policy::parse::{self, Sources};
use policy::settings::Service;
use policy::{Config, CustomerId, Role};
use project::{Folder, connect};
use render::{Client, OwnerId};
use serde::Serialize;

use self::at_render::{AtRender, Resource};
use self::convention::Convention;
use self::customers_file::{CustomersFile, Entry};
use self::difference::{Added, Finding, What, compare};
use crate::args::{self, CustomersAdd, CustomersDiscover, Global};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::show::count::counted;
use crate::show::escape::line;
use crate::show::table::table;
use crate::{open, output_file};

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Comparison {
    pattern: String,
    findings: Vec<Finding>,
    written: bool,
}

/// The project's files, and Render by the convention.
struct Survey {
    folder: Folder,
    sources: Sources,
    config: Config,
    client: Client,
    convention: Convention,
}

impl Survey {
    fn open(global: &Global, convention: &args::Convention, out: Output) -> Result<Self, Failure> {
        let folder = open::folder(global)?;
        let config = folder.load_running(&out)?;
        let product = &config.project.product;
        let usual = || format!("{product}-{{customer}}-{{role}}");
        let pattern = convention.pattern.clone().unwrap_or_else(usual);
        Ok(Self {
            sources: folder.sources(),
            client: connect::client(&config, &out)?,
            convention: Convention::parse(&pattern)?,
            folder,
            config,
        })
    }

    async fn at_render(&self) -> Result<AtRender, Failure> {
        let owner = self
            .config
            .project
            .render
            .owner
            .as_deref()
            .map(OwnerId::from);
        AtRender::read(&self.client, owner, &self.convention)
            .await
            .map_err(Failure::from)
    }

    /// Writes the file, if what it says then is what is meant.
    fn write(&self, file: &CustomersFile, added: &[Added]) -> Result<(), Failure> {
        let mut sources = self.sources.clone();
        sources.customers.text = file.text();
        let path = self.folder.dir().join(&sources.customers.path);
        let config = parse::load_running(&sources).map_err(Failure::diagnostics)?;
        if !only_added(&self.config, &config, added) {
            return Err(Failure::failed(format!(
                "{} is written in a way that could not be added to without changing something else",
                path.display()
            ))
            .or_type("the same command without --write, and add what it shows by hand"));
        }
        output_file::put(&path, &sources.customers.text)
    }

    /// The name of the file.
    fn file(&self) -> &str {
        &self.sources.customers.path
    }
}

/// Whether the second fleet is the first, with this besides.
fn only_added(before: &Config, after: &Config, added: &[Added]) -> bool {
    let mut left = after.fleet.customers.clone();
    for one in added {
        let (Added::Service(customer, role) | Added::Url(customer, role)) = one;
        let Some(entry) = left.get_mut(customer) else {
            return false;
        };
        let was_added = match one {
            Added::Service(..) => entry.services.remove(role).is_some(),
            Added::Url(..) => {
                let service = entry.services.get_mut(role);
                service.and_then(|service| service.url.take()).is_some()
            }
        };
        if !was_added {
            return false;
        }
        if !before.fleet.customers.contains_key(customer) && entry.services.is_empty() {
            left.remove(customer);
        }
    }
    left == before.fleet.customers
}

/// Compares the file with Render, and adds what is new if that is wanted.
pub(super) async fn discover(
    global: &Global,
    args: &CustomersDiscover,
    out: Output,
) -> Result<Exit, Failure> {
    let survey = Survey::open(global, &args.convention, out)?;
    let found = survey.at_render().await?;
    let findings = compare(&survey.config, &found);
    let news: Vec<&Finding> = findings.iter().filter(|one| one.can_be_added()).collect();
    let written = args.write && !news.is_empty();
    if written {
        let file = with_news(&survey, &found, &news, args.tier.as_deref())?;
        let added: Vec<Added> = news.iter().filter_map(|one| one.as_added()).collect();
        survey.write(&file, &added)?;
    }
    let comparison = Comparison {
        pattern: survey.convention.to_string(),
        written,
        findings: findings.clone(),
    };
    out.data(&comparison, || comparison.text())?;
    out.say(closing(&comparison, &news, survey.file()));
    let is_sound = findings.iter().all(Finding::can_be_added);
    Ok(if is_sound { Exit::Done } else { Exit::Failed })
}

fn closing(comparison: &Comparison, news: &[&Finding], file: &str) -> String {
    let services = news.iter().filter(|one| one.what == What::New).count();
    let named = [(services, "service"), (news.len() - services, "url")];
    let counts = named.iter().filter(|(count, _)| *count > 0);
    let what: Vec<String> = counts.map(|(count, what)| counted(*count, what)).collect();
    let what = what.join(" and ");
    match (services, news.len(), comparison.written) {
        (_, 0, _) => format!(
            "nothing at Render that fits {} is missing in {file}",
            comparison.pattern
        ),
        (_, _, true) => format!("{what} added to {file}; next: tranche validate"),
        (0, _, false) => {
            format!("{what} not in {file}; nothing was written: tranche customers discover --write")
        }
        (_, _, false) => format!(
            "{what} not in {file}; nothing was written: tranche customers discover --write --tier TIER"
        ),
    }
}

/// The file with what is new.
fn with_news(
    survey: &Survey,
    found: &AtRender,
    news: &[&Finding],
    tier: Option<&str>,
) -> Result<CustomersFile, Failure> {
    let mut file = CustomersFile::new(&survey.sources.customers.text);
    let mut entries: BTreeMap<CustomerId, BTreeMap<Role, Service>> = BTreeMap::new();
    for one in news {
        let key = (one.customer.clone(), one.service.clone());
        let Some(service) = found.fitting.get(&key).map(Resource::service) else {
            continue;
        };
        if let (What::NoUrl, Some(url)) = (one.what, &service.url) {
            let added = file.add_url(&one.customer, &one.service, url);
            added.map_err(|by_hand| refusal(&by_hand))?;
        } else if survey.config.fleet.customers.contains_key(&one.customer) {
            let added = file.add_service(&one.customer, &one.service, &service);
            added.map_err(|by_hand| refusal(&by_hand))?;
        } else {
            entries.entry(key.0).or_default().insert(key.1, service);
        }
    }
    for (customer, services) in entries {
        let Some(tier) = tier else {
            return Err(Failure::usage(format!(
                "{customer} is new, and only a person knows its tier"
            ))
            .or_type("tranche customers discover --write --tier TIER"));
        };
        let entry = Entry {
            customer,
            name: None,
            tier: tier.to_owned(),
            timezone: None,
            weight: None,
            services,
        };
        file.add_customer(&entry)
            .map_err(|by_hand| refusal(&by_hand))?;
    }
    Ok(file)
}

fn refusal(by_hand: &customers_file::ByHand) -> Failure {
    Failure::new(Exit::Refused, by_hand.to_string())
        .or_type("tranche customers discover -o json, and add what it shows by hand")
}

impl Comparison {
    fn text(&self) -> String {
        let rows = self.findings.iter().map(|one| {
            vec![
                one.what.as_str().to_owned(),
                line(one.customer.as_str()),
                line(one.service.as_str()),
                one.id.clone(),
                line(&one.detail),
            ]
        });
        table(&["WHAT", "CUSTOMER", "SERVICE", "ID", ""], rows)
    }
}

/// Adds one customer.
pub(super) async fn add(
    global: &Global,
    args: &CustomersAdd,
    out: Output,
) -> Result<Exit, Failure> {
    let survey = Survey::open(global, &args.convention, out)?;
    let customer = &args.customer;
    if survey.config.fleet.customers.contains_key(customer) {
        let text = format!("{customer} is in the file already");
        return Err(
            Failure::new(Exit::Refused, text).or_type(format!("tranche customers show {customer}"))
        );
    }
    let services = match &args.service[..] {
        [] => by_convention(&survey, customer).await?,
        named => by_id(&survey, named).await?,
    };
    let added: Vec<_> = services
        .keys()
        .map(|role| Added::Service(customer.clone(), role.clone()))
        .collect();
    let entry = Entry {
        customer: customer.clone(),
        name: args.name.clone(),
        tier: args.tier.clone(),
        timezone: args.timezone.clone(),
        weight: args.weight,
        services,
    };
    let mut file = CustomersFile::new(&survey.sources.customers.text);
    file.add_customer(&entry)
        .map_err(|by_hand| refusal(&by_hand))?;
    survey.write(&file, &added)?;
    let shown: BTreeMap<&Role, &Service> = entry.services.iter().collect();
    out.data(&shown, || {
        let rows = shown.iter().map(|(role, service)| {
            let url = service.url.clone().unwrap_or_default();
            vec![role.to_string(), service.id.to_string(), line(&url)]
        });
        table(&["SERVICE", "ID", "URL"], rows)
    })?;
    out.say(format_args!(
        "{customer} was added in the tier {}; next: tranche validate",
        args.tier
    ));
    Ok(Exit::Done)
}

async fn by_convention(
    survey: &Survey,
    customer: &CustomerId,
) -> Result<BTreeMap<Role, Service>, Failure> {
    let found = survey.at_render().await?;
    let own = found.fitting.iter().filter(|((of, _), _)| of == customer);
    let services: BTreeMap<Role, Service> = own
        .map(|((_, role), resource)| (role.clone(), resource.service()))
        .collect();
    if services.is_empty() {
        let text = format!(
            "nothing at Render is called {} for {customer}",
            survey.convention
        );
        return Err(Failure::usage(text).or_type("the same command with --service backend=ID"));
    }
    Ok(services)
}

async fn by_id(
    survey: &Survey,
    named: &[(String, String)],
) -> Result<BTreeMap<Role, Service>, Failure> {
    let mut services = BTreeMap::new();
    for (role, id) in named {
        let resource = Resource::of_id(&survey.client, id).await;
        let service = resource?.service();
        services.insert(Role::new(role.as_str()), service);
    }
    Ok(services)
}
