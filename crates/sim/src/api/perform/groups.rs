//! Groups of variables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::environment::{file, variable};
use super::{Performed, empty_reply, json_reply};
use crate::api::page::page;
use crate::api::view;
use crate::ids::{EnvGroupId, OwnerId, ServiceId, Timestamp};
use crate::platform::{EnvGroup, NewGroup, NewVariable, NewVariableValue, Platform};
use crate::requests::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    name: String,
    owner_id: OwnerId,
    env_vars: Vec<NewVariable>,
    #[serde(default)]
    secret_files: Vec<FileBody>,
    #[serde(default)]
    service_ids: BTreeSet<ServiceId>,
}

#[derive(Deserialize)]
struct FileBody {
    name: String,
    content: String,
}

#[derive(Deserialize)]
struct RenameBody {
    name: String,
}

#[derive(Deserialize)]
struct ContentBody {
    content: String,
}

fn named(call: &Call) -> Result<EnvGroupId, ApiError> {
    Ok(EnvGroupId::new(call.item()?))
}

/// A group without what it holds, as lists show it.
fn outline(platform: &Platform, group: &EnvGroup) -> Value {
    let links = group.services.iter().filter_map(|id| {
        let service = platform.service(id).ok()?;
        Some(json!({ "id": id, "name": service.name, "type": service.kind }))
    });
    json!({
        "id": group.id,
        "name": group.name,
        "ownerId": group.owner,
        "createdAt": view::instant(group.created_at),
        "updatedAt": view::instant(group.updated_at),
        "serviceLinks": links.collect::<Vec<_>>(),
    })
}

fn whole(platform: &Platform, group: &EnvGroup) -> Value {
    let mut shown = outline(platform, group);
    let variables = group.variables.0.iter();
    let files = group.secret_files.0.iter();
    shown["envVars"] = variables.map(|(key, value)| variable(key, value)).collect();
    shown["secretFiles"] = files.map(|(name, content)| file(name, content)).collect();
    shown
}

fn shown(status: u16, platform: &Platform, id: &EnvGroupId) -> Performed {
    let group = platform.env_group(id)?;
    Ok(json_reply(status, &whole(platform, group)))
}

/// Entries are bare objects, unlike those of any other list; so there is one page only.
pub(super) fn list(platform: &Platform, call: &Call) -> Performed {
    let (names, owners) = (call.query.all("name"), call.query.all("ownerId"));
    let fits = |group: &&EnvGroup| {
        (names.is_empty() || names.contains(&group.name))
            && (owners.is_empty() || owners.iter().any(|owner| owner == group.owner.as_str()))
    };
    let groups = platform.env_groups().filter(fits);
    let key = |group: &&EnvGroup| group.id.to_string();
    let paged = page(groups, &call.query, "envGroup", key, |group| {
        outline(platform, group)
    })?;
    let entries = paged.as_array().into_iter().flatten();
    let bare: Vec<&Value> = entries.map(|entry| &entry["envGroup"]).collect();
    Ok(json_reply(200, &json!(bare)))
}

pub(super) fn create(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: CreateBody = call.read()?;
    let variables = body.env_vars.into_iter().map(NewVariable::checked);
    let files = body.secret_files.into_iter();
    let files: BTreeMap<_, _> = files.map(|file| (file.name, file.content)).collect();
    let new = NewGroup {
        name: body.name,
        owner: body.owner_id,
        services: body.service_ids,
        variables: variables.collect::<Result<_, _>>()?,
        secret_files: files,
    };
    let id = platform.create_group(now, new)?.id.clone();
    shown(201, platform, &id)
}

pub(super) fn get(platform: &Platform, call: &Call) -> Performed {
    shown(200, platform, &named(call)?)
}

pub(super) fn rename(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let (id, body) = (named(call)?, call.read::<RenameBody>()?);
    platform.change_links(now, &id, |group| group.name = body.name)?;
    shown(200, platform, &id)
}

pub(super) fn delete(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.delete_group(now, &named(call)?)?;
    Ok(empty_reply(204))
}

pub(super) fn link(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let (id, service) = (named(call)?, call.service()?.clone());
    platform.service(&service)?;
    platform.change_links(now, &id, |group| {
        group.services.insert(service);
    })?;
    shown(200, platform, &id)
}

pub(super) fn unlink(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let (id, service) = (named(call)?, call.service()?);
    if !platform.env_group(&id)?.services.contains(service) {
        return Err(ApiError::not_found(service.as_str()));
    }
    platform.change_links(now, &id, |group| {
        group.services.remove(service);
    })?;
    Ok(empty_reply(204))
}

pub(super) fn get_variable(platform: &Platform, call: &Call) -> Performed {
    let key = call.key()?;
    let value = platform.env_group(&named(call)?)?.variables.0.get(key);
    let value = value.ok_or_else(|| ApiError::not_found(key))?;
    Ok(json_reply(200, &variable(key, value)))
}

pub(super) fn put_variable(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: NewVariableValue = call.read()?;
    let (id, key) = (named(call)?, call.key()?.to_owned());
    let value = platform.made(body.checked()?);
    platform.change_group(now, &id, |group| {
        group.variables.0.insert(key, value);
        Ok(())
    })?;
    shown(200, platform, &id)
}

pub(super) fn delete_variable(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let key = call.key()?;
    platform.change_group(now, &named(call)?, |group| {
        let removed = group.variables.0.remove(key);
        removed.map(drop).ok_or_else(|| ApiError::not_found(key))
    })?;
    Ok(empty_reply(204))
}

pub(super) fn get_file(platform: &Platform, call: &Call) -> Performed {
    let name = call.key()?;
    let content = platform.env_group(&named(call)?)?.secret_files.0.get(name);
    let content = content.ok_or_else(|| ApiError::not_found(name))?;
    Ok(json_reply(200, &file(name, content)))
}

pub(super) fn put_file(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: ContentBody = call.read()?;
    let (id, name) = (named(call)?, call.key()?.to_owned());
    platform.change_group(now, &id, |group| {
        group.secret_files.0.insert(name, body.content);
        Ok(())
    })?;
    shown(200, platform, &id)
}

pub(super) fn delete_file(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let name = call.key()?;
    platform.change_group(now, &named(call)?, |group| {
        let removed = group.secret_files.0.remove(name);
        removed.map(drop).ok_or_else(|| ApiError::not_found(name))
    })?;
    Ok(empty_reply(204))
}
