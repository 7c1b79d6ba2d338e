//! Variables and secret files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Performed, empty_reply, json_reply};
use crate::api::page::page;
use crate::ids::Timestamp;
use crate::platform::{NewVariable, NewVariableValue, Platform};
use crate::requests::{ApiError, Call};

#[derive(Deserialize)]
struct FileBody {
    name: String,
    content: String,
}

#[derive(Deserialize)]
struct ContentBody {
    content: String,
}

pub(super) fn variable(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": value })
}

pub(super) fn file(name: &str, content: &str) -> Value {
    json!({ "name": name, "content": content })
}

/// One page of what is kept by name.
fn listed(
    entries: &BTreeMap<String, String>,
    call: &Call,
    wrapper: &str,
    show: fn(&str, &str) -> Value,
) -> Performed {
    let key = |entry: &(&String, &String)| entry.0.clone();
    let show = |entry: &(&String, &String)| show(entry.0, entry.1);
    Ok(json_reply(
        200,
        &page(entries, &call.query, wrapper, key, show)?,
    ))
}

pub(super) fn list(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let variables = platform.env_vars(now, call.service()?)?;
    listed(variables, call, "envVar", variable)
}

pub(super) fn put_all(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: Option<Vec<NewVariable>> = call.read()?;
    let body = body.unwrap_or_default().into_iter();
    let values = body.map(NewVariable::checked).collect::<Result<_, _>>()?;
    let stored = platform.put_env_vars(now, call.service()?, values)?;
    let shown: Vec<Value> = stored.iter().map(|(key, v)| variable(key, v)).collect();
    Ok(json_reply(200, &shown.into()))
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let key = call.item()?;
    let value = platform.env_vars(now, call.service()?)?.get(key);
    let value = value.ok_or_else(|| ApiError::not_found(key))?;
    Ok(json_reply(200, &variable(key, value)))
}

pub(super) fn put(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: NewVariableValue = call.read()?;
    let key = call.item()?;
    let value = platform.put_env_var(now, call.service()?, key, body.checked()?)?;
    Ok(json_reply(200, &variable(key, &value)))
}

pub(super) fn delete(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.delete_env_var(now, call.service()?, call.item()?)?;
    Ok(empty_reply(204))
}

pub(super) fn list_files(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let files = platform.secret_files(now, call.service()?)?;
    listed(files, call, "secretFile", file)
}

pub(super) fn put_files(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: Option<Vec<FileBody>> = call.read()?;
    let body = body.unwrap_or_default().into_iter();
    let files: BTreeMap<_, _> = body.map(|file| (file.name, file.content)).collect();
    let shown: Vec<Value> = files.iter().map(|(name, c)| file(name, c)).collect();
    platform.put_secret_files(now, call.service()?, files)?;
    Ok(json_reply(200, &shown.into()))
}

pub(super) fn get_file(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let name = call.item()?;
    let content = platform.secret_files(now, call.service()?)?.get(name);
    let content = content.ok_or_else(|| ApiError::not_found(name))?;
    Ok(json_reply(200, &file(name, content)))
}

pub(super) fn put_file(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: ContentBody = call.read()?;
    let name = call.item()?;
    platform.put_secret_file(now, call.service()?, name, &body.content)?;
    Ok(json_reply(201, &file(name, &body.content)))
}

pub(super) fn delete_file(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.delete_secret_file(now, call.service()?, call.item()?)?;
    Ok(empty_reply(204))
}
