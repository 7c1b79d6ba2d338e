//! What must be known of a service before it is deployed: one read of it, its domains and its newest deploys.

use chrono::{DateTime, Utc};
use policy::ServiceId;
use reqwest::Url;

use crate::client::Client;
use crate::deploy::{Deploy, DeployStatus};
use crate::error::Result;
use crate::ids::OwnerId;
use crate::service::{AutoDeploySetting, CustomDomain, Details, Server, Service, ServiceKind};

/// A service as it stands. It states facts; what they mean for a rollout is decided elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceView {
    /// Which.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub owner: OwnerId,
    /// What kind it is.
    pub kind: ServiceKind,
    /// The image it is set to run; `None`: it is built from a repository.
    pub image: Option<String>,
    /// Who suspended it; `None`: it runs.
    pub suspended_by: Option<Vec<String>>,
    /// Whether Render deploys new commits by itself.
    pub auto_deploy: AutoDeploySetting,
    /// Whether the public gets a page instead of it (T29).
    pub in_maintenance: bool,
    /// Where it answers: the name Render gave it, and its own domains.
    pub hosts: Vec<String>,
    /// Its deploys, newest first, at least back to one that was live.
    pub deploys: Vec<Deploy>,
    /// What would make a deploy interrupt it.
    pub warnings: Vec<DowntimeWarning>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// The plan of services that cost nothing.
const FREE: &str = "free";

/// Why a deploy would interrupt a service, or might.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DowntimeWarning {
    /// A disk can be mounted once only.
    #[error("it has a disk, so the old instance stops before the new one starts")]
    Disk,
    /// One bad instance is all of it.
    #[error("it has one instance only")]
    OneInstance,
    /// It sleeps while nobody asks, and is stopped once the month's hours are used up (T17).
    #[error(
        "it is on the free plan, so it sleeps while nobody asks and answers late or not at all"
    )]
    Free,
    /// Render switches traffic without asking the service.
    #[error("it has no health check path, so traffic is switched without asking it")]
    NoHealthCheck,
}

impl ServiceView {
    /// The deploy that serves traffic.
    pub fn live(&self) -> Option<&Deploy> {
        self.deploys
            .iter()
            .find(|deploy| deploy.status == DeployStatus::Live)
    }

    /// The deploys that are not over, newest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &Deploy> {
        self.deploys
            .iter()
            .filter(|deploy| deploy.status.is_unfinished())
    }

    /// Whether an address leads to this service: one that leads elsewhere would prove nothing about it.
    pub fn answers_at(&self, url: &str) -> bool {
        let host = Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        host.is_some_and(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(&host)))
    }
}

/// Reads a service, its domains, and its deploys back to one that is or was live.
///
/// ```no_run
/// # async fn example(client: render::Client) -> render::Result<()> {
/// let view = render::inspect(&client, &"srv-cukouhrtq21c73e9scng".into()).await?;
/// if let Some(running) = view.unfinished().next() {
///     println!("{} is {}", running.id, running.status);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// When one of the reads fails.
pub async fn inspect(client: &Client, id: &ServiceId) -> Result<ServiceView> {
    let service = client.service(id).await?;
    let has_domains = matches!(
        service.kind,
        ServiceKind::WebService | ServiceKind::StaticSite
    );
    let domains = if has_domains {
        client.custom_domains(id).await?
    } else {
        Vec::new()
    };
    let deploys = client
        .deploys_back_to(id, |deploy| deploy.status.went_live())
        .await?;
    Ok(view(service, &domains, deploys.entries))
}

fn view(service: Service, domains: &[CustomDomain], deploys: Vec<Deploy>) -> ServiceView {
    ServiceView {
        hosts: hosts(&service, domains),
        warnings: warnings(&service),
        in_maintenance: server(&service)
            .and_then(|server| server.maintenance_mode.as_ref())
            .is_some_and(|mode| mode.enabled),
        suspended_by: service.is_suspended().then_some(service.suspenders),
        image: service.image_path,
        id: service.id,
        name: service.name,
        owner: service.owner,
        kind: service.kind,
        auto_deploy: service.auto_deploy,
        deploys,
        created_at: service.created_at,
    }
}

fn server(service: &Service) -> Option<&Server> {
    match &service.details {
        Details::Server(server) => Some(server),
        Details::StaticSite(_) | Details::CronJob(_) | Details::Other(_) => None,
    }
}

fn hosts(service: &Service, domains: &[CustomDomain]) -> Vec<String> {
    let given = service
        .url()
        .and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_owned));
    given
        .into_iter()
        .chain(domains.iter().map(|domain| domain.name.clone()))
        .collect()
}

fn warnings(service: &Service) -> Vec<DowntimeWarning> {
    let Some(server) = server(service) else {
        return Vec::new();
    };
    let scales = server
        .autoscaling
        .as_ref()
        .filter(|scaling| scaling.enabled);
    let instances = scales.map_or(server.num_instances, |scaling| scaling.min);
    let asks_health = server
        .health_check_path
        .as_deref()
        .is_some_and(|path| !path.is_empty());
    let is_web = service.kind == ServiceKind::WebService;
    let found = [
        (server.disk.is_some(), DowntimeWarning::Disk),
        (instances == Some(1), DowntimeWarning::OneInstance),
        (server.plan.as_deref() == Some(FREE), DowntimeWarning::Free),
        (is_web && !asks_health, DowntimeWarning::NoHealthCheck),
    ];
    found
        .into_iter()
        .filter_map(|(applies, warning)| applies.then_some(warning))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;

    fn seen(details: &Value) -> ServiceView {
        let service = json!({
            "id": "srv-1", "ownerId": "tea-1", "type": "web_service", "suspended": "not_suspended",
            "serviceDetails": details,
        });
        let domain = CustomDomain {
            name: "acme.example".to_owned(),
            verification_status: "verified".to_owned(),
        };
        let deploys =
            json!([{ "id": "dep-2", "status": "queued" }, { "id": "dep-1", "status": "live" }]);
        view(
            serde_json::from_value(service).unwrap(),
            &[domain],
            serde_json::from_value(deploys).unwrap(),
        )
    }

    #[test]
    fn an_address_must_be_one_of_its_own() {
        let view = seen(&json!({ "url": "https://acme-backend.onrender.com" }));
        assert!(view.answers_at("https://acme-backend.onrender.com/api/health"));
        assert!(view.answers_at("https://ACME.example"));
        assert!(!view.answers_at("https://acme.example.evil.com"));
        assert!(!view.answers_at("not a url"));
    }

    #[test]
    fn live_and_unfinished_deploys_are_told_apart() {
        let view = seen(&json!({}));
        assert_eq!(view.live().unwrap().id, "dep-1".into());
        assert_eq!(
            view.unfinished()
                .map(|deploy| deploy.id.clone())
                .collect::<Vec<_>>(),
            ["dep-2".into()]
        );
        assert_eq!(view.suspended_by, None);
    }

    #[test]
    fn what_would_interrupt_it_is_named() {
        let all =
            seen(&json!({ "disk": { "id": "dsk-1" }, "numInstances": 1, "healthCheckPath": "" }));
        assert_eq!(
            all.warnings,
            [
                DowntimeWarning::Disk,
                DowntimeWarning::OneInstance,
                DowntimeWarning::NoHealthCheck
            ]
        );
        let scaling = json!({ "enabled": true, "min": 2, "max": 4 });
        let none = seen(
            &json!({ "numInstances": 1, "autoscaling": scaling, "healthCheckPath": "/healthz" }),
        );
        assert_eq!(none.warnings, []);
    }
}
