//! Services.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Performed, empty_reply, json_reply};
use crate::api::page::page;
use crate::api::view;
use crate::ids::Timestamp;
use crate::platform::{CreateBody, Platform, ServiceFilter, Suspender, UpdateBody};
use crate::requests::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScaleBody {
    num_instances: u32,
}

pub(super) fn list(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let shown = page(
        platform.list_services(now, &filter(call)?),
        &call.query,
        "service",
        |service| service.id.to_string(),
        |service| view::service(service),
    )?;
    Ok(json_reply(200, &shown))
}

fn filter(call: &Call) -> Result<ServiceFilter, ApiError> {
    Ok(ServiceFilter {
        kinds: call.query.all_of("type")?,
        names: call.query.all("name"),
        owners: call.query.all("ownerId"),
        suspended: call.query.all("suspended"),
        created: call.query.bounds("created")?,
        updated: call.query.bounds("updated")?,
    })
}

pub(super) fn create(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let (id, deploy) = platform.create_service(now, call.read::<CreateBody>()?)?;
    let shown = view::service(platform.service(&id)?);
    let mut done = json_reply(201, &json!({ "service": shown, "deployId": deploy }));
    done.deploy = Some(deploy);
    Ok(done)
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let service = platform.get_service(now, call.service()?)?;
    Ok(json_reply(200, &view::service(service)))
}

pub(super) fn update(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: UpdateBody = call.read()?;
    let service = platform.update_service(now, call.service()?, &body)?;
    Ok(json_reply(200, &view::service(service)))
}

pub(super) fn delete(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.delete_service(now, call.service()?)?;
    Ok(empty_reply(204))
}

pub(super) fn suspend(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.suspend(now, call.service()?, Suspender::User)?;
    Ok(empty_reply(202))
}

pub(super) fn resume(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.resume(now, call.service()?)?;
    Ok(empty_reply(202))
}

pub(super) fn restart(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.restart(now, call.service()?)?;
    Ok(empty_reply(200))
}

pub(super) fn scale(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: ScaleBody = call.read()?;
    platform.scale(now, call.service()?, body.num_instances)?;
    Ok(empty_reply(202))
}

pub(super) fn put_autoscaling(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let scaling: Value = call.read()?;
    if ["enabled", "min", "max", "criteria"]
        .iter()
        .any(|field| scaling.get(field).is_none())
    {
        return Err(ApiError::bad_request(
            "enabled, min, max and criteria are needed",
        ));
    }
    platform.set_autoscaling(now, call.service()?, Some(scaling.clone()))?;
    Ok(json_reply(200, &scaling))
}

pub(super) fn delete_autoscaling(
    platform: &mut Platform,
    now: Timestamp,
    call: &Call,
) -> Performed {
    platform.set_autoscaling(now, call.service()?, None)?;
    Ok(empty_reply(204))
}

/// An empty cache leaves no trace that a client could see.
pub(super) fn purge_cache(platform: &Platform, call: &Call) -> Performed {
    platform.service(call.service()?)?;
    Ok(empty_reply(202))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviewBody {
    image_path: String,
    #[serde(default)]
    name: Option<String>,
}

pub(super) fn preview(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: PreviewBody = call.read()?;
    let service = platform.get_service(now, call.service()?)?;
    if service.image.is_none() {
        return Err(ApiError::bad_request("only image services have previews"));
    }
    let name = body
        .name
        .unwrap_or_else(|| format!("{}-preview", service.name));
    let new = json!({
        "type": service.kind,
        "name": name,
        "ownerId": service.owner,
        "autoDeploy": "no",
        "image": { "imagePath": body.image_path },
    });
    let new: CreateBody =
        serde_json::from_value(new).map_err(|error| ApiError::bad_request(&error.to_string()))?;
    let (id, deploy) = platform.create_service(now, new)?;
    let shown = view::service(platform.service(&id)?);
    let mut done = json_reply(200, &json!({ "service": shown, "deployId": deploy }));
    done.deploy = Some(deploy);
    Ok(done)
}

pub(super) fn instances(platform: &Platform, call: &Call) -> Performed {
    let service = platform.service(call.service()?)?;
    let number = service.details.get("numInstances").and_then(Value::as_u64);
    let since = service.live_deploy().and_then(|deploy| deploy.finished_at);
    let Some(since) = since.filter(|_| !service.is_suspended()) else {
        return Ok(json_reply(200, &json!([])));
    };
    let created_at = view::instant(since);
    let instance =
        |n: u64| json!({ "id": format!("{}-{n:0>5}", service.id), "createdAt": created_at });
    let shown: Vec<Value> = (0..number.unwrap_or(0)).map(instance).collect();
    Ok(json_reply(200, &shown.into()))
}

pub(super) fn domains(platform: &Platform, call: &Call) -> Performed {
    let service = platform.service(call.service()?)?;
    let created_at = view::instant(service.created_at);
    let show = |name: &&String| {
        json!({
            "id": format!("cdm-{name}"),
            "name": name,
            "domainType": "subdomain",
            "publicSuffix": "",
            "redirectForName": "",
            "verificationStatus": "verified",
            "createdAt": created_at,
        })
    };
    let key = |name: &&String| (*name).clone();
    let shown = page(&service.domains, &call.query, "customDomain", key, show)?;
    Ok(json_reply(200, &shown))
}
