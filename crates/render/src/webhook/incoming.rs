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

/// A message that is older is refused by its timestamp, so that its id need not be remembered. What was remembered is lost with
/// the process: a message that is let in once more leads to one read too many, which a table of ids would cost as well.
const REMEMBERED: TimeDelta = TimeDelta::minutes(15);

/// As many ids are remembered; more in that time are refused.
const MOST_REMEMBERED: usize = 100_000;

/// Ids of Render are far shorter.
const LONGEST_ID: usize = 256;

/// A secret that is shorter, in characters without its prefix, can be guessed; an empty one would let everything in.
const SHORTEST_SECRET: usize = 24;

/// Later than the year 9999 nothing is signed.
const LAST: i64 = 253_402_300_799;

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
    /// Of each service the newest event that was let in, by Render's time, and when that was.
    newest: BTreeMap<ServiceId, (DateTime<Utc>, DateTime<Utc>)>,
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
    /// One about something newer of the same service was let in before.
    #[error("a message about something newer came first")]
    Overtaken,
    /// It is signed, but its content makes no sense.
    #[error("the message is not one of Render's")]
    Unreadable,
    /// Too long, or too many of them.
    #[error("the message is too long, or one too many")]
    TooMuch,
}

impl WebhookRejected {
    /// Whether it was Render that sent it. Then there is nothing to be done about it, and an answer other than 2xx would only
    /// have it sent again, eight times, after which Render switches the webhook off.
    pub fn is_of_render(self) -> bool {
        match self {
            Self::Seen | Self::Overtaken | Self::Unreadable => true,
            Self::Forged | Self::Stale | Self::TooMuch => false,
        }
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: EventKind,
    #[serde(default)]
    timestamp: Option<DateTime<Utc>>,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    id: EventId,
    service_id: ServiceId,
}

impl WebhookVerifier {
    /// No message is longer, in bytes: whoever receives one need not read on.
    pub const LONGEST: usize = 64 << 10;

    /// Knows messages by the secret that Render gave with the webhook.
    ///
    /// # Errors
    /// When it is no such secret.
    pub fn new(secret: &SecretString) -> Result<Self> {
        let no_secret =
            || Error::Settings("the webhook's secret is not one of Render's".to_owned());
        let secret = secret.expose_secret();
        if secret.trim_start_matches("whsec_").len() < SHORTEST_SECRET {
            return Err(no_secret());
        }
        let signature = standardwebhooks::Webhook::new(secret).map_err(|_| no_secret())?;
        Ok(Self {
            signature,
            seen: BTreeMap::new(),
            newest: BTreeMap::new(),
        })
    }

    /// Lets one message in: signed, fresh, not seen before, and about nothing older than the one before it.
    pub fn admit(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Hint, WebhookRejected> {
        if body.len() > Self::LONGEST {
            return Err(WebhookRejected::TooMuch);
        }
        let id = self.verified(headers, body)?;
        self.remember(id, now)?;
        let message: Message =
            serde_json::from_slice(body).map_err(|_| WebhookRejected::Unreadable)?;
        let service = message.data.service_id;
        if let Some(told) = message.timestamp {
            let newest = self.newest.entry(service.clone()).or_insert((told, now));
            if told < newest.0 {
                return Err(WebhookRejected::Overtaken);
            }
            *newest = (told, now);
        }
        Ok(Hint {
            kind: message.kind,
            event: message.data.id,
            service,
        })
    }

    /// The id of a message that is signed and fresh.
    fn verified<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
    ) -> Result<&'h str, WebhookRejected> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let at = header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP).unwrap_or_default();
        // The library counts with it before it knows who wrote it.
        if at.parse().is_ok_and(|at: i64| !(0..=LAST).contains(&at)) {
            return Err(WebhookRejected::Stale);
        }
        let verified = self.signature.verify(body, headers);
        verified.map_err(|error| refusal(&error))?;
        let id = header(standardwebhooks::HEADER_WEBHOOK_ID).unwrap_or_default();
        if id.len() > LONGEST_ID {
            return Err(WebhookRejected::TooMuch);
        }
        Ok(id)
    }

