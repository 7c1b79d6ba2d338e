//! One-off jobs.

use serde::Deserialize;

use super::{Performed, json_reply};
use crate::api::page::page;
use crate::api::view;
use crate::ids::{JobId, Timestamp};
use crate::platform::Platform;
use crate::requests::Call;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobBody {
    start_command: String,
    #[serde(default)]
    plan_id: Option<String>,
}

pub(super) fn list(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let service = call.service()?;
    let shown = page(
        platform.jobs(now, service)?,
        &call.query,
        "job",
        |job| job.id.to_string(),
        |job| view::job(service, job, now),
    )?;
    Ok(json_reply(200, &shown))
}

pub(super) fn create(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: JobBody = call.read()?;
    let service = call.service()?;
    let job = platform.create_job(now, service, &body.start_command, body.plan_id.as_deref())?;
    Ok(json_reply(201, &view::job(service, job, now)))
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let service = call.service()?;
    let job = platform.job(now, service, &JobId::new(call.item()?))?;
    Ok(json_reply(200, &view::job(service, job, now)))
}

pub(super) fn cancel(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let service = call.service()?;
    let job = platform.cancel_job(now, service, &JobId::new(call.item()?))?;
    Ok(json_reply(200, &view::job(service, job, now)))
}
