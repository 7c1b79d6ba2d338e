//! `render services|env|deploys|logs`: what is at Render, whether or not this project knows it.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use policy::{Config, CustomerId, Role};
use project::view::at_render::SeenDeploy;
use project::{connect, fleet, variable};
use render::{
    Client, DeployFilter, Direction, Followed, LogFilter, LogLine, OwnerId, Service, ServiceFilter,
    ServiceId, ServiceKind, Suspension,
};
use rollout::Verb;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::deploys::rows;
use crate::args::{Global, RenderDeploys, RenderEnv, RenderLogs, RenderServices};
use crate::exit::{Exit, Failure};
use crate::open;
use crate::output::Output;
use crate::show::escape::line;
use crate::show::table::table;
use crate::show::time;

/// Stands for a value.
const MASK: &str = "********";

/// Logs begin so long ago where nobody says when.
const RECENT: TimeDelta = TimeDelta::hours(1);

/// Render as it is reached from here, with or without a project.
struct Place {
    client: Client,
    config: Option<Config>,
}

/// A service, and who of this project it belongs to.
struct Found {
    id: ServiceId,
    mapped: Option<(CustomerId, Role)>,
}

impl Place {
    fn open(global: &Global, out: Output) -> Result<Self, Failure> {
        let folder = match open::folder(global) {
            Ok(folder) => folder,
            Err(missing) if global.dir.is_some() => return Err(missing),
            Err(_) => return Self::without_project(out),
        };
        let config = folder.load_running(&out)?;
        Ok(Self {
            client: connect::client(&config, &out)?,
            config: Some(config),
        })
    }

    fn without_project(out: Output) -> Result<Self, Failure> {
        Ok(Self {
            client: connect::without_project(&out)?,
            config: None,
        })
    }

    /// The workspace that is meant, if one is.
    fn owner(&self) -> Option<OwnerId> {
        let configured = self
            .config
            .as_ref()
            .and_then(|config| config.project.render.owner.clone());
        let owner = configured.or_else(|| variable("RENDER_WORKSPACE"));
        owner.map(|owner| OwnerId::from(owner.as_str()))
    }

    /// The service that a person means: an id, CUSTOMER/ROLE, or a name at Render.
    async fn service(&self, meant: &str) -> Result<Found, Failure> {
        if let (Some((customer, role)), Some(config)) = (meant.split_once('/'), &self.config) {
            return mapped(config, &CustomerId::new(customer), role);
        }
        if meant.starts_with("srv-") || meant.starts_with("crn-") {
            let id = ServiceId::new(meant);
            return Ok(Found {
                mapped: self
                    .config
                    .as_ref()
                    .and_then(|config| owner_of(config, &id)),
                id,
            });
        }
        self.named(meant).await
    }

    /// There is none of this name; it may be that of a customer.
    fn nothing_called(&self, name: &str) -> Failure {
        let config = self.config.as_ref();
        let services = config.and_then(|config| fleet::services_of(config, name));
        let way_out = services.map(|services| format!("the same command with {services}"));
        Failure::usage(format!("no service is called `{name}`"))
            .or_type(way_out.unwrap_or_else(|| "tranche render services".to_owned()))
    }

    async fn named(&self, name: &str) -> Result<Found, Failure> {
        let filter = ServiceFilter {
            name: Some(name.to_owned()),
            owner: self.owner(),
            ..ServiceFilter::default()
        };
        let services = self.client.services(&filter, 2).await;
        match &services?[..] {
            [service] => Ok(Found {
                mapped: self
                    .config
                    .as_ref()
                    .and_then(|config| owner_of(config, &service.id)),
                id: service.id.clone(),
            }),
            [] => Err(self.nothing_called(name)),
            _ => Err(
                Failure::usage(format!("several services are called `{name}`"))
                    .or_type("the same command with an id; `tranche render services` shows them"),
            ),
        }
    }
}

fn mapped(config: &Config, customer: &CustomerId, role: &str) -> Result<Found, Failure> {
    let services = &fleet::customer(config, customer)?.services;
    let role = Role::new(role);
    let Some(service) = services.get(&role) else {
        return Err(
            Failure::usage(format!("{customer} has no service `{role}`"))
                .or_type(format!("tranche customers show {customer}")),
        );
    };
    Ok(Found {
        id: service.id.clone(),
        mapped: Some((customer.clone(), role)),
    })
}

fn owner_of(config: &Config, id: &ServiceId) -> Option<(CustomerId, Role)> {
    config
        .fleet
        .services()
        .find(|(_, _, service)| service.id == *id)
        .map(|(customer, role, _)| (customer.clone(), role.clone()))
}

/// One service in the list.
#[derive(Debug, Serialize)]
struct Listed {
    id: ServiceId,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    owner: String,
    suspended: bool,
    auto_deploy: bool,
    url: Option<String>,
}

impl From<Service> for Listed {
    fn from(service: Service) -> Self {
        Self {
            suspended: service.is_suspended(),
            auto_deploy: service.auto_deploy.is_on(),
            url: service.url().map(str::to_owned),
            kind: service.kind.to_string(),
            owner: service.owner.to_string(),
            id: service.id,
            name: service.name,
        }
    }
}

impl Listed {
    fn row(&self) -> Vec<String> {
        let word = |yes: bool, word: &str| if yes { word } else { "-" }.to_owned();
        vec![
            self.id.to_string(),
            line(&self.name),
            line(&self.kind),
            word(self.suspended, "suspended"),
            word(self.auto_deploy, "on"),
            line(self.url.as_deref().unwrap_or("-")),
        ]
    }
}

