//! Is an incoming message Render's, fresh, and new? If so it is a hint to read the API, and no more (P52).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use policy::ServiceId;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::ids::EventId;

/// Render's messages are far shorter.
const LONGEST: usize = 64 << 10;

/// A message that is older is refused by its timestamp, so that its id need not be remembered.
const REMEMBERED: TimeDelta = TimeDelta::minutes(15);

/// As many ids are remembered; more in that time are refused.
const MOST_REMEMBERED: usize = 100_000;

/// Lets in what Render sent, once.
///
/// ```
/// use render::{Gatekeeper, NotRenders};
///
/// let mut gate = Gatekeeper::new(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())?;
/// let forged = gate.admit(&Default::default(), b"{}", chrono::Utc::now());
/// assert_eq!(forged.unwrap_err(), NotRenders::Forged);
/// # Ok::<(), render::Error>(())
/// ```
pub struct Gatekeeper {
    lock: standardwebhooks::Webhook,
    seen: BTreeMap<String, DateTime<Utc>>,
}

/// What a message says happened. Nothing is to be believed but that reading the API is worthwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// What.
    pub kind: EventKind,
    /// The event to read.
    pub event: EventId,
    /// The service.
    pub service: ServiceId,
}

/// Why a message is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRenders {
    /// No signature, or one of another secret or content.
    #[error("the signature is missing or wrong")]
    Forged,
    /// Too old, or of the future.
    #[error("the timestamp is more than five minutes away")]
    Stale,
    /// It was let in before.
    #[error("the message was received before")]
    Seen,
    /// Its content makes no sense.
    #[error("the message is not one of Render's")]
    Unreadable,
    /// Too long, or too many of them.
    #[error("the message is too long, or one too many")]
    TooMuch,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: EventKind,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: EventId,
    service_id: ServiceId,
}

impl Gatekeeper {
    /// Knows messages by the secret that Render gave with the webhook.
    ///
    /// # Errors
    /// When it is no such secret.
    pub fn new(secret: &SecretString) -> Result<Self> {
        let lock = standardwebhooks::Webhook::new(secret.expose_secret());
        let lock = lock.map_err(|_| {
            Error::Settings("the webhook's secret is not one of Render's".to_owned())
        })?;
        Ok(Self {
            lock,
            seen: BTreeMap::new(),
        })
    }

    /// Lets one message in: signed, fresh, and not seen before.
    pub fn admit(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Hint, NotRenders> {
        if body.len() > LONGEST {
            return Err(NotRenders::TooMuch);
        }
        self.lock
            .verify(body, headers)
            .map_err(|error| refusal(&error))?;
        let id = headers.get(standardwebhooks::HEADER_WEBHOOK_ID);
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        self.seen.retain(|_, at| now - *at < REMEMBERED);
        if self.seen.contains_key(id) {
            return Err(NotRenders::Seen);
        }
        if self.seen.len() >= MOST_REMEMBERED {
            return Err(NotRenders::TooMuch);
        }
        self.seen.insert(id.to_owned(), now);
        let message: Message = serde_json::from_slice(body).map_err(|_| NotRenders::Unreadable)?;
        Ok(Hint {
            kind: message.kind,
            event: message.data.id,
            service: message.data.service_id,
        })
    }
}

impl std::fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatekeeper")
            .field("seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

fn refusal(error: &standardwebhooks::WebhookError) -> NotRenders {
    use standardwebhooks::WebhookError as Wrong;
    match error {
        Wrong::TimestampTooOldError | Wrong::FutureTimestampError | Wrong::InvalidTimestamp => {
            NotRenders::Stale
        }
        Wrong::InvalidPayload => NotRenders::Unreadable,
        Wrong::InvalidSecret(_)
        | Wrong::InvalidHeader(_)
        | Wrong::MissingHeader(_)
        | Wrong::InvalidSignature => NotRenders::Forged,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"type":"deploy_ended","timestamp":"2027-01-11T09:00:00Z","data":{"id":"evt-1","serviceId":"srv-1","serviceName":"a","status":"succeeded"}}"#;

    fn signed(id: &str, at: i64, body: &[u8], secret: &str) -> HeaderMap {
        let lock = standardwebhooks::Webhook::new(secret).unwrap();
        let signature = lock.sign(id, at, body).unwrap();
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", format!("v1,AAAA {signature}")),
        ];
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        headers.collect()
    }

    fn gate() -> Gatekeeper {
        Gatekeeper::new(&SECRET.into()).unwrap()
    }

    #[test]
    fn a_signed_message_is_let_in_once() {
        let (mut gate, now) = (gate(), Utc::now());
        let headers = signed("evt-1", now.timestamp(), BODY, SECRET);
        let hint = gate.admit(&headers, BODY, now).unwrap();
        assert_eq!(
            (hint.kind, hint.event, hint.service),
            (EventKind::DeployEnded, "evt-1".into(), "srv-1".into())
        );
        assert_eq!(gate.admit(&headers, BODY, now), Err(NotRenders::Seen));
    }

    #[test]
    fn a_forged_changed_or_old_message_stays_out() {
        let (mut gate, now) = (gate(), Utc::now());
        let at = now.timestamp();
        let other = signed("evt-1", at, BODY, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(gate.admit(&other, BODY, now), Err(NotRenders::Forged));
        let good = signed("evt-1", at, BODY, SECRET);
        assert_eq!(gate.admit(&good, b"{}", now), Err(NotRenders::Forged));
        let old = signed("evt-1", at - 3_600, BODY, SECRET);
        assert_eq!(gate.admit(&old, BODY, now), Err(NotRenders::Stale));
        let mut unsigned = good.clone();
        unsigned.remove("webhook-signature");
        assert_eq!(gate.admit(&unsigned, BODY, now), Err(NotRenders::Forged));
        assert!(gate.admit(&good, BODY, now).is_ok());
    }

    #[test]
    fn signed_nonsense_is_no_hint_and_a_flood_is_cut() {
        let (mut gate, now) = (gate(), Utc::now());
        let nonsense = signed("evt-2", now.timestamp(), b"[]", SECRET);
        assert_eq!(
            gate.admit(&nonsense, b"[]", now),
            Err(NotRenders::Unreadable)
        );
        let long = vec![b' '; LONGEST + 1];
        assert_eq!(gate.admit(&nonsense, &long, now), Err(NotRenders::TooMuch));
    }
}
