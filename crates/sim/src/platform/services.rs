//! Services: create, change, suspend, restart, delete.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::bodies::{CreateBody, NewVariable, UpdateBody, YesNo};
use super::events::EventKind;
use super::images::in_full;
use super::model::{Order, Service, Suspender};
use super::{NewValue, Platform, Variables};
use crate::ids::{CommitId, DeployId, OwnerId, ServiceId, Timestamp};
use crate::requests::{ApiError, Bounds};
use crate::settings::Resume;
use crate::terms::{ServiceKind, Source, Trigger};

/// Which services are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceFilter {
    pub(crate) kinds: Vec<ServiceKind>,
    pub(crate) names: Vec<String>,
    pub(crate) owners: Vec<String>,
    pub(crate) suspended: Vec<String>,
    pub(crate) created: Bounds,
    pub(crate) updated: Bounds,
}

impl Platform {
    /// One service.
    pub fn get_service(&mut self, now: Timestamp, id: &ServiceId) -> Result<&Service, ApiError> {
        self.advance(now);
        self.service(id)
    }

    /// The services that the API key reaches and that fit, newest first.
    pub(crate) fn list_services(
        &mut self,
        now: Timestamp,
        filter: &ServiceFilter,
    ) -> Vec<&Service> {
        self.advance(now);
        let mut services: Vec<&Service> = self
            .services
            .values()
            .filter(|service| self.reaches(&service.owner) && self.fits(service, filter))
            .collect();
        services.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        services
    }

    fn fits(&self, service: &Service, filter: &ServiceFilter) -> bool {
        let assumptions = &self.settings.assumptions;
        let among = |list: &[String], text: &str| list.is_empty() || list.iter().any(|t| t == text);
        (filter.kinds.is_empty() || filter.kinds.contains(&service.kind))
            && among(&filter.names, &service.name)
            && among(&filter.owners, service.owner.as_str())
            && among(&filter.suspended, suspended_text(service.is_suspended()))
            && filter.created.hold(Some(service.created_at), assumptions)
            && filter.updated.hold(Some(service.updated_at), assumptions)
    }

    /// Makes a service and starts its first deploy.
    pub fn create_service(
        &mut self,
        now: Timestamp,
        mut body: CreateBody,
    ) -> Result<(ServiceId, DeployId), ApiError> {
        let now = self.advance(now);
        self.check_new(&body)?;
        if let Some(image) = &mut body.image {
            image.image_path = in_full(&image.image_path)?;
        }
        let prefix = if body.kind == ServiceKind::CronJob {
            "crn"
        } else {
            "srv"
        };
        let id = ServiceId::new(self.ids.next(prefix, now));
        let values: Vec<(String, NewValue)> = body
            .env_vars
            .iter()
            .cloned()
            .map(NewVariable::checked)
            .collect::<Result<_, _>>()?;
        let variables = values
            .into_iter()
            .map(|(key, value)| (key, self.made(value)))
            .collect();
        let mut service = new_service(id.clone(), now, body);
        service.variables = Arc::new(Variables(variables));
        let order = Order::of(Trigger::Api, service.head.clone());
        self.services.insert(id.clone(), service);
        let deploy = self.place(now, &id, order).deploy().clone();
        Ok((id, deploy))
    }

    fn check_new(&self, body: &CreateBody) -> Result<(), ApiError> {
        if !self.reaches(&body.owner_id) {
            return Err(ApiError::not_found(body.owner_id.as_str()));
        }
        let taken = self
            .services
            .values()
            .any(|service| service.owner == body.owner_id && service.name == body.name);
        if taken {
            return Err(ApiError::new(409, "name is already in use"));
        }
        if body.repo.is_none() == body.image.is_none() {
            return Err(ApiError::bad_request("either repo or image is needed"));
        }
        Ok(())
    }

