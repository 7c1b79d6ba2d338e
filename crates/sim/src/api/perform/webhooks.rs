//! Webhooks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Performed, empty_reply, json_reply};
use crate::api::page::page;
use crate::api::view;
use crate::ids::{OwnerId, Timestamp, WebhookId};
use crate::platform::{Platform, Webhook, WebhookMessage, WebhookTarget, sent_at};
use crate::requests::{ApiError, Call};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    owner_id: OwnerId,
    #[serde(flatten)]
    target: WebhookTarget,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct UpdateBody {
    name: Option<String>,
    url: Option<String>,
    enabled: Option<bool>,
    event_filter: Option<Vec<String>>,
}

fn named(call: &Call) -> Result<WebhookId, ApiError> {
    Ok(WebhookId::new(call.item()?))
}

fn shown(webhook: &Webhook) -> Value {
    let target = &webhook.target;
    json!({
        "id": webhook.id,
        "name": target.name,
        "url": target.url,
        "enabled": target.enabled,
        "eventFilter": target.event_filter,
        "secret": webhook.secret,
    })
}

pub(super) fn list(platform: &Platform, call: &Call) -> Performed {
    let owners = call.query.all("ownerId");
    let fits = |webhook: &&Webhook| {
        owners.is_empty() || owners.iter().any(|owner| owner == webhook.owner.as_str())
    };
    let key = |webhook: &&Webhook| webhook.id.to_string();
    let webhooks = platform.webhooks().filter(fits);
    let listed = page(webhooks, &call.query, "webhook", key, |webhook| {
        shown(webhook)
    })?;
    Ok(json_reply(200, &listed))
}

pub(super) fn create(platform: &mut Platform, now: Timestamp, call: &Call) -> Performed {
    let body: CreateBody = call.read()?;
    let webhook = platform.create_webhook(now, body.owner_id, body.target)?;
    Ok(json_reply(201, &shown(webhook)))
}

pub(super) fn get(platform: &Platform, call: &Call) -> Performed {
    Ok(json_reply(200, &shown(platform.webhook(&named(call)?)?)))
}

pub(super) fn update(platform: &mut Platform, call: &Call) -> Performed {
    let body: UpdateBody = call.read()?;
    let webhook = platform.update_webhook(&named(call)?, |target| {
        if let Some(name) = body.name {
            target.name = name;
        }
        if let Some(url) = body.url {
            target.url = url;
        }
        if let Some(enabled) = body.enabled {
            target.enabled = enabled;
        }
        if let Some(events) = body.event_filter {
            target.event_filter = events;
        }
    })?;
    Ok(json_reply(200, &shown(webhook)))
}

pub(super) fn delete(platform: &mut Platform, call: &Call) -> Performed {
    platform.delete_webhook(&named(call)?)?;
    Ok(empty_reply(204))
}

pub(super) fn deliveries(platform: &Platform, call: &Call) -> Performed {
    let webhook = platform.webhook(&named(call)?)?;
    let sent = call.query.bounds("sent")?;
    let assumptions = &platform.settings().assumptions;
    let messages = platform.deliveries(&webhook.id).into_iter();
    let fits = |message: &&WebhookMessage| sent.hold(sent_at(message), assumptions);
    let key = |message: &&WebhookMessage| message.id.clone();
    let show = |message: &&WebhookMessage| delivery(message);
    let listed = page(
        messages.filter(fits),
        &call.query,
        "webhookEvent",
        key,
        show,
    )?;
    Ok(json_reply(200, &listed))
}

fn delivery(message: &WebhookMessage) -> Value {
    let mut shown = json!({
        "id": message.id,
        "eventId": message.event,
        "eventType": message.kind,
        "sentAt": sent_at(message).map(view::instant),
    });
    let answer = message.last.as_ref().map(|(_, answer)| answer);
    let Some(answer) = answer else { return shown };
    if let Some(status) = answer.status {
        shown["statusCode"] = status.into();
    }
    let texts = [("responseBody", &answer.body), ("error", &answer.error)];
    for (key, text) in texts {
        if let Some(text) = text {
            shown[key] = text.as_str().into();
        }
    }
    shown
}
