//! Deploys: trigger, list, get, cancel, roll back.

use policy::plan::Image;
use serde::{Deserialize, Serialize};

use super::Platform;
use super::images::in_full;
use super::model::{Deploy, Order, Service};
use crate::ids::{CommitId, DeployId, ServiceId, Timestamp};
use crate::requests::{ApiError, Bounds};
use crate::settings::{Assumptions, WaitingRollback};
use crate::terms::{ServiceKind, Source, Status, Trigger};

/// What a trigger asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TriggerBody {
    /// The commit; absent: the newest of the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_id: Option<CommitId>,
    /// The image; only its tag or digest may differ from the configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Whether the build cache is cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_cache: Option<ClearCache>,
    /// Whether it builds; stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_mode: Option<DeployMode>,
}

impl TriggerBody {
    /// A deploy of one commit.
    pub fn commit(commit: &CommitId) -> Self {
        Self {
            commit_id: Some(commit.clone()),
            ..Self::default()
        }
    }
}

/// Whether the build cache is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearCache {
    /// It is.
    Clear,
    /// It is not.
    DoNotClear,
}

/// Whether a deploy builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployMode {
    /// It does.
    BuildAndDeploy,
    /// It uses the last successful build.
    DeployOnly,
}

/// What became of a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Triggered {
    /// It runs; the client is told its id.
    Created(DeployId),
    /// It waits behind another; the client is told nothing.
    Accepted(DeployId),
}

impl Triggered {
    /// The new deploy, whether or not the client is told.
    pub fn deploy(&self) -> &DeployId {
        match self {
            Self::Created(deploy) | Self::Accepted(deploy) => deploy,
        }
    }
}

/// Which deploys are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployFilter {
    /// Any of these; none: all.
    pub status: Vec<Status>,
    /// Bounds of the creation.
    pub created: Bounds,
    /// Bounds of the last change.
    pub updated: Bounds,
    /// Bounds of the end.
    pub finished: Bounds,
}

impl DeployFilter {
    fn matches(&self, deploy: &Deploy, assumptions: &Assumptions) -> bool {
        (self.status.is_empty() || self.status.contains(&deploy.status))
            && self.created.hold(Some(deploy.created_at), assumptions)
            && self.updated.hold(Some(deploy.updated_at), assumptions)
            && self.finished.hold(deploy.finished_at, assumptions)
    }
}

impl Platform {
    /// Triggers a deploy.
    pub fn trigger_deploy(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        body: &TriggerBody,
    ) -> Result<Triggered, ApiError> {
        let now = self.advance(now);
        let conflict = self.settings.assumptions.conflict_when_suspended;
        let found = self.service(service)?;
        if found.is_suspended() && conflict {
            return Err(ApiError::new(409, "service is suspended"));
        }
        let order = order_of(found, body)?;
        let triggered = self.place(now, service, order);
        // An image-backed cron job is live at once.
        self.advance(now);
        Ok(triggered)
    }

    /// Lists deploys, newest first.
    pub fn list_deploys(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        filter: &DeployFilter,
    ) -> Result<Vec<&Deploy>, ApiError> {
        let now = self.advance(now);
        let assumptions = &self.settings.assumptions;
        let deploys = self.service(service)?.deploys.iter().rev();
        Ok(deploys
            .filter(|deploy| !deploy.hidden && deploy.listed_from <= now)
            .filter(|deploy| filter.matches(deploy, assumptions))
            .collect())
    }

