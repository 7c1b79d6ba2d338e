//! Signed JSON, after Standard Webhooks: the id of a repeated delivery is the same.

use chrono::Utc;
use policy::settings::SecretSource;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use crate::error::{Undelivered, chain};
use crate::http::HttpClient;
use crate::message::{Message, MessageText, payload};
use crate::secrets::Secrets;

/// Secrets of this form are Base64; any other text is taken byte by byte.
const ENCODED: &str = "whsec_";

pub(crate) async fn send(
    http: &HttpClient,
    secrets: &Secrets,
    place: &str,
    key: Option<&SecretSource>,
    message: &Message,
    words: &MessageText,
) -> Result<(), Undelivered> {
    let address = secrets.read_or_take(place)?;
    let key = key.map(|source| secrets.read(source)).transpose()?;
    let body = payload(message, words).to_string();
    let headers = headers(&message.id, &body, key.as_ref())?;
    http.post(address.expose_secret(), headers, body).await
}

fn headers(id: &str, body: &str, key: Option<&SecretString>) -> Result<HeaderMap, Undelivered> {
    let sent_at = Utc::now().timestamp();
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        let value =
            HeaderValue::from_str(value).map_err(|error| Undelivered::permanent(chain(&error)))?;
        headers.insert(name, value);
        Ok(())
    };
    set(HEADER_WEBHOOK_ID, id)?;
    set(HEADER_WEBHOOK_TIMESTAMP, &sent_at.to_string())?;
    if let Some(key) = key {
        let signature = signer(key)?
            .sign(id, sent_at, body.as_bytes())
            .map_err(|error| Undelivered::permanent(chain(&error)))?;
        set(HEADER_WEBHOOK_SIGNATURE, &signature)?;
    }
    Ok(headers)
}

fn signer(key: &SecretString) -> Result<Webhook, Undelivered> {
    let key = key.expose_secret();
    let signer = if key.starts_with(ENCODED) {
        Webhook::new(key)
    } else {
        Webhook::from_bytes(key.as_bytes().to_vec())
    };
    signer.map_err(|_| Undelivered::transient("the secret begins with whsec_ and is no Base64"))
}
