//! Who asks, and whose services they are.

use serde_json::json;

use super::{Done, Performed, json_reply};
use crate::api::page::page;
use crate::api::{ApiError, ApiReply, Call, view};
use crate::ids::OwnerId;
use crate::platform::{Owner, Platform};

pub(super) fn user() -> Done<ApiReply> {
    let user = json!({ "email": "owner@example.com", "name": "Simulated User" });
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

fn reached(platform: &Platform) -> impl Iterator<Item = &Owner> {
    platform.owners().iter().filter(|owner| !owner.foreign)
}