    /// Changes what the body names. It deploys nothing.
    pub fn update_service(
        &mut self,
        now: Timestamp,
        id: &ServiceId,
        body: &UpdateBody,
    ) -> Result<&Service, ApiError> {
        let now = self.advance(now);
        check_maintenance(&body.service_details)?;
        let image = body.image.as_ref();
        let image = image.map(|image| in_full(&image.image_path)).transpose()?;
        let service = self.service_mut(id)?;
        service.updated_at = now;
        if let Some(name) = &body.name {
            service.name.clone_from(name);
        }
        if let Some(auto_deploy) = body.auto_deploy {
            service.auto_deploy = auto_deploy == YesNo::Yes;
            // Switched without saying upon what, it is upon commits again.
            "commit".clone_into(&mut service.auto_deploy_trigger);
        }
        if let Some(trigger) = &body.auto_deploy_trigger {
            service.auto_deploy = trigger != "off";
            service.auto_deploy_trigger.clone_from(trigger);
        }
        if let Some(repo) = &body.repo {
            service.repo = Some(repo.clone()).filter(|repo| !repo.is_empty());
        }
        if let Some(branch) = &body.branch {
            service.branch = Some(branch.clone()).filter(|branch| !branch.is_empty());
        }
        if let Some(root_dir) = &body.root_dir {
            service.root_dir.clone_from(root_dir);
        }
        if let Some(image) = image {
            service.head = Source::Image(image.clone());
            service.image = Some(image);
        }
        merge_details(service, &body.service_details);
        Ok(service)
    }

    /// Switches auto-deploy on or off.
    pub fn set_auto_deploy(
        &mut self,
        now: Timestamp,
        id: &ServiceId,
        on: bool,
    ) -> Result<&Service, ApiError> {
        let body = UpdateBody {
            auto_deploy: Some(on.into()),
            ..UpdateBody::default()
        };
        self.update_service(now, id, &body)
    }

    /// Removes a service.
    pub fn delete_service(&mut self, now: Timestamp, id: &ServiceId) -> Result<(), ApiError> {
        let now = self.advance(now);
        self.service(id)?;
        self.cancel_all(now, id);
        self.services.remove(id);
        Ok(())
    }

    /// Suspends a service; its unfinished deploys are canceled.
    pub fn suspend(
        &mut self,
        now: Timestamp,
        id: &ServiceId,
        suspender: Suspender,
    ) -> Result<(), ApiError> {
        let now = self.advance(now);
        self.service(id)?;
        self.put_under(now, id, suspender);
        Ok(())
    }

    /// Lifts a person's suspension; the service is deployed anew.
    pub fn resume(&mut self, now: Timestamp, id: &ServiceId) -> Result<(), ApiError> {
        let now = self.advance(now);
        self.service(id)?;
        self.lift(now, id);
        Ok(())
    }

    pub(super) fn put_under(&mut self, at: Timestamp, id: &ServiceId, suspender: Suspender) {
        let service = self.services.get_mut(id);
        if service.is_some_and(|service| service.suspenders.insert(suspender)) {
            self.cancel_all(at, id);
            self.tell(at, id, EventKind::ServiceSuspended);
        }
    }

    pub(super) fn lift(&mut self, at: Timestamp, id: &ServiceId) {
        let last_live = self.settings.assumptions.resume == Resume::LastLive;
        let Some(service) = self.services.get_mut(id) else {
            return;
        };
        let lifted = service.suspenders.remove(&Suspender::User);
        if !lifted || service.is_suspended() {
            return;
        }
        let live = service.live_deploy().filter(|_| last_live);
        let source = live.map_or_else(|| service.head.clone(), |deploy| deploy.source.clone());
        self.tell(at, id, EventKind::ServiceResumed);
        self.place(at, id, Order::of(Trigger::ServiceResumed, source));
    }

    /// Restarts what runs, with the variables it has.
    pub fn restart(&mut self, now: Timestamp, id: &ServiceId) -> Result<(), ApiError> {
        let now = self.advance(now);
        if self.service(id)?.kind == ServiceKind::CronJob {
            return Err(ApiError::bad_request("cron jobs cannot be restarted"));
        }
        self.tell(now, id, EventKind::ServerRestarted);
        Ok(())
    }

    /// Changes the number of instances.
    pub fn scale(
        &mut self,
        now: Timestamp,
        id: &ServiceId,
        instances: u32,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let service = self.service_mut(id)?;
        if service.kind == ServiceKind::StaticSite || instances == 0 {
            return Err(ApiError::bad_request("numInstances is not possible here"));
        }
        let autoscaled = service.details.contains_key(AUTOSCALING);
        if !autoscaled {
            service
                .details
                .insert("numInstances".to_owned(), instances.into());
        }
        Ok(())
    }
}

/// Where the details keep how a service scales by itself.
const AUTOSCALING: &str = "autoscaling";