    /// Remembers an id, and of what was remembered only what could still come again.
    fn remember(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), WebhookRejected> {
        self.seen.retain(|_, at| now - *at < REMEMBERED);
        self.newest.retain(|_, (_, at)| now - *at < REMEMBERED);
        if self.seen.contains_key(id) {
            return Err(WebhookRejected::Seen);
        }
        if self.seen.len() >= MOST_REMEMBERED {
            return Err(WebhookRejected::TooMuch);
        }
        self.seen.insert(id.to_owned(), now);
        Ok(())
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
        Wrong::InvalidPayload
        | Wrong::InvalidSecret(_)
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
    fn a_timestamp_that_nothing_can_be_counted_with_is_refused() {
        let (mut verifier, now) = (verifier(), Utc::now());
        for at in ["-9223372036854775808", "9223372036854775807", "-1"] {
            let mut headers = signed("evt-1", now.timestamp(), BODY, SECRET);
            headers.insert("webhook-timestamp", at.parse().unwrap());
            let refused = verifier.admit(&headers, BODY, now);
            assert_eq!(refused, Err(WebhookRejected::Stale), "{at}");
        }
    }

    #[test]
    fn a_message_about_something_older_than_the_last_is_refused() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let mut told = |id: &str, service: &str, second: u32| {
            let body = format!(
                r#"{{"type":"deploy_ended","timestamp":"2027-01-11T09:00:{second:02}Z","data":{{"id":"{id}","serviceId":"{service}"}}}}"#
            );
            let headers = signed(id, now.timestamp(), body.as_bytes(), SECRET);
            verifier.admit(&headers, body.as_bytes(), now).map(|_| ())
        };
        assert_eq!(told("evt-2", "srv-1", 30), Ok(()));
        assert_eq!(told("evt-1", "srv-1", 29), Err(WebhookRejected::Overtaken));
        assert_eq!(told("evt-3", "srv-1", 30), Ok(()));
        assert_eq!(told("evt-4", "srv-2", 29), Ok(()), "of another service");
    }

    #[test]
    fn a_secret_that_anybody_could_guess_is_none() {
        for secret in [
            "",
            "whsec_",
            "whsec_AAAA",
            "whsec_*****************************",
        ] {
            let refused = WebhookVerifier::new(&secret.into()).unwrap_err();
            assert!(!refused.to_string().contains("***"), "{refused}");
        }
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let ids = (0..MOST_REMEMBERED).map(|id| (id.to_string(), now));
        verifier.seen = ids.collect();
        let headers = signed("evt-1", now.timestamp(), BODY, SECRET);
        let full = verifier.admit(&headers, BODY, now);
        assert_eq!(full, Err(WebhookRejected::TooMuch));
        let later = now + REMEMBERED;
        assert!(verifier.admit(&headers, BODY, later).is_ok());
        assert_eq!((verifier.seen.len(), verifier.newest.len()), (1, 1));
        let long = "e".repeat(LONGEST_ID + 1);
        let headers = signed(&long, now.timestamp(), BODY, SECRET);
        let refused = verifier.admit(&headers, BODY, later);
        assert_eq!(refused, Err(WebhookRejected::TooMuch));
    }

    #[test]
    fn signed_nonsense_is_no_hint_and_a_flood_is_cut() {
        let (mut verifier, now) = (verifier(), Utc::now());
        let nonsense = signed("evt-2", now.timestamp(), b"[]", SECRET);
        assert_eq!(
            verifier.admit(&nonsense, b"[]", now),
            Err(WebhookRejected::Unreadable)
        );
        let long = vec![b' '; WebhookVerifier::LONGEST + 1];
        assert_eq!(
            verifier.admit(&nonsense, &long, now),
            Err(WebhookRejected::TooMuch)
        );
    }
}
