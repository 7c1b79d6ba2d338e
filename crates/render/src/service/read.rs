//! Reading services: lists by filter, one by its id, what runs and where it answers.

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use policy::ServiceId;
use serde::{Deserialize, Serialize};

use super::{Service, ServiceKind, Suspension};
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::ids::{EnvironmentId, InstanceId, OwnerId};
use crate::page::listed;
use crate::wire::nullable;

/// Which services are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceFilter {
    /// Exactly this name.
    pub name: Option<String>,
    /// Only these kinds; none: all.
    pub kinds: Vec<ServiceKind>,
    /// Only of this workspace.
    pub owner: Option<OwnerId>,
    /// Only of these environments; none: all.
    pub environments: Vec<EnvironmentId>,
    /// Only in these regions; none: all.
    pub regions: Vec<String>,
    /// Only with these runtimes; none: all.
    pub runtimes: Vec<String>,
    /// Only suspended ones, or only those that run.
    pub suspension: Option<Suspension>,
    /// Only those made after.
    pub created_after: Option<DateTime<Utc>>,
    /// Only those made before.
    pub created_before: Option<DateTime<Utc>>,
    /// Only those changed after.
    pub updated_after: Option<DateTime<Utc>>,
    /// Only those changed before.
    pub updated_before: Option<DateTime<Utc>>,
    /// Without previews of pull requests.
    pub without_previews: bool,
}

impl ServiceFilter {
    fn call(&self) -> Call {
        let at = |at: Option<DateTime<Utc>>| {
            at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
        };
        Call::get(&["services"])
            .maybe("name", self.name.as_deref())
            .joined("type", self.kinds.iter())
            .maybe("ownerId", self.owner.as_ref().map(OwnerId::to_string))
            .joined("environmentId", self.environments.iter())
            .joined("region", self.regions.iter())
            .joined("env", self.runtimes.iter())
            .maybe(
                "suspended",
                self.suspension.as_ref().map(Suspension::as_str),
            )
            .maybe("createdAfter", at(self.created_after))
            .maybe("createdBefore", at(self.created_before))
            .maybe("updatedAfter", at(self.updated_after))
            .maybe("updatedBefore", at(self.updated_before))
            .maybe("includePreviews", self.without_previews.then_some("false"))
    }
}

/// An instance that runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Since when.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
}

/// A domain of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomDomain {
    /// The domain.
    pub name: String,
    /// `verified` or `unverified`.
    #[serde(default, deserialize_with = "nullable")]
    pub verification_status: String,
}

listed!(Service: id, CustomDomain: name);

/// Services.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// use futures::TryStreamExt;
/// use render::{AutoDeploySetting, ServiceFilter, ServiceKind};
///
/// let web = ServiceFilter { kinds: vec![ServiceKind::WebService], ..ServiceFilter::default() };
/// let mut services = std::pin::pin!(client.services_stream(&web));
/// while let Some(service) = services.try_next().await? {
///     if service.auto_deploy.is_on() {
///         client.set_auto_deploy(&service.id, &AutoDeploySetting::OFF).await?;
///     }
/// }
/// # Ok(()) }
/// ```
impl Client {
    /// Lists services.
    pub async fn services(&self, filter: &ServiceFilter, most: usize) -> Result<Vec<Service>> {
        self.first(filter.call(), most).await
    }

    /// All services, page by page as they are taken.
    pub fn services_stream(
        &self,
        filter: &ServiceFilter,
    ) -> impl Stream<Item = Result<Service>> + Send + use<> {
        self.stream(filter.call())
    }

    /// Reads one service.
    pub async fn service(&self, service: &ServiceId) -> Result<Service> {
        self.json(Call::get(&["services", service.as_str()])).await
    }

    /// Lists the domains that customers gave a service. Nothing here changes them.
    pub async fn custom_domains(&self, service: &ServiceId) -> Result<Vec<CustomDomain>> {
        self.all(Call::get(&["services", service.as_str(), "custom-domains"]))
            .await
    }

    /// Lists the instances that run now.
    pub async fn instances(&self, service: &ServiceId) -> Result<Vec<Instance>> {
        self.json(Call::get(&["services", service.as_str(), "instances"]))
            .await
    }
}
