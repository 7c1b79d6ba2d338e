//! `customers add` and `customers discover`: the fleet as Render's names have it, compared with `customers.yaml`.

mod book;
mod convention;
mod render_side;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use policy::parse::{self, Sources};
use policy::settings::Service;
use policy::{Config, CustomerId, Role};
use render::{Client, OwnerId};
use serde::Serialize;

use self::book::{Book, Entry};
use self::convention::Convention;
use self::render_side::{AtRender, Resource};
use crate::args::{self, CustomersAdd, CustomersDiscover, Global};
use crate::connect;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Folder;
use crate::show::foreign::line;
use crate::show::plan::counted;
use crate::show::table::table;

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// At Render and not in the file.
    New,
    /// In the file and not at Render.
    Vanished,
    /// In both, not alike.
    Differs,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Vanished => "vanished",
            Self::Differs => "differs",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    what: What,
    customer: CustomerId,
    service: Role,
    id: String,
    detail: String,
}

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
        let folder = Folder::find(global)?;
        let config = folder.load(out)?;
        let product = &config.project.product;
        let usual = || format!("{product}-{{customer}}-{{role}}");
        let pattern = convention.pattern.clone().unwrap_or_else(usual);
        Ok(Self {
            sources: folder.sources()?,
            client: connect::client(&config)?,
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
            .map_err(connect::failure)
    }

    /// Writes the file, if what it says then is what is meant.
    fn write(&self, book: &Book, added: &[(CustomerId, Role)]) -> Result<(), Failure> {
        let mut sources = self.sources.clone();
        sources.customers.text = book.text();
        let path = self.folder.dir().join(&sources.customers.path);
        let config = parse::load(&sources).map_err(Failure::diagnostics)?;
        if !only_added(&self.config, &config, added) {
            return Err(Failure::failed(format!(
                "{} is written in a way that could not be added to without changing something else",
                path.display()
            ))
            .or_type("the same command without --write, and add what it shows by hand"));
        }
        replace(&path, &sources.customers.text)
    }
}

/// Whether the second fleet is the first, with these services besides.
fn only_added(before: &Config, after: &Config, added: &[(CustomerId, Role)]) -> bool {
    let mut left = after.fleet.customers.clone();
    for (customer, role) in added {
        let Some(entry) = left.get_mut(customer) else {
            return false;
        };
        if entry.services.remove(role).is_none() {
            return false;
        }
        if !before.fleet.customers.contains_key(customer) && entry.services.is_empty() {
            left.remove(customer);
        }
    }
    left == before.fleet.customers
}

/// Replaces a file in one step.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let partial = path.with_extension("yaml.partial");
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        Failure::failed(format!("failed to write {}", path.display())).caused_by(source)
    })
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
    let news: Vec<&Finding> = findings
        .iter()
        .filter(|one| one.what == What::New)
        .collect();
    let written = args.write && !news.is_empty();
    if written {
        let book = with_news(&survey, &found, &news, args.tier.as_deref())?;
        let added: Vec<_> = news
            .iter()
            .map(|one| (one.customer.clone(), one.service.clone()))
            .collect();
        survey.write(&book, &added)?;
    }
    let comparison = Comparison {
        pattern: survey.convention.to_string(),
        written,
        findings: findings.clone(),
    };
    out.data(&comparison, || comparison.text())?;
    out.say(closing(&comparison, news.len()));
    let is_sound = findings.iter().all(|one| one.what == What::New);
    Ok(if is_sound { Exit::Done } else { Exit::Failed })
}

fn closing(comparison: &Comparison, news: usize) -> String {
    match (news, comparison.written) {
        (0, _) => format!(
            "nothing at Render that fits {} is missing in the file",
            comparison.pattern
        ),
        (_, true) => format!(
            "{} added to the file; next: tranche validate",
            counted(news, "service")
        ),
        (_, false) => format!(
            "{} not in the file; nothing was written: tranche customers discover --write --tier TIER",
            counted(news, "service")
        ),
    }
}

/// Every difference, in the order of customers and roles.
fn compare(config: &Config, found: &AtRender) -> Vec<Finding> {
    let customers = &config.fleet.customers;
    let mapped = customers.iter().flat_map(|(customer, entry)| {
        let services = entry.services.iter();
        services.map(move |(role, service)| ((customer.clone(), role.clone()), service))
    });
    let mapped: BTreeMap<(CustomerId, Role), &Service> = mapped.collect();
    let mut findings = Vec::new();
    for (key, resource) in &found.fitting {
        if !mapped.contains_key(key) {
            findings.push(finding(What::New, key, &resource.id, resource.detail()));
        }
    }
    for (key, service) in &mapped {
        let id = service.id.as_str();
        if !found.ids.contains(id) {
            let detail = "no service or database has this id any more".to_owned();
            findings.push(finding(What::Vanished, key, id, detail));
        } else if let Some(resource) = found.fitting.get(key) {
            let differences = differences(service, resource).into_iter();
            findings.extend(differences.map(|detail| finding(What::Differs, key, id, detail)));
        }
    }
    findings.sort_by(|a, b| (&a.customer, &a.service).cmp(&(&b.customer, &b.service)));
    findings
}

fn finding(what: What, key: &(CustomerId, Role), id: &str, detail: String) -> Finding {
    Finding {
        what,
        customer: key.0.clone(),
        service: key.1.clone(),
        id: id.to_owned(),
        detail,
    }
}

fn differences(service: &Service, resource: &Resource) -> Option<String> {
    if service.id.as_str() != resource.id {
        let Resource { name, id, .. } = resource;
        return Some(format!("at Render {name} is {id}"));
    }
    let url = service.url.as_deref()?;
    let answers = resource.answers_at(url);
    (!answers).then(|| format!("it does not answer at {url}, but at {}", resource.detail()))
}

/// The file with what is new.
fn with_news(
    survey: &Survey,
    found: &AtRender,
    news: &[&Finding],
    tier: Option<&str>,
) -> Result<Book, Failure> {
    let mut book = Book::new(&survey.sources.customers.text);
    let mut entries: BTreeMap<CustomerId, BTreeMap<Role, Service>> = BTreeMap::new();
    for one in news {
        let key = (one.customer.clone(), one.service.clone());
        let Some(service) = found.fitting.get(&key).map(Resource::service) else {
            continue;
        };
        if survey.config.fleet.customers.contains_key(&one.customer) {
            let added = book.add_service(&one.customer, &one.service, &service);
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
            services,
        };
        book.add_customer(&entry)
            .map_err(|by_hand| refusal(&by_hand))?;
    }
    Ok(book)
}

fn refusal(by_hand: &book::ByHand) -> Failure {
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
        if self.findings.is_empty() {
            return String::new();
        }
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
        .map(|role| (customer.clone(), role.clone()))
        .collect();
    let entry = Entry {
        customer: customer.clone(),
        name: args.name.clone(),
        tier: args.tier.clone(),
        timezone: args.timezone.clone(),
        services,
    };
    let mut book = Book::new(&survey.sources.customers.text);
    book.add_customer(&entry)
        .map_err(|by_hand| refusal(&by_hand))?;
    survey.write(&book, &added)?;
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
        let service = resource.map_err(connect::failure)?.service();
        services.insert(Role::new(role.as_str()), service);
    }
    Ok(services)
}
