//! Services and deploys as the core sees them.

use std::collections::BTreeMap;

use policy::{Config, CustomerId, Role};
use rollout::Outcome;
use rollout::command::{DeployStatus, DeployView, ServiceView, Target};

use super::{Progress, SimExecutor};
use crate::platform::{Deploy, DeployFilter, Platform, Status};
use crate::world::files;

impl SimExecutor {
    /// The views of some services, in their order.
    pub(super) fn inspect(
        &mut self,
        services: &[Target],
        baseline: bool,
    ) -> Result<Outcome, Progress> {
        let mut views = Vec::with_capacity(services.len());
        for target in services {
            let mut view = self.view(target)?;
            view.p95_ms = baseline.then(|| self.platform.settings().latency_ms);
            views.push(view);
        }
        Ok(Outcome::Inspected { views })
    }

    fn view(&mut self, target: &Target) -> Result<ServiceView, Progress> {
        let reply = self.platform.client(self.now).get_service(&target.id);
        let service = self.learn(reply)?;
        let reply = self
            .platform
            .client(self.now)
            .list_deploys(&target.id, &DeployFilter::default());
        let deploys = self.learn(reply)?;
        let newest_first: Vec<&Deploy> = deploys.iter().collect();
        let mut view = service_view(&self.platform, target.role.clone(), &newest_first);
        view.suspended = service.suspended;
        view.auto_deploy = service.auto_deploy;
        Ok(view)
    }

    /// What Render says of the whole fleet when a rollout is asked for.
    pub(in crate::world) fn observe(
        &mut self,
        now: policy::Timestamp,
        config: &Config,
    ) -> BTreeMap<CustomerId, BTreeMap<Role, ServiceView>> {
        self.platform.advance(now);
        let mut observed: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (customer, role, service) in files::services(config) {
            if let Ok(service) = self.platform.service(&service.id) {
                let newest_first: Vec<&Deploy> = service.deploys.iter().rev().collect();
                let mut view = service_view(&self.platform, role.clone(), &newest_first);
                view.suspended = service.is_suspended();
                view.auto_deploy = service.auto_deploy;
                observed
                    .entry(customer.clone())
                    .or_default()
                    .insert(role.clone(), view);
            }
        }
        observed
    }
}

fn service_view(platform: &Platform, role: Role, newest_first: &[&Deploy]) -> ServiceView {
    let live = newest_first
        .iter()
        .find(|deploy| deploy.status == Status::Live);
    let version = live.and_then(|live| platform.version_of(&live.source));
    ServiceView {
        role,
        suspended: false,
        auto_deploy: false,
        auto_deploy_trigger: None,
        image: None,
        deploys: back_to_live(newest_first),
        version: version.map(str::to_owned),
        p95_ms: None,
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

/// The newest deploys, back to the live one.
fn back_to_live(newest_first: &[&Deploy]) -> Vec<DeployView> {
    let live = newest_first
        .iter()
        .position(|deploy| deploy.status == Status::Live);
    let wanted = live.map_or(newest_first.len(), |place| place + 1);
    newest_first[..wanted]
        .iter()
        .map(|deploy| deploy_view(deploy))
        .collect()
}

pub(super) fn deploy_view(deploy: &Deploy) -> DeployView {
    let trigger = serde_json::to_value(deploy.trigger).expect("a trigger is a word");
    DeployView {
        id: deploy.id.as_str().into(),
        status: status(deploy.status),
        trigger: trigger.as_str().unwrap_or_default().to_owned(),
        commit: Some(deploy.source.as_str().to_owned()),
        digest: deploy.digest.as_deref().map(Into::into),
    }
}

fn status(status: Status) -> DeployStatus {
    match status {
        Status::Queued
        | Status::Created
        | Status::BuildInProgress
        | Status::PreDeployInProgress
        | Status::UpdateInProgress => DeployStatus::Unfinished,
        Status::Live => DeployStatus::Live,
        Status::Deactivated => DeployStatus::Deactivated,
        Status::BuildFailed => DeployStatus::BuildFailed,
        Status::PreDeployFailed => DeployStatus::PreDeployFailed,
        Status::UpdateFailed => DeployStatus::UpdateFailed,
        Status::Canceled => DeployStatus::Canceled,
    }
}