impl Platform {
    /// Lets a service scale by itself, or no longer.
    pub(crate) fn set_autoscaling(
        &mut self,
        now: Timestamp,
        id: &ServiceId,
        scaling: Option<Value>,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let service = self.service_mut(id)?;
        if service.kind == ServiceKind::StaticSite || service.kind == ServiceKind::CronJob {
            return Err(ApiError::bad_request("autoscaling is not possible here"));
        }
        match scaling {
            Some(scaling) => service.details.insert(AUTOSCALING.to_owned(), scaling),
            None => service.details.remove(AUTOSCALING),
        };
        Ok(())
    }
}

/// Render's way of writing whether a service is suspended.
pub(crate) fn suspended_text(suspended: bool) -> &'static str {
    if suspended {
        "suspended"
    } else {
        "not_suspended"
    }
}

fn new_service(id: ServiceId, now: Timestamp, body: CreateBody) -> Service {
    let image = body.image.map(|image| image.image_path);
    let head = match &image {
        Some(image) => Source::Image(image.clone()),
        None => Source::Commit(CommitId::new(format!("head-of-{}", body.name))),
    };
    let mut service = Service {
        auto_deploy: body.auto_deploy != Some(YesNo::No),
        auto_deploy_trigger: "commit".to_owned(),
        repo: body.repo,
        root_dir: body.root_dir,
        image,
        ..Service::bare(id, body.name, body.owner_id, body.kind, head, now)
    };
    service.branch = body.branch.or(service.branch);
    merge_details(&mut service, &body.service_details);
    service
}

impl Service {
    /// A service as Render makes it where nothing else is said.
    pub(super) fn bare(
        id: ServiceId,
        name: String,
        owner: OwnerId,
        kind: ServiceKind,
        head: Source,
        now: Timestamp,
    ) -> Self {
        Self {
            url: has_url(kind).then(|| format!("https://{name}.onrender.com")),
            details: default_details(kind),
            id,
            name,
            owner,
            kind,
            domains: Vec::new(),
            auto_deploy: true,
            auto_deploy_trigger: "commit".to_owned(),
            repo: None,
            branch: Some("main".to_owned()),
            root_dir: String::new(),
            image: None,
            pre_deploy: None,
            created_at: now,
            updated_at: now,
            suspenders: BTreeSet::new(),
            variables: Arc::default(),
            secret_files: Variables::default(),
            head,
            deploys: Vec::new(),
            live: None,
            running: None,
            waiting: None,
            events: Vec::new(),
            jobs: Vec::new(),
        }
    }
}

/// Whether a service of this type has an address.
fn has_url(kind: ServiceKind) -> bool {
    match kind {
        ServiceKind::StaticSite | ServiceKind::WebService | ServiceKind::PrivateService => true,
        ServiceKind::BackgroundWorker | ServiceKind::CronJob => false,
    }
}

/// What `serviceDetails` shows of a fresh service, besides its address.
fn default_details(kind: ServiceKind) -> Map<String, Value> {
    let mut details = Map::new();
    let mut put = |key: &str, value: Value| {
        details.insert(key.to_owned(), value);
    };
    if kind == ServiceKind::StaticSite {
        put("buildCommand", "npm run build".into());
        put("publishPath", "dist".into());
        put("buildPlan", "starter".into());
        return details;
    }
    for (key, value) in [("env", "node"), ("runtime", "node")] {
        put(key, value.into());
    }
    put("plan", "starter".into());
    put("region", "oregon".into());
    put("buildPlan", "starter".into());
    put("numInstances", 1.into());
    if kind == ServiceKind::WebService {
        put("healthCheckPath", "/api/health".into());
        put("openPorts", Value::Array(Vec::new()));
    }
    if kind == ServiceKind::CronJob {
        put("schedule", "0 0 * * *".into());
    }
    details
}

/// Changes the named details; null removes one.
pub(super) fn merge_details(service: &mut Service, details: &Map<String, Value>) {
    for (key, value) in details {
        if key == "preDeployCommand" {
            let command = value.as_str().filter(|command| !command.is_empty());
            service.pre_deploy = command.map(str::to_owned);
        } else if value.is_null() {
            service.details.remove(key);
        } else {
            service.details.insert(key.clone(), value.clone());
        }
    }
}

fn check_maintenance(details: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(mode) = details.get("maintenanceMode") else {
        return Ok(());
    };
    if mode.get("enabled").is_some() && mode.get("uri").is_some() {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "maintenanceMode needs enabled and uri",
    ))
}
