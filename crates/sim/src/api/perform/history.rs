//! Events, logs and metrics.

use super::{Performed, json_reply};
use crate::api::page::page;
use crate::api::{logs, metrics, view};
use crate::ids::{EventId, Timestamp};
use crate::platform::Platform;
use crate::requests::Call;

pub(super) fn events(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let service = call.service()?;
    let (from, until) = call.query.last_hour(now)?;
    let wanted = call.query.one("type");
    let events = platform
        .events(now, service)?
        .filter(|event| from <= event.at && event.at <= until)
        .filter(|event| wanted.is_none_or(|wanted| event.kind.name() == wanted));
    let shown = page(
        events,
        &call.query,
        "event",
        |event| event.id.to_string(),
        |event| view::event(service, event),
    )?;
    Ok(json_reply(200, &shown))
}

pub(super) fn event(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let (service, event) = platform.event(now, &EventId::new(call.item()?))?;
    Ok(json_reply(200, &view::event(service, event)))
}

pub(super) fn logs(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    Ok(json_reply(200, &logs::list(platform, now, &call.query)?))
}

pub(super) fn log_values(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let values = logs::values(platform, now, &call.query)?;
    Ok(json_reply(200, &values))
}

pub(super) fn metric_filters(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    Ok(json_reply(
        200,
        &metrics::filters(platform, now, &call.query)?,
    ))
}

pub(super) fn metrics(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let shown = metrics::series(platform, now, call.item()?, &call.query)?;
    Ok(json_reply(200, &shown))
}
