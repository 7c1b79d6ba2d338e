//! Works of Render's own.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Performed, empty_reply, json_reply};
use crate::api::view;
use crate::ids::{MaintenanceId, Timestamp};
use crate::platform::{MaintenanceRun, Platform};
use crate::requests::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RescheduleBody {
    scheduled_at: Timestamp,
}

fn named(call: &Call) -> Result<MaintenanceId, ApiError> {
    Ok(MaintenanceId::new(call.item()?))
}

fn shown(run: &MaintenanceRun, now: Timestamp) -> Value {
    json!({
        "id": run.id,
        "type": run.kind,
        "scheduledAt": view::instant(run.scheduled_at),
        "pendingMaintenanceBy": null,
        "state": run.state(now),
        "resourceId": run.resource,
    })
}

pub(super) fn list(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let now = platform.advance(now);
    let owners = call.query.all("ownerId");
    if let Some(unknown) = owners
        .iter()
        .find(|id| !platform.reaches(&id.as_str().into()))
    {
        return Err(ApiError::not_found(unknown));
    }
    let (resources, states) = (call.query.all("resourceId"), call.query.all("state"));
    let fits = |run: &&MaintenanceRun| {
        (resources.is_empty() || resources.contains(&run.resource))
            && (states.is_empty() || states.iter().any(|state| state == run.state(now).as_str()))
    };
    let runs = platform.maintenance().filter(fits);
    let runs: Vec<Value> = runs.map(|run| shown(run, now)).collect();
    Ok(json_reply(200, &runs.into()))
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let now = platform.advance(now);
    let run = platform.maintenance_run(&named(call)?)?;
    Ok(json_reply(200, &shown(run, now)))
}

pub(super) fn reschedule(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: RescheduleBody = call.read()?;
    platform.reschedule(now, &named(call)?, body.scheduled_at)?;
    Ok(empty_reply(202))
}

pub(super) fn trigger(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.reschedule(now, &named(call)?, now)?;
    Ok(empty_reply(202))
}
