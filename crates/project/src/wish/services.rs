//! Which services are meant, whose they are, and what Render says of them.

use policy::suggest::nearest;
use policy::{Config, Customer, CustomerId, Release, Role};
use render::{Client, ServiceFilter};
use rollout::ServiceDeploy;

use super::{Artifact, WantedDeploy};
use crate::error::Error;
use crate::release::Versions;
use crate::{fleet, observe};

/// So many hexadecimal digits make a full commit id.
const FULL: usize = 40;

/// Finds every service, and reads how it stands. Every mistake is told at once.
pub(super) async fn find(
    config: &Config,
    client: &Client,
    versions: &Versions,
    wanted: Vec<WantedDeploy>,
) -> Result<Vec<ServiceDeploy>, Error> {
    let mut found = Vec::new();
    let mut mistakes = Vec::new();
    let mut help = Vec::new();
    for one in wanted {
        let name = one.service.clone();
        match find_one(config, client, versions, one).await {
            Ok(deploy) => found.push(deploy),
            Err(Mistake::Wrong { what, way_out }) => {
                mistakes.push(format!("{name}: {what}"));
                help.push(way_out);
            }
            Err(Mistake::Failed(error)) => return Err(error),
        }
    }
    match help.into_iter().next() {
        None => Ok(found),
        Some(way_out) => Err(Error::Wish { mistakes, way_out }),
    }
}

/// Why one service cannot be deployed.
enum Mistake {
    /// What was written makes no sense; the others are looked at all the same.
    Wrong { what: String, way_out: String },
    /// Render could not be asked.
    Failed(Error),
}

impl Mistake {
    fn wrong(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self::Wrong {
            what: what.into(),
            way_out: way_out.into(),
        }
    }
}

async fn find_one(
    config: &Config,
    client: &Client,
    versions: &Versions,
    wanted: WantedDeploy,
) -> Result<ServiceDeploy, Mistake> {
    let release = release(versions, &wanted.artifact)?;
    let profile = config.project.health.get(&wanted.health).cloned();
    let profile = profile.ok_or_else(|| {
        let names: Vec<&str> = config.project.health.keys().map(String::as_str).collect();
        let what = format!(
            "no health profile is called `{}`; there are {}",
            wanted.health,
            names.join(", ")
        );
        Mistake::wrong(what, "the same command with --health PROFILE")
    })?;
    let (id, customer, role) = whose(config, client, &wanted.service).await?;
    let service = &customer.services[&role];
    let owner = config.project.render.owner.as_deref();
    let view = observe::view(client, &role, service, owner, versions).await;
    let observed = Some(view.map_err(Mistake::Failed)?);
    let version = versions.of(&release.commit).map(str::to_owned);
    Ok(ServiceDeploy {
        version,
        variables: wanted.variables,
        clear_cache: wanted.clear_cache,
        validate: wanted.validate,
        rollback: wanted.rollback,
        watch: wanted.watch,
        health: wanted.health,
        profile,
        timeout: wanted.timeout,
        observed,
        ..ServiceDeploy::new(&config.project, id, customer, role, release)
    })
}

/// What is deployed, exactly (P13): a tag is resolved, a short commit id is not guessed.
fn release(versions: &Versions, artifact: &Artifact) -> Result<Release, Mistake> {
    let commit = match artifact {
        Artifact::Image(image) => {
            return Ok(Release {
                version: image.label(),
                commit: image.to_string(),
            });
        }
        Artifact::Commit(commit) => commit,
    };
    let tagged = versions.by_commit().iter().find(|(_, tag)| *tag == commit);
    if let Some((id, tag)) = tagged {
        return Ok(Release {
            version: tag.clone(),
            commit: id.clone(),
        });
    }
    if commit.len() != FULL || !commit.chars().all(|c| c.is_ascii_hexdigit()) {
        let near = nearest(commit, versions.by_commit().values().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        let what =
            format!("`{commit}` is neither a tag nor a full commit id of {FULL} digits{hint}");
        let way_out = format!("git rev-parse {commit}, in the repository, for the full id");
        return Err(Mistake::wrong(what, way_out));
    }
    let commit = commit.to_ascii_lowercase();
    let short = commit[..7].to_owned();
    Ok(Release {
        version: versions.of(&commit).map_or(short, str::to_owned),
        commit,
    })
}

/// Whose service it is: a customer's of the files, or its own.
async fn whose(
    config: &Config,
    client: &Client,
    name: &str,
) -> Result<(CustomerId, Customer, Role), Mistake> {
    if let Some((customer, role)) = name.split_once('/') {
        return mapped(config, customer, role);
    }
    let service = match name.starts_with("srv-") || name.starts_with("crn-") {
        true => client.service(&name.into()).await,
        false => named(config, client, name).await?,
    };
    let service = service.map_err(|error| match error.is_gone() {
        true => {
            let what = "there is no such service, or this key does not reach it";
            Mistake::wrong(what, "tranche render services")
        }
        false => Mistake::Failed(error.into()),
    })?;
    for (id, customer) in &config.fleet.customers {
        let own = customer.services.iter();
        if let Some((role, _)) = own.into_iter().find(|(_, own)| own.id == service.id) {
            return Ok((id.clone(), customer.clone(), role.clone()));
        }
    }
    let url = service.url().map(str::to_owned);
    let taken = config
        .fleet
        .customers
        .contains_key(&CustomerId::new(&service.name));
    let id = match taken || service.name.is_empty() {
        true => CustomerId::new(service.id.to_string()),
        false => CustomerId::new(&service.name),
    };
    let customer = ServiceDeploy::alone(&service.name, service.id, url);
    Ok((id, customer, Role::new(ServiceDeploy::ALONE)))
}

async fn named(
    config: &Config,
    client: &Client,
    name: &str,
) -> Result<render::Result<render::Service>, Mistake> {
    let filter = ServiceFilter {
        name: Some(name.to_owned()),
        ..ServiceFilter::default()
    };
    let mut services = match client.services(&filter, 2).await {
        Ok(services) => services,
        Err(error) => return Ok(Err(error)),
    };
    match (services.pop(), services.pop()) {
        (Some(service), None) => Ok(Ok(service)),
        (Some(_), Some(_)) => {
            let what = "several services have this name: write the id";
            Err(Mistake::wrong(what, "tranche render services"))
        }
        (None, _) => Err(nothing_named(config, name)),
    }
}

/// Render has no service of this name; it may be that of a customer.
fn nothing_named(config: &Config, name: &str) -> Mistake {
    match fleet::services_of(config, name) {
        Some(services) => Mistake::wrong(
            "this is a customer, and services are deployed one by one",
            format!("the same command with {services}"),
        ),
        None => Mistake::wrong(
            "Render has no service of this name",
            "tranche render services",
        ),
    }
}

fn mapped(
    config: &Config,
    customer: &str,
    role: &str,
) -> Result<(CustomerId, Customer, Role), Mistake> {
    let id = CustomerId::new(customer);
    let found = fleet::customer(config, &id)
        .map_err(|failure| Mistake::wrong(failure.to_string(), "tranche customers"))?;
    let role = Role::new(role);
    let deployed = found
        .services
        .get(&role)
        .is_some_and(|_| role.as_str() != policy::plan::DATABASE);
    if deployed {
        return Ok((id, found.clone(), role));
    }
    let roles = found.services.keys().map(AsRef::as_ref);
    let hint = nearest(role.as_str(), roles)
        .map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
    let what = format!("{id} has no service `{role}` to deploy{hint}");
    Err(Mistake::wrong(what, format!("tranche customers show {id}")))
}
