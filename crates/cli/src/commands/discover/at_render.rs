//! What Render has: services and databases that fit the convention, where they answer, and every id there is.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use policy::plan::DATABASE;
use policy::settings;
use policy::{CustomerId, Role};
use render::{
    Client, CustomDomain, OwnerId, Postgres, PostgresFilter, PostgresId, Result, Service,
    ServiceFilter, ServiceId, ServiceKind,
};

use super::convention::Convention;

/// So many services' domains are read at once.
const AT_ONCE: usize = 10;

/// A service or database.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) name: String,
    /// Where it answers, the best address first.
    urls: Vec<String>,
}

/// What Render has of a workspace.
#[derive(Debug, Default)]
pub(super) struct AtRender {
    /// What fits the convention.
    pub(super) fitting: BTreeMap<(CustomerId, Role), Resource>,
    /// The ids of everything.
    pub(super) ids: BTreeSet<String>,
}

impl AtRender {
    pub(super) async fn read(
        client: &Client,
        owner: Option<OwnerId>,
        convention: &Convention,
    ) -> Result<Self> {
        let services = ServiceFilter {
            owner: owner.clone(),
            ..ServiceFilter::default()
        };
        let services: Vec<Service> = client.services_stream(&services).try_collect().await?;
        let databases = PostgresFilter {
            owner,
            ..PostgresFilter::default()
        };
        let databases: Vec<Postgres> = client.databases_stream(&databases).try_collect().await?;
        let mut found = Self::default();
        found
            .ids
            .extend(services.iter().map(|one| one.id.to_string()));
        found
            .ids
            .extend(databases.iter().map(|one| one.id.to_string()));
        let fitting = services
            .into_iter()
            .filter_map(|service| Some((convention.read(&service.name)?, service)));
        let resources = stream::iter(fitting).map(async |(key, service)| {
            let resource = Resource::of_service(client, service).await?;
            Ok::<_, render::Error>((key, resource))
        });
        found.fitting = resources.buffered(AT_ONCE).try_collect().await?;
        let databases = databases.into_iter().filter_map(|database| {
            let (customer, _) = convention.read(&database.name)?;
            Some((
                (customer, Role::new(DATABASE)),
                Resource::of_database(database),
            ))
        });
        found.fitting.extend(databases);
        Ok(found)
    }
}

impl Resource {
    /// The service or database of an id.
    pub(super) async fn of_id(client: &Client, id: &str) -> Result<Self> {
        if id.starts_with("dpg-") {
            let database = client.postgres(&PostgresId::from(id)).await?;
            return Ok(Self::of_database(database));
        }
        let service = client.service(&ServiceId::new(id)).await?;
        Self::of_service(client, service).await
    }

    async fn of_service(client: &Client, service: Service) -> Result<Self> {
        let is_public = matches!(
            service.kind,
            ServiceKind::WebService | ServiceKind::StaticSite
        );
        let domains = if is_public {
            client.custom_domains(&service.id).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            urls: addresses(&service, &domains),
            id: service.id.to_string(),
            name: service.name,
        })
    }

    fn of_database(database: Postgres) -> Self {
        Self {
            id: database.id.to_string(),
            name: database.name,
            urls: Vec::new(),
        }
    }

    /// The entry that the file would have.
    pub(super) fn service(&self) -> settings::Service {
        settings::Service {
            id: ServiceId::new(self.id.as_str()),
            url: self.urls.first().cloned(),
        }
    }

    /// The best address at which it answers.
    pub(super) fn url(&self) -> Option<&str> {
        self.urls.first().map(String::as_str)
    }

    /// What is worth saying about it in one word.
    pub(super) fn detail(&self) -> String {
        self.urls.first().unwrap_or(&self.name).clone()
    }

    /// Whether an address of the file is one of its own.
    pub(super) fn answers_at(&self, url: &str) -> bool {
        let wanted = host(url);
        self.urls
            .iter()
            .any(|own| host(own).eq_ignore_ascii_case(wanted))
    }
}

/// Verified domains first: that is what customers type.
fn addresses(service: &Service, domains: &[CustomDomain]) -> Vec<String> {
    let (verified, others): (Vec<_>, Vec<_>) = domains
        .iter()
        .partition(|domain| domain.verification_status == "verified");
    let address = |domain: &CustomDomain| format!("https://{}", domain.name);
    let own = service.url().map(str::to_owned);
    let verified = verified.into_iter().map(address);
    let others = others.into_iter().map(address);
    verified.chain(own).chain(others).collect()
}

/// The host of an address, with its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}