/// Lists services.
pub(crate) async fn services(
    global: &Global,
    args: &RenderServices,
    out: Output,
) -> Result<Exit, Failure> {
    let place = Place::open(global, out)?;
    let filter = ServiceFilter {
        name: args.name.clone(),
        kinds: args
            .kinds
            .iter()
            .map(|kind| ServiceKind::from(kind.as_str()))
            .collect(),
        owner: place.owner(),
        regions: args.region.clone(),
        suspension: args.suspended.then_some(Suspension::Suspended),
        ..ServiceFilter::default()
    };
    let services = place.client.services(&filter, args.limit).await;
    let services = services?.into_iter();
    let listed: Vec<Listed> = services.map(Listed::from).collect();
    let none = "no service at Render is like that, as far as this key reaches";
    out.list(&listed, listed.is_empty(), none, || {
        let heading = ["ID", "NAME", "TYPE", "STATE", "AUTO-DEPLOY", "URL"];
        table(&heading, listed.iter().map(Listed::row))
    })?;
    Ok(Exit::Done)
}

/// Shows the variables of a service; their values only on a terminal, and never without a trace (P49).
pub(crate) async fn env(global: &Global, args: &RenderEnv, out: Output) -> Result<Exit, Failure> {
    if args.reveal && !out.is_terminal() {
        return Err(Failure::usage(
            "values are shown on a terminal only, as text: a file or a pipe would keep them",
        )
        .or_type(format!("tranche render env {}", args.service)));
    }
    let place = Place::open(global, out)?;
    let found = place.service(&args.service).await?;
    let variables = place.client.variables(&found.id).await;
    let variables = variables?;
    if args.reveal {
        let keys = variables.keys().cloned().collect();
        note_revealed(global, out, found, keys).await?;
    }
    let shown: BTreeMap<&str, String> = variables
        .iter()
        .map(|(key, value)| {
            let value = if args.reveal {
                line(value.expose_secret())
            } else {
                MASK.to_owned()
            };
            (key.as_str(), value)
        })
        .collect();
    let none = format!("{} has no variables", args.service);
    out.list(&shown, shown.is_empty(), none, || {
        let rows = shown
            .iter()
            .map(|(key, value)| vec![line(key), value.clone()]);
        table(&["KEY", "VALUE"], rows)
    })?;
    Ok(Exit::Done)
}

/// Has it written into the journal before anything is shown.
async fn note_revealed(
    global: &Global,
    out: Output,
    found: Found,
    keys: Vec<String>,
) -> Result<(), Failure> {
    let Some((customer, service)) = found.mapped else {
        return Err(Failure::usage(format!(
            "{} belongs to no customer of this project, so nothing could be written into a journal about who saw its values",
            found.id
        ))
        .or_type("tranche customers discover"));
    };
    let verb = Verb::Reveal {
        customer,
        service,
        keys,
    };
    let session = open::session(global, out).await?;
    session.ask(None, verb).await?;
    Ok(())
}

/// Lists the newest deploys of a service.
pub(crate) async fn deploys(
    global: &Global,
    args: &RenderDeploys,
    out: Output,
) -> Result<Exit, Failure> {
    let place = Place::open(global, out)?;
    let found = place.service(&args.service).await?;
    let filter = DeployFilter {
        statuses: args
            .status
            .iter()
            .map(|word| word.as_str().into())
            .collect(),
        ..DeployFilter::default()
    };
    let deploys = place.client.deploys(&found.id, &filter, args.limit).await;
    let deploys = deploys?.into_iter();
    let seen: Vec<SeenDeploy> = deploys.map(|deploy| SeenDeploy::of(deploy, None)).collect();
    let none = match args.status.as_slice() {
        [] => format!("{} was never deployed", args.service),
        _ => format!("{} has no deploy of that status", args.service),
    };
    out.list(&seen, seen.is_empty(), none, || {
        rows(&[], seen.iter().map(|one| (Vec::new(), one)))
    })?;
    Ok(Exit::Done)
}

/// Prints the logs of a service, oldest first.
pub(crate) async fn logs(global: &Global, args: &RenderLogs, out: Output) -> Result<Exit, Failure> {
    let place = Place::open(global, out)?;
    let found = place.service(&args.service).await?;
    let service = place.client.service(&found.id).await;
    let service = service?;
    let filter = LogFilter {
        end: args.end,
        direction: Direction::Backward,
        kinds: args.kinds.clone(),
        levels: args.level.clone(),
        texts: args.text.clone(),
        ..LogFilter::of(
            service.owner,
            found.id,
            args.start.unwrap_or_else(|| Utc::now() - RECENT),
        )
    };
    if args.follow {
        let mut lines = place.client.follow_logs(&filter).boxed();
        while let Some(news) = lines.try_next().await? {
            match news {
                Followed::Line(one) => print(out, &one)?,
                Followed::Lost { reason } => out.say(format_args!(
                    "the connection is lost ({reason}); it is made again until it stands"
                )),
                Followed::Found => {
                    out.say("connected again; what Render still has of the time between follows");
                }
            }
        }
        return Ok(Exit::Done);
    }
    let lines = place.client.logs(&filter, args.limit).await;
    let lines = lines?;
    if lines.is_empty() {
        let from = time::instant(filter.start);
        out.say(format_args!(
            "{} has no such lines since {from}",
            args.service
        ));
    }
    for one in lines.iter().rev() {
        print(out, one)?;
    }
    Ok(Exit::Done)
}

fn print(out: Output, one: &LogLine) -> Result<(), Failure> {
    out.item(one, || {
        let level = one.label("level").unwrap_or("-");
        let (at, level) = (time::stamp(one.timestamp), line(level));
        format!("{at}  {level:<7}  {}", line(&one.message))
    })
}
