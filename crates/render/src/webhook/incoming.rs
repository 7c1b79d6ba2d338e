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
/// use render::{WebhookVerifier, WebhookRejected};
///
/// let mut verifier = WebhookVerifier::new(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())?;
/// let forged = verifier.admit(&Default::default(), b"{}", chrono::Utc::now());
/// assert_eq!(forged.unwrap_err(), WebhookRejected::Forged);
/// # Ok::<(), render::Error>(())
/// ```
pub struct WebhookVerifier {
    signature: standardwebhooks::Webhook,
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
pub enum WebhookRejected {
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

impl WebhookVerifier {
    /// Knows messages by the secret that Render gave with the webhook.
    ///
    /// # Errors
    /// When it is no such secret.
    pub fn new(secret: &SecretString) -> Result<Self> {
        let signature = standardwebhooks::Webhook::new(secret.expose_secret());
        let signature = signature.map_err(|_| {
            Error::Settings("the webhook's secret is not one of Render's".to_owned())
        })?;
        Ok(Self {
            signature,
            seen: BTreeMap::new(),
        })
    }

    /// Lets one message in: signed, fresh, and not seen before.
    pub fn admit(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Hint, WebhookRejected> {
        if body.len() > LONGEST {
            return Err(WebhookRejected::TooMuch);
        }
        self.signature
            .verify(body, headers)
            .map_err(|error| refusal(&error))?;
        let id = headers.get(standardwebhooks::HEADER_WEBHOOK_ID);
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        self.seen.retain(|_, at| now - *at < REMEMBERED);
        if self.seen.contains_key(id) {
            return Err(WebhookRejected::Seen);
        }
        if self.seen.len() >= MOST_REMEMBERED {
            return Err(WebhookRejected::TooMuch);
        }
        self.seen.insert(id.to_owned(), now);
        let message: Message =
            serde_json::from_slice(body).map_err(|_| WebhookRejected::Unreadable)?;
        Ok(Hint {
            kind: message.kind,
            event: message.data.id,
            service: message.data.service_id,
        })
    }
}

impl std::fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookVerifier")
            .field("seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

fn refusal(error: &standardwebhooks::WebhookError) -> WebhookRejected {
    use standardwebhooks::WebhookError as Wrong;
    match error {
        Wrong::TimestampTooOldError | Wrong::FutureTimestampError | Wrong::InvalidTimestamp => {
            WebhookRejected::Stale
        }
        Wrong::InvalidPayload => WebhookRejected::Unreadable,
        Wrong::InvalidSecret(_)
        | Wrong::InvalidHeader(_)
        | Wrong::MissingHeader(_)
        | Wrong::InvalidSignature => WebhookRejected::Forged,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"type":"deploy_ended","timestamp":"2027-01-11T09:00:00Z","data":{"id":"evt-1","serviceId":"srv-1","serviceName":"a","status":"succeeded"}}"#;

    fn signed(id: &str, at: i64, body: &[u8], secret: &str) -> HeaderMap {
        let signature = standardwebhooks::Webhook::new(secret).unwrap();
        let signature = signature.sign(id, at, body).unwrap();
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

    fn verifier() -> WebhookVerifier {
        WebhookVerifier::new(&SECRET.into()).unwrap()
    }

    #[test]
    fn a_signed_message_is_let_in_once() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let headers = signed("evt-1", now.timestamp(), BODY, SECRET);
        let hint = verifier.admit(&headers, BODY, now).unwrap();
        assert_eq!(
            (hint.kind, hint.event, hint.service),
            (EventKind::DeployEnded, "evt-1".into(), "srv-1".into())
        );
        assert_eq!(
            verifier.admit(&headers, BODY, now),
            Err(WebhookRejected::Seen)
        );
    }

    #[test]
    fn a_forged_changed_or_old_message_stays_out() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let at = now.timestamp();
        let other = signed("evt-1", at, BODY, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(
            verifier.admit(&other, BODY, now),
            Err(WebhookRejected::Forged)
        );
        let good = signed("evt-1", at, BODY, SECRET);
        assert_eq!(
            verifier.admit(&good, b"{}", now),
            Err(WebhookRejected::Forged)
        );
        let old = signed("evt-1", at - 3_600, BODY, SECRET);
        assert_eq!(verifier.admit(&old, BODY, now), Err(WebhookRejected::Stale));
        let mut unsigned = good.clone();
        unsigned.remove("webhook-signature");
        assert_eq!(
            verifier.admit(&unsigned, BODY, now),
            Err(WebhookRejected::Forged)
        );
        assert!(verifier.admit(&good, BODY, now).is_ok());
    }

    #[test]
    fn signed_nonsense_is_no_hint_and_a_flood_is_cut() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let nonsense = signed("evt-2", now.timestamp(), b"[]", SECRET);
        assert_eq!(
            verifier.admit(&nonsense, b"[]", now),
            Err(WebhookRejected::Unreadable)
        );
        let long = vec![b' '; LONGEST + 1];
        assert_eq!(
            verifier.admit(&nonsense, &long, now),
            Err(WebhookRejected::TooMuch)
        );
    }
}
