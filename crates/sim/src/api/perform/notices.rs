//! What Render itself tells people about.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Performed, json_reply};
use crate::ids::OwnerId;
use crate::platform::Platform;
use crate::requests::{ApiError, Call};

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Default,
    None,
    Failure,
    All,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NoticesBody {
    notifications_to_send: Level,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Failure => "failure",
            Self::All => "all",
        }
    }
}

fn owner(platform: &Platform, call: &Call) -> Result<String, ApiError> {
    let id = OwnerId::new(call.item()?);
    if platform.reaches(&id) {
        Ok(id.to_string())
    } else {
        Err(ApiError::not_found(id.as_str()))
    }
}

fn service(platform: &Platform, call: &Call) -> Result<String, ApiError> {
    Ok(platform.service(call.service()?)?.id.to_string())
}

fn shown(platform: &Platform, field: &str, id: &str, usual: &str) -> Value {
    let level = platform.notices.get(id).map_or(usual, String::as_str);
    json!({ field: id, "notificationsToSend": level })
}

pub(super) fn of_owner(platform: &Platform, call: &Call) -> Performed {
    let id = owner(platform, call)?;
    Ok(json_reply(200, &shown(platform, "ownerId", &id, "failure")))
}

pub(super) fn set_of_owner(platform: &mut Platform, call: &Call) -> Performed {
    set(platform, owner(platform, call)?, call)?;
    of_owner(platform, call)
}

pub(super) fn of_service(platform: &Platform, call: &Call) -> Performed {
    let id = service(platform, call)?;
    Ok(json_reply(
        200,
        &shown(platform, "serviceId", &id, "default"),
    ))
}

pub(super) fn set_of_service(platform: &mut Platform, call: &Call) -> Performed {
    set(platform, service(platform, call)?, call)?;
    of_service(platform, call)
}

fn set(platform: &mut Platform, id: String, call: &Call) -> Result<(), ApiError> {
    let body: NoticesBody = call.read()?;
    let level = body.notifications_to_send.as_str().to_owned();
    platform.notices.insert(id, level);
    Ok(())
}
