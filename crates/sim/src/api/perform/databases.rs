//! Postgres databases.

use serde::Deserialize;
use serde_json::Value;

use super::{Performed, empty_reply, json_reply};
use crate::api::page::page;
use crate::api::view;
use crate::ids::{PostgresId, Timestamp};
use crate::platform::{Platform, RecoverBody, suspended_text};
use crate::requests::{ApiError, Call};

fn named(call: &Call) -> Result<PostgresId, ApiError> {
    Ok(PostgresId::new(call.item()?))
}

pub(super) fn list(platform: &Platform, now: Timestamp, call: &Call) -> Performed {
    let (names, owners) = (call.query.all("name"), call.query.all("ownerId"));
    let suspended = call.query.all("suspended");
    let databases = platform
        .databases()
        .filter(|database| platform.reaches(&database.owner))
        .filter(|database| names.is_empty() || names.contains(&database.name))
        .filter(|database| owners.is_empty() || owners.iter().any(|o| o == database.owner.as_str()))
        .filter(|database| {
            let state = suspended_text(database.suspended);
            suspended.is_empty() || suspended.iter().any(|wanted| wanted == state)
        });
    let shown = page(
        databases,
        &call.query,
        "postgres",
        |database| database.id.to_string(),
        |database| view::database(platform, database, now),
    )?;
    Ok(json_reply(200, &shown))
}

pub(super) fn get(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let database = platform.database(now, &named(call)?)?.clone();
    Ok(json_reply(200, &view::database(platform, &database, now)))
}

#[derive(Deserialize)]
struct UpdateBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    plan: Option<String>,
}

pub(super) fn update(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: UpdateBody = call.read()?;
    let changed = platform.update_database(now, &named(call)?, body.name, body.plan)?;
    let changed = changed.clone();
    Ok(json_reply(200, &view::database(platform, &changed, now)))
}

pub(super) fn delete(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.delete_database(now, &named(call)?)?;
    Ok(empty_reply(204))
}

pub(super) fn connection_info(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let database = platform.database(now, &named(call)?)?;
    Ok(json_reply(200, &view::connection_info(database)))
}

pub(super) fn recovery(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let recovery = platform.database(now, &named(call)?)?.recovery(now);
    Ok(json_reply(200, &view::recovery(recovery)))
}

pub(super) fn recover(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: RecoverBody = call.read()?;
    let new = platform.recover(now, &named(call)?, &body)?.clone();
    Ok(json_reply(200, &view::database(platform, &new, now)))
}

pub(super) fn exports(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let id = named(call)?;
    let exports = platform.exports(now, &id)?;
    let shown: Vec<Value> = exports.map(|export| view::export(export, now)).collect();
    Ok(json_reply(200, &shown.into()))
}

pub(super) fn export(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.export(now, &named(call)?)?;
    Ok(empty_reply(202))
}

pub(super) fn suspend(
    platform: &mut Platform,
    now: Timestamp,
    call: &Call,
    suspended: bool,
) -> Performed {
    platform.suspend_database(now, &named(call)?, suspended)?;
    Ok(empty_reply(202))
}

/// Neither a restart nor a failover leaves a trace that a client could see.
pub(super) fn restart(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    platform.database(now, &named(call)?)?;
    Ok(empty_reply(202))
}
