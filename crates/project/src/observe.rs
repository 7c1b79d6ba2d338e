//! What does Render say of the services of a plan, before it is started?

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use futures::{FutureExt as _, TryFutureExt as _};
use policy::settings::Service;
use policy::{Plan, Role};
use render::{Client, inspect};
use rollout::Observed;
use rollout::command::{DeployStatus, DeployView, ServiceView};

use crate::error::Error;
use crate::release::Versions;

/// So many services are read at once.
const AT_ONCE: usize = 10;

/// Reads every service that the plan would deploy.
pub async fn services(
    client: &Client,
    plan: &Plan,
    versions: &Versions,
) -> Result<Observed, Error> {
    let owner = plan.project.render.owner.as_deref();
    let mut reads = Vec::new();
    for (id, planned) in &plan.customers {
        for role in &planned.services {
            if let Some(service) = planned.customer.services.get(role) {
                let view = view(client, role, service, owner, versions);
                reads.push(view.map_ok(move |view| (id.clone(), view)).boxed());
            }
        }
    }
    let views: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let mut observed = Observed::new();
    for (id, view) in views {
        let services = observed.entry(id).or_default();
        services.insert(view.role.clone(), view);
    }
    Ok(observed)
}

/// Reads one service.
pub async fn view(
    client: &Client,
    role: &Role,
    service: &Service,
    owner: Option<&str>,
    versions: &Versions,
) -> Result<ServiceView, Error> {
    let found = inspect(client, &service.id).await?;
    let deploys: Vec<DeployView> = found.deploys.iter().map(deploy_view).collect();
    let commit = found.live().and_then(|deploy| deploy.commit_id());
    let mut refusals = Vec::new();
    if let Some(wanted) = owner.filter(|wanted| found.owner.to_string() != *wanted) {
        refusals.push(format!(
            "{} belongs to another workspace than {wanted}",
            service.id
        ));
    }
    if let Some(url) = service.url.as_ref().filter(|url| !found.answers_at(url)) {
        refusals.push(format!("{} does not answer at {url}", service.id));
    }
    Ok(ServiceView {
        role: role.clone(),
        suspended: found.suspended_by.is_some(),
        auto_deploy: found.auto_deploy.is_on(),
        auto_deploy_trigger: found.auto_deploy.trigger.as_ref().map(ToString::to_string),
        image: found.image.clone(),
        version: commit
            .and_then(|commit| versions.of(commit))
            .map(str::to_owned),
        p95_ms: None,
        warnings: found.warnings.iter().map(ToString::to_string).collect(),
        refusals,
        deploys,
    })
}

/// What is live, as it was deployed.
pub fn live_commit(view: &ServiceView) -> Option<&str> {
    view.live().and_then(|live| live.commit.as_deref())
}

/// A deploy as the core sees it.
pub fn deploy_view(deploy: &render::Deploy) -> DeployView {
    DeployView {
        id: rollout::DeployId(deploy.id.to_string()),
        status: status(&deploy.status),
        trigger: deploy.trigger.to_string(),
        commit: deploy.artifact(),
        digest: deploy.digest().map(Into::into),
    }
}

fn status(status: &render::DeployStatus) -> DeployStatus {
    match status {
        render::DeployStatus::Live => DeployStatus::Live,
        render::DeployStatus::Deactivated => DeployStatus::Deactivated,
        render::DeployStatus::BuildFailed => DeployStatus::BuildFailed,
        render::DeployStatus::PreDeployFailed => DeployStatus::PreDeployFailed,
        render::DeployStatus::UpdateFailed => DeployStatus::UpdateFailed,
        render::DeployStatus::Canceled => DeployStatus::Canceled,
        render::DeployStatus::Created
        | render::DeployStatus::Queued
        | render::DeployStatus::BuildInProgress
        | render::DeployStatus::PreDeployInProgress
        | render::DeployStatus::UpdateInProgress
        | render::DeployStatus::Other(_) => DeployStatus::Unfinished,
    }
}
