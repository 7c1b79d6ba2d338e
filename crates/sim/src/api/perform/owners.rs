//! Who asks, and whose services they are.

use serde_json::json;

use super::{Performed, json_reply};
use crate::api::page::page;
use crate::api::{ApiReply, view};
use crate::ids::OwnerId;
use crate::platform::{Owner, Platform};
use crate::requests::{ApiError, Call, Done, Op, Request};

/// Whose key it is.
const USER: &str = "owner@example.com";

pub(super) fn user() -> Done<ApiReply> {
    let user = json!({ "email": USER, "name": "Simulated User" });
    json_reply(200, &user)
}

pub(super) fn list(platform: &Platform, call: &Call) -> Performed {
    let (names, emails) = (call.query.all("name"), call.query.all("email"));
    let fits = |owner: &&Owner| {
        (names.is_empty() || names.contains(&owner.name))
            && (emails.is_empty() || emails.contains(&owner.email))
    };
    let shown = page(
        reached(platform).filter(fits),
        &call.query,
        "owner",
        |owner| owner.id.to_string(),
        |owner| view::owner(owner),
    )?;
    Ok(json_reply(200, &shown))
}

pub(super) fn get(platform: &Platform, call: &Call) -> Performed {
    let id = OwnerId::new(call.item()?);
    let found = reached(platform).find(|owner| owner.id == id);
    let found = found.ok_or_else(|| ApiError::not_found(id.as_str()))?;
    Ok(json_reply(200, &view::owner(found)))
}

/// What was done through the API, as far as Render keeps a record of it; deploys are not among it.
pub(super) fn audit_logs(platform: &Platform, call: &Call) -> Performed {
    let owner = OwnerId::new(call.item()?);
    if !platform.reaches(&owner) {
        return Err(ApiError::not_found(owner.as_str()));
    }
    let (since, until) = (
        call.query.instant("startTime")?,
        call.query.instant("endTime")?,
    );
    let numbered = platform.requests().changes().iter().enumerate();
    let mut entries: Vec<(usize, &Request)> = numbered
        .filter(|(_, request)| request.status < 300 && audited(request.op).is_some())
        .filter(|(_, request)| since.is_none_or(|since| since <= request.at))
        .filter(|(_, request)| until.is_none_or(|until| request.at <= until))
        .filter(|(_, request)| concerns(platform, request, &owner))
        .collect();
    if call.query.one("direction") != Some("forward") {
        entries.reverse();
    }
    let key = |(number, _): &(usize, &Request)| format!("aud-{number:020}");
    let show = |(number, request): &(usize, &Request)| {
        json!({
            "id": format!("aud-{number:020}"),
            "timestamp": view::instant(request.at),
            "event": audited(request.op),
            "status": "success",
            "actor": { "type": "rest_api", "email": USER, "id": "usr-simulated" },
            "metadata": { "service": request.service },
        })
    };
    Ok(json_reply(
        200,
        &page(entries, &call.query, "auditLog", key, show)?,
    ))
}

fn concerns(platform: &Platform, request: &Request, owner: &OwnerId) -> bool {
    let service = request.service.as_ref();
    service.is_some_and(|id| {
        platform
            .service(id)
            .is_ok_and(|service| service.owner == *owner)
    })
}

/// The name under which Render records an operation, if it does.
fn audited(op: Op) -> Option<&'static str> {
    let names = [
        (Op::PutEnvVars, "UpdateEnvVarsEvent"),
        (Op::PutEnvVar, "UpdateEnvVarsEvent"),
        (Op::DeleteEnvVar, "UpdateEnvVarsEvent"),
        (Op::SuspendService, "SuspendServiceEvent"),
        (Op::ResumeService, "ResumeServiceEvent"),
    ];
    let mut names = names.into_iter();
    names.find(|(known, _)| *known == op).map(|(_, name)| name)
}

fn reached(platform: &Platform) -> impl Iterator<Item = &Owner> {
    platform.owners().iter().filter(|owner| !owner.foreign)
}
