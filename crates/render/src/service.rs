//! Services: read, list, and the few settings of them that can be changed (A3).

mod change;
mod create;
mod details;
mod read;

use chrono::{DateTime, Utc};
use policy::ServiceId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::ids::{EnvironmentId, OwnerId};
use crate::open_enum::open_enum;
use crate::wire::nullable;

pub use change::{ServiceChanges, Threshold, Thresholds};
pub use create::{CreatedService, NewService, Origin, Preview};
pub use details::{Autoscaling, CronJob, Details, Disk, MaintenanceMode, Server, StaticSite};
pub use read::{CustomDomain, Instance, ServiceFilter};

open_enum! {
    /// What kind of service it is.
    ServiceKind {
        /// Files, served by Render.
        StaticSite = "static_site",
        /// Answers the public.
        WebService = "web_service",
        /// Answers other services only.
        PrivateService = "private_service",
        /// Answers nobody.
        BackgroundWorker = "background_worker",
        /// Runs now and then.
        CronJob = "cron_job",
    }
}

open_enum! {
    /// Whether Render deploys new commits by itself.
    AutoDeploy {
        /// It does.
        Yes = "yes",
        /// It does not.
        No = "no",
    }
}

open_enum! {
    /// What makes Render deploy by itself.
    AutoDeployTrigger {
        /// Every commit.
        Commit = "commit",
        /// A commit whose checks pass.
        ChecksPass = "checksPass",
        /// Nothing.
        Off = "off",
    }
}

open_enum! {
    /// Whether it is suspended.
    Suspension {
        /// It is.
        Suspended = "suspended",
        /// It runs.
        NotSuspended = "not_suspended",
    }
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name, unique in the workspace.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// What kind it is.
    pub kind: ServiceKind,
    /// The first label of its `onrender.com` name.
    pub slug: String,
    /// Whether it is suspended.
    pub suspension: Suspension,
    /// Who suspended it: `user`, `billing`, ...
    pub suspenders: Vec<String>,
    /// Whether Render deploys new commits by itself, and upon what.
    pub auto_deploy: AutoDeploySetting,
    /// Its repository; image services have none.
    pub repo: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// Its image; Git services have none.
    pub image_path: Option<String>,
    /// Its environment within a project.
    pub environment: Option<EnvironmentId>,
    /// Its page in the dashboard.
    pub dashboard_url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// What only its kind has.
    pub details: Details,
}

impl Service {
    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        self.suspension == Suspension::Suspended
    }

    /// The public address that Render gave it.
    pub fn url(&self) -> Option<&str> {
        match &self.details {
            Details::StaticSite(site) => site.url.as_deref(),
            Details::Server(server) => server.url.as_deref(),
            Details::CronJob(_) | Details::Other(_) => None,
        }
    }
}

/// The auto-deploy setting as it stands, complete enough to be restored (P32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoDeploySetting {
    /// On or off.
    pub auto_deploy: AutoDeploy,
    /// Upon what; older services do not say.
    pub trigger: Option<AutoDeployTrigger>,
}

impl AutoDeploySetting {
    /// Off.
    pub const OFF: Self = Self {
        auto_deploy: AutoDeploy::No,
        trigger: None,
    };

    /// On, upon every commit.
    pub const ON: Self = Self {
        auto_deploy: AutoDeploy::Yes,
        trigger: None,
    };

    /// Whether a commit may deploy by itself. Anything but a plain "no" may (T4).
    pub fn is_on(&self) -> bool {
        self.auto_deploy != AutoDeploy::No
    }

    pub(crate) fn body(&self) -> Value {
        // Only `checksPass` cannot be said by yes or no; an older API does not know the field.
        match &self.trigger {
            Some(AutoDeployTrigger::ChecksPass) if self.is_on() => {
                json!({ "autoDeploy": "yes", "autoDeployTrigger": AutoDeployTrigger::ChecksPass })
            }
            Some(_) | None => json!({ "autoDeploy": if self.is_on() { "yes" } else { "no" } }),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: ServiceId,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    owner_id: OwnerId,
    #[serde(default, rename = "type")]
    kind: ServiceKind,
    #[serde(default, deserialize_with = "nullable")]
    slug: String,
    #[serde(default)]
    suspended: Suspension,
    #[serde(default, deserialize_with = "nullable")]
    suspenders: Vec<String>,
    #[serde(default)]
    auto_deploy: AutoDeploy,
    auto_deploy_trigger: Option<AutoDeployTrigger>,
    repo: Option<String>,
    branch: Option<String>,
    image_path: Option<String>,
    environment_id: Option<EnvironmentId>,
    dashboard_url: Option<String>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
    #[serde(default)]
    service_details: Value,
}

impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(from)?;
        let details = Details::of(&wire.kind, wire.service_details).map_err(D::Error::custom)?;
        Ok(Self {
            id: wire.id,
            name: wire.name,
            owner: wire.owner_id,
            kind: wire.kind,
            slug: wire.slug,
            suspension: wire.suspended,
            suspenders: wire.suspenders,
            auto_deploy: AutoDeploySetting {
                auto_deploy: wire.auto_deploy,
                trigger: wire.auto_deploy_trigger,
            },
            repo: wire.repo,
            branch: wire.branch,
            image_path: wire.image_path,
            environment: wire.environment_id,
            dashboard_url: wire.dashboard_url,
            created_at: wire.created_at,
            updated_at: wire.updated_at,
            details,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn service(kind: &str, details: &Value) -> Service {
        let json =
            json!({ "id": "srv-1", "ownerId": "tea-1", "type": kind, "serviceDetails": details });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_kind_decides_the_details_and_not_their_shape() {
        let details = json!({ "url": "https://a.onrender.com", "buildCommand": "x", "numInstances": 2, "plan": null });
        let site = service("static_site", &details);
        assert!(matches!(
            site.details,
            Details::StaticSite(StaticSite {
                build_command: Some(_),
                ..
            })
        ));
        let web = service("web_service", &details);
        assert!(matches!(
            web.details,
            Details::Server(Server {
                num_instances: Some(2),
                plan: None,
                ..
            })
        ));
        assert_eq!(web.url(), Some("https://a.onrender.com"));
        assert!(matches!(
            service("cron_job", &json!({})).details,
            Details::CronJob(_)
        ));
        assert_eq!(
            service("workflow", &details).details,
            Details::Other(details)
        );
    }

    #[test]
    fn missing_details_are_empty_ones() {
        assert_eq!(
            service("web_service", &Value::Null).details,
            Details::Server(Server::default())
        );
    }

    #[test]
    fn only_a_plain_no_is_off() {
        let setting = |auto_deploy: &str| AutoDeploySetting {
            auto_deploy: auto_deploy.into(),
            trigger: None,
        };
        assert!(!setting("no").is_on());
        assert!(setting("yes").is_on());
        assert!(setting("sometimes").is_on());
        assert!(service("web_service", &json!({})).auto_deploy.is_on());
    }

    #[test]
    fn a_restored_setting_keeps_its_trigger() {
        let checks = AutoDeploySetting {
            trigger: Some(AutoDeployTrigger::ChecksPass),
            ..AutoDeploySetting::ON
        };
        assert_eq!(
            checks.body(),
            json!({ "autoDeploy": "yes", "autoDeployTrigger": "checksPass" })
        );
        assert_eq!(AutoDeploySetting::OFF.body(), json!({ "autoDeploy": "no" }));
    }
}
