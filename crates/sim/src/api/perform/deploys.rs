//! Deploys and rollbacks, and what their clients see of them.

use serde::Deserialize;

use super::{Performed, json_reply};
use crate::api::page::page;
use crate::api::{ApiReply, view};
use crate::ids::{DeployId, ServiceId, Timestamp};
use crate::network_faults::OperationFault;
use crate::platform::{Deploy, DeployFilter, Platform, TriggerBody, Triggered};
use crate::requests::{ApiError, Call, Done, Query};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RollbackBody {
    deploy_id: DeployId,
}

pub(super) fn list(
    platform: &mut Platform,
    now: Timestamp,
    call: &Call,
    fault: Option<OperationFault>,
) -> Performed {
    let filter = filter(&call.query)?;
    let seen = platform.deploys_seen(now, call.service()?, &filter, fault)?;
    let shown = page(
        seen.value,
        &call.query,
        "deploy",
        |deploy| deploy.id.to_string(),
        |deploy| view::deploy(platform, deploy),
    )?;
    Ok(json_reply(200, &shown))
}

pub(super) fn trigger(
    platform: &mut Platform,
    now: Timestamp,
    call: &Call,
    fault: Option<OperationFault>,
) -> Performed {
    let body: TriggerBody = call.read()?;
    let seen = platform.trigger_seen(now, call.service()?, &body, fault)?;
    Ok(started(platform, &seen))
}

pub(super) fn rollback(
    platform: &mut Platform,
    now: Timestamp,
    call: &Call,
    fault: Option<OperationFault>,
) -> Performed {
    let body: RollbackBody = call.read()?;
    let seen = platform.rollback_seen(now, call.service()?, &body.deploy_id, fault)?;
    Ok(started(platform, &seen))
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let id = DeployId::new(call.item()?);
    let deploy = platform.get_deploy(now, call.service()?, &id)?.clone();
    Ok(json_reply(200, &view::deploy(platform, &deploy)))
}

pub(super) fn cancel(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let id = DeployId::new(call.item()?);
    let deploy = platform.cancel(now, call.service()?, &id)?.clone();
    Ok(json_reply(200, &view::deploy(platform, &deploy)))
}

fn started(platform: &Platform, seen: &Done<Option<Deploy>>) -> Done<ApiReply> {
    let value = match &seen.value {
        Some(deploy) => ApiReply::json(seen.status, &view::deploy(platform, deploy)),
        None => ApiReply::empty(seen.status),
    };
    Done {
        status: seen.status,
        value,
        deploy: seen.deploy.clone(),
    }
}

impl Platform {
    /// A trigger as its client sees it.
    pub(crate) fn trigger_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        body: &TriggerBody,
        fault: Option<OperationFault>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let triggered = self.trigger_deploy(now, service, body)?;
        self.seen(now, service, &triggered, fault)
    }

    /// A rollback as its client sees it.
    pub(crate) fn rollback_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        target: &DeployId,
        fault: Option<OperationFault>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let triggered = self.rollback(now, service, target)?;
        self.seen(now, service, &triggered, fault)
    }

    fn seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        triggered: &Triggered,
        fault: Option<OperationFault>,
    ) -> Result<Done<Option<Deploy>>, ApiError> {
        let id = triggered.deploy();
        let deploy = self.get_deploy(now, service, id)?.clone();
        if let Some(OperationFault::ListedLate(by)) = fault {
            self.list_from(service, id, now + by.to_delta());
        }
        let told = matches!(triggered, Triggered::Created(_)) && fault.is_none();
        Ok(Done {
            status: if told { 201 } else { 202 },
            deploy: Some(id.clone()),
            value: told.then_some(deploy),
        })
    }

    /// A list of deploys as its client sees it.
    pub(crate) fn deploys_seen(
        &mut self,
        now: Timestamp,
        service: &ServiceId,
        filter: &DeployFilter,
        fault: Option<OperationFault>,
    ) -> Result<Done<Vec<Deploy>>, ApiError> {
        let omitted = usize::from(fault == Some(OperationFault::OmitsNewest));
        let deploys = self.list_deploys(now, service, filter)?;
        let seen = deploys.into_iter().skip(omitted).cloned().collect();
        Ok(Done::new(200, seen))
    }
}

fn filter(query: &Query) -> Result<DeployFilter, ApiError> {
    Ok(DeployFilter {
        status: query.all_of("status")?,
        created: query.bounds("created")?,
        updated: query.bounds("updated")?,
        finished: query.bounds("finished")?,
    })
}