    /// One deploy.
    pub fn get_deploy(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &DeployId,
    ) -> Result<&Deploy, ApiError> {
        self.advance(now);
        self.service(service)?
            .deploy(id)
            .filter(|deploy| !deploy.hidden)
            .ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// Cancels a deploy.
    pub fn cancel(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &DeployId,
    ) -> Result<&Deploy, ApiError> {
        let status = self.get_deploy(now, service, id)?.status;
        let now = self.now;
        let assumptions = &self.settings.assumptions;
        if self.service(service)?.kind == ServiceKind::CronJob {
            return Err(ApiError::bad_request("cron jobs cannot be canceled"));
        }
        if status.is_finished() && !assumptions.cancel_finished {
            return Err(ApiError::bad_request("deploy is not in progress"));
        }
        if status == Status::Queued && !assumptions.cancel_queued {
            return Err(ApiError::bad_request("deploy is queued"));
        }
        if !status.is_finished() {
            self.cancel_one(now, service, id);
        }
        self.get_deploy(now, service, id)
    }

    /// Rolls back to an earlier deploy. The stored variables stay as they are.
    pub fn rollback(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        target: &DeployId,
    ) -> Result<Triggered, ApiError> {
        let now = self.advance(now);
        let found = self.service(service)?;
        let target = found
            .deploy(target)
            .ok_or_else(|| ApiError::not_found(target.as_str()))?;
        if !target.status.was_live() {
            return Err(ApiError::bad_request("deploy was never live"));
        }
        if target.purged {
            let status = self.settings.assumptions.purged_target;
            return Err(ApiError::new(status, "build artifact no longer available"));
        }
        if found.is_suspended() && self.settings.assumptions.conflict_when_suspended {
            return Err(ApiError::bad_request("service is suspended"));
        }
        let order = rollback_to(target);
        let placed = self.place(now, service, order);
        Ok(match self.settings.assumptions.waiting_rollback {
            WaitingRollback::Created => Triggered::Created(placed.deploy().clone()),
            WaitingRollback::Accepted => placed,
        })
    }

    /// Throws away the artefact of a deploy, so that no rollback to it is possible.
    pub fn purge_artefact(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        id: &DeployId,
    ) -> Result<(), ApiError> {
        self.advance(now);
        let deploy = self.service_mut(service)?.deploy_mut(id);
        deploy
            .ok_or_else(|| ApiError::not_found(id.as_str()))?
            .purged = true;
        Ok(())
    }

    /// Somebody pushes a commit to the branch of a service: with auto-deploy on, it is deployed.
    pub fn push(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        commit: &CommitId,
    ) -> Result<Option<DeployId>, ApiError> {
        let now = self.advance(now);
        self.commits.entry(commit.clone()).or_insert(now);
        let found = self.service_mut(service)?;
        found.head = Source::Commit(commit.clone());
        if !found.auto_deploy || found.is_suspended() {
            return Ok(None);
        }
        let order = Order::of(Trigger::NewCommit, found.head.clone());
        Ok(Some(self.place(now, service, order).deploy().clone()))
    }

    /// Lets a deploy appear in the list only from an instant on.
    pub(crate) fn list_from(&mut self, service: &ServiceId, id: &DeployId, at: Timestamp) {
        let service = self.services.get_mut(service);
        if let Some(deploy) = service.and_then(|service| service.deploy_mut(id)) {
            deploy.listed_from = at;
        }
    }
}

impl Order {
    /// An ordinary deploy of a commit or an image.
    pub(super) fn of(trigger: Trigger, source: Source) -> Self {
        Self {
            trigger,
            builds: source.commit().is_some(),
            source,
            target: None,
            clear_cache: false,
            variables_of: None,
            pace: None,
        }
    }
}

fn order_of(service: &Service, body: &TriggerBody) -> Result<Order, ApiError> {
    if let Some(mode) = body.deploy_mode {
        let alone =
            body.commit_id.is_none() && body.image_url.is_none() && body.clear_cache.is_none();
        if !alone {
            return Err(ApiError::bad_request(
                "deployMode cannot be combined with commitId, imageUrl or clearCache",
            ));
        }
        if mode == DeployMode::DeployOnly {
            return deploy_only(service);
        }
    }
    let source = match (&body.commit_id, &body.image_url) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "commitId and imageUrl exclude each other",
            ));
        }
        (Some(commit), None) => commit_of(service, commit)?,
        (None, Some(image)) => image_of(service, image)?,
        (None, None) => service.head.clone(),
    };
    let mut order = Order::of(Trigger::Api, source);
    order.clear_cache = body.clear_cache == Some(ClearCache::Clear);
    Ok(order)
}

/// The last successful build again. A static site's variables are part of its build.
fn deploy_only(service: &Service) -> Result<Order, ApiError> {
    let live = service
        .live_deploy()
        .ok_or_else(|| ApiError::bad_request("there is no successful build"))?;
    let baked = service.kind == ServiceKind::StaticSite;
    let mut order = Order::of(Trigger::Api, live.source.clone());
    order.builds = false;
    order.variables_of = baked.then(|| live.id.clone());
    Ok(order)
}

fn commit_of(service: &Service, commit: &CommitId) -> Result<Source, ApiError> {
    if service.image.is_some() {
        return Err(ApiError::bad_request("the service is backed by an image"));
    }
    if service.kind == ServiceKind::CronJob {
        return Err(ApiError::bad_request(
            "commitId is not supported for cron jobs",
        ));
    }
    if commit.as_str().is_empty() {
        return Err(ApiError::bad_request("commitId is empty"));
    }
    Ok(Source::Commit(commit.clone()))
}

fn image_of(service: &Service, image: &str) -> Result<Source, ApiError> {
    let configured = service
        .image
        .as_deref()
        .ok_or_else(|| ApiError::bad_request("the service is not backed by an image"))?;
    let image = in_full(image)?;
    if !is_of_name(configured, &image) {
        return Err(ApiError::bad_request(
            "only the image tag or digest can be updated when creating a deploy",
        ));
    }
    Ok(Source::Image(image))
}

/// Whether only the tag or digest differs.
fn is_of_name(configured: &str, image: &str) -> bool {
    let both = configured.parse::<Image>().ok().zip(image.parse().ok());
    both.is_some_and(|(configured, image)| configured.is_of_name(&image))
}

fn rollback_to(target: &Deploy) -> Order {
    Order {
        trigger: Trigger::Rollback,
        source: target.source.clone(),
        target: Some(target.id.clone()),
        builds: false,
        clear_cache: false,
        variables_of: Some(target.id.clone()),
        pace: None,
    }
}
