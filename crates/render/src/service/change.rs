//! Changing services. A rollout changes nothing but auto-deploy (P12); the rest is for [`Admin`].

use policy::ServiceId;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AutoDeploySetting, MaintenanceMode, Service};
use crate::admin::Admin;
use crate::call::Call;
use crate::client::Client;
use crate::error::Result;
use crate::limit::Class;

/// What is to be changed of a service; what is absent stays. Variables, disks and domains have requests of their own.
///
/// ```
/// use render::ServiceChanges;
///
/// let changes = ServiceChanges { branch: Some("release".to_owned()), ..ServiceChanges::default() };
/// assert_eq!(serde_json::to_value(&changes)?, serde_json::json!({ "branch": "release" }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceChanges {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Its branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The folder within the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_dir: Option<String>,
    /// `serviceDetails` as Render's documentation has them for its kind; a null clears one.
    #[serde(rename = "serviceDetails", skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// When a service with autoscaling gets more instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// By its use of processors.
    pub cpu: Threshold,
    /// By its use of memory.
    pub memory: Threshold,
}

/// One reason to scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Threshold {
    /// Whether it counts.
    pub enabled: bool,
    /// From which use on.
    pub percentage: u8,
}

impl Client {
    /// Switches auto-deploy, or puts an earlier setting back.
    pub async fn set_auto_deploy(
        &self,
        service: &ServiceId,
        setting: &AutoDeploySetting,
    ) -> Result<Service> {
        self.patch(service, &setting.body()).await
    }

    async fn patch(&self, service: &ServiceId, changes: &Value) -> Result<Service> {
        let path = ["services", service.as_str()];
        let class = Class::Service(service.clone());
        let call = Call::change(Method::PATCH, &path, class).body(changes);
        self.json(call).await
    }
}

/// Services.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let worker = "srv-cukouhrtq21c73e9scng".into();
/// client.admin().scale(&worker, 3).await?;
/// client.admin().restart(&worker).await?; // with the variables it already runs with
/// # Ok(()) }
/// ```
impl Admin<'_> {
    /// Changes what `changes` names. Nothing is deployed by that.
    pub async fn update_service(
        &self,
        service: &ServiceId,
        changes: &ServiceChanges,
    ) -> Result<Service> {
        self.0.patch(service, &json!(changes)).await
    }

    /// Switches maintenance mode: the public gets a page instead of the service.
    pub async fn set_maintenance_mode(
        &self,
        service: &ServiceId,
        mode: &MaintenanceMode,
    ) -> Result<Service> {
        let changes = json!({ "serviceDetails": { "maintenanceMode": mode } });
        self.0.patch(service, &changes).await
    }

    /// Deletes a service for good; one that is already gone counts as deleted.
    pub async fn delete_service(&self, service: &ServiceId) -> Result<()> {
        self.delete(&["services", service.as_str()]).await
    }

    /// Suspends a service; read it back to see when.
    pub async fn suspend(&self, service: &ServiceId) -> Result<()> {
        self.order(service, "suspend", Class::Service(service.clone()))
            .await
    }

    /// Lifts a suspension, which deploys the service (T16).
    pub async fn resume(&self, service: &ServiceId) -> Result<()> {
        self.order(service, "resume", Class::Service(service.clone()))
            .await
    }

    /// Restarts a service with the commit and variables it runs with; changed variables are not picked up.
    pub async fn restart(&self, service: &ServiceId) -> Result<()> {
        self.order(service, "restart", Class::Doubtful(service.clone()))
            .await
    }

    /// Sets the number of instances; ignored while autoscaling is on.
    pub async fn scale(&self, service: &ServiceId, instances: u32) -> Result<()> {
        let path = ["services", service.as_str(), "scale"];
        let call = Call::change(Method::POST, &path, Class::Doubtful(service.clone()));
        let call = call.body(&json!({ "numInstances": instances }));
        self.0.done(call).await
    }

    /// Lets Render choose the number of instances between two bounds.
    pub async fn set_autoscaling(
        &self,
        service: &ServiceId,
        instances: std::ops::RangeInclusive<u32>,
        thresholds: &Thresholds,
    ) -> Result<()> {
        let path = ["services", service.as_str(), "autoscaling"];
        let body = json!({
            "enabled": true,
            "min": instances.start(),
            "max": instances.end(),
            "criteria": thresholds,
        });
        self.0.done(Self::change(Method::PUT, &path, &body)).await
    }

    /// Returns to a fixed number of instances.
    pub async fn remove_autoscaling(&self, service: &ServiceId) -> Result<()> {
        self.delete(&["services", service.as_str(), "autoscaling"])
            .await
    }

    /// Empties the cache in front of a service.
    pub async fn purge_cache(&self, service: &ServiceId) -> Result<()> {
        self.post(&["services", service.as_str(), "cache", "purge"])
            .await
    }

    async fn order(&self, service: &ServiceId, order: &str, class: Class) -> Result<()> {
        let path = ["services", service.as_str(), order];
        self.0.done(Call::change(Method::POST, &path, class)).await
    }
}
