//! Messages of webhooks: which are due, and what became of them. Sending them is the shell's.

use std::collections::BTreeSet;

use axum::http::Uri;
use chrono::{SecondsFormat, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::events::Ended;
use super::{Event, Platform, Webhook};
use crate::fault::WebhookFault;
use crate::ids::{EventId, ServiceId, Timestamp, WebhookId};

/// Render gives a message up after so many attempts, and switches its webhook off.
const ATTEMPTS: usize = 8;

/// From the first attempt to the second. From each to the next it is four times as long, which makes the 33 hours of which
/// Render speaks; how it divides them is not known.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(22);

/// What messages are signed with that are not Render's.
const FORGERS_SECRET: &str = "whsec_Zm9yZ2VkIGJ5IHNvbWVib2R5IGVsc2UgaGVyZQ==";

/// As many messages are remembered.
const MOST_REMEMBERED: usize = 1_000;

/// One message to one webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// Its id.
    pub id: String,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event that it tells of.
    pub event: EventId,
    /// Of which kind that is.
    pub kind: String,
    /// What it says.
    pub body: String,
    /// How often it was sent.
    pub attempts: usize,
    /// It is signed with another secret than the webhook's.
    #[serde(default)]
    pub forged: bool,
    /// The last time it was sent, and how that was answered.
    pub last: Option<(Timestamp, Delivered)>,
    due: Option<Timestamp>,
}

/// How an attempt was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The status; absent: there was no answer.
    pub status: Option<u16>,
    /// The beginning of the body.
    pub body: Option<String>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// A message as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The message.
    pub message: String,
    /// The event, by which a receiver knows a message again.
    pub event: EventId,
    /// Where it goes.
    pub url: String,
    /// What it is signed with.
    pub secret: String,
    /// When it is signed.
    pub at: Timestamp,
    /// What it says.
    pub body: String,
}

impl Delivered {
    fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

impl Platform {
    /// Makes a message of an event for every webhook that asks for its kind.
    pub(super) fn announce(&mut self, service: &ServiceId, event: &Event) {
        let Some(service) = self.services.get(service) else {
            return;
        };
        let kind = event.kind.name();
        let wants = |webhook: &&Webhook| {
            let kinds = &webhook.target.event_filter;
            webhook.owner == service.owner
                && webhook.target.enabled
                && (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
        };
        let mut data = Map::new();
        data.insert("id".to_owned(), json!(event.id));
        data.insert("serviceId".to_owned(), json!(service.id));
        data.insert("serviceName".to_owned(), json!(service.name));
        if let Some(ended) = event.kind.ended() {
            data.insert("status".to_owned(), json!(ended));
        }
        let at = event.at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let body = json!({ "type": kind, "timestamp": at, "data": data }).to_string();
        for webhook in self.webhooks.values().filter(wants) {
            let fault = self.faults.take_webhook(&service.id);
            let due = match fault {
                Some(WebhookFault::Lost) => continue,
                Some(WebhookFault::Late { by }) => event.at + by.to_delta(),
                Some(WebhookFault::Doubled | WebhookFault::Forged) | None => event.at,
            };
            let times = if fault == Some(WebhookFault::Doubled) {
                2
            } else {
                1
            };
            for _ in 0..times {
                self.messages.push_back(WebhookMessage {
                    id: self.ids.next("whe", event.at),
                    webhook: webhook.id.clone(),
                    event: event.id.clone(),
                    kind: kind.to_owned(),
                    body: body.clone(),
                    attempts: 0,
                    forged: fault == Some(WebhookFault::Forged),
                    last: None,
                    due: Some(due),
                });
            }
        }
        while self.messages.len() > MOST_REMEMBERED {
            self.messages.pop_front();
        }
    }

    /// The messages whose time has come, but for those that are on their way.
    pub fn due_messages(
        &mut self,
        now: Timestamp,
        on_their_way: &BTreeSet<String>,
    ) -> Vec<Outgoing> {
        if self.webhooks.is_empty() {
            return Vec::new();
        }
        let now = self.advance(now);
        let mut due = Vec::new();
        for message in &mut self.messages {
            if message.due.is_none_or(|at| at > now) || on_their_way.contains(&message.id) {
                continue;
            }
            let Some(webhook) = self.webhooks.get(&message.webhook) else {
                message.due = None;
                continue;
            };
            if !self.settings.public_webhooks && !is_loopback(&webhook.target.url) {
                message.due = None;
                let error =
                    "a simulated Render sends to loopback addresses only, unless told otherwise";
                message.last = Some((
                    now,
                    Delivered {
                        error: Some(error.to_owned()),
                        ..Delivered::default()
                    },
                ));
                continue;
            }
            due.push(Outgoing {
                message: message.id.clone(),
                event: message.event.clone(),
                url: webhook.target.url.clone(),
                secret: match message.forged {
                    true => FORGERS_SECRET.to_owned(),
                    false => webhook.secret.clone(),
                },
                at: now,
                body: message.body.clone(),
            });
        }
        due
    }

    /// Takes note of how an attempt was answered. After the last one without success the webhook is switched off.
    pub fn delivered(&mut self, sent_at: Timestamp, message: &str, answer: Delivered) {
        let Some(message) = self.messages.iter_mut().find(|one| one.id == message) else {
            return;
        };
        let failed = !answer.is_success();
        message.attempts += 1;
        message.last = Some((sent_at, answer));
        message.due =
            (failed && message.attempts < ATTEMPTS).then(|| sent_at + wait(message.attempts));
        if failed && message.attempts == ATTEMPTS {
            let webhook = message.webhook.clone();
            self.switch_off(&webhook);
        }
    }

    fn switch_off(&mut self, webhook: &WebhookId) {
        if let Some(webhook) = self.webhooks.get_mut(webhook) {
            webhook.target.enabled = false;
        }
        for message in self
            .messages
            .iter_mut()
            .filter(|one| one.webhook == *webhook)
        {
            message.due = None;
        }
    }

    /// What was sent to a webhook, newest first.
    pub(crate) fn deliveries(&self, webhook: &WebhookId) -> Vec<&WebhookMessage> {
        let sent =
            |message: &&WebhookMessage| message.webhook == *webhook && message.last.is_some();
        let mut sent: Vec<&WebhookMessage> = self.messages.iter().filter(sent).collect();
        sent.sort_by(|a, b| (sent_at(b), &b.id).cmp(&(sent_at(a), &a.id)));
        sent
    }
}

pub(crate) fn sent_at(message: &WebhookMessage) -> Option<Timestamp> {
    message.last.as_ref().map(|(at, _)| *at)
}

/// How long after an attempt the next one is made.
fn wait(attempts: usize) -> TimeDelta {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0) * 2;
    FIRST_WAIT * 2_i32.saturating_pow(doublings)
}

/// Whether an address is of this machine.
fn is_loopback(url: &str) -> bool {
    let url: Option<Uri> = url.parse().ok();
    let host = url.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

impl super::EventKind {
    /// How what it tells of ended; `None`: it is no end.
    fn ended(&self) -> Option<Ended> {
        match self {
            Self::DeployEnded { ended, .. }
            | Self::BuildEnded { ended, .. }
            | Self::PreDeployEnded { ended, .. } => Some(*ended),
            Self::DeployStarted { .. }
            | Self::BuildStarted { .. }
            | Self::PreDeployStarted { .. }
            | Self::ServiceSuspended
            | Self::ServiceResumed
            | Self::ServerRestarted => None,
        }
    }
}
