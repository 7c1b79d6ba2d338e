//! An incoming webhook of Slack: one text, its subject in bold.

use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::error::Undelivered;
use crate::http::HttpClient;
use crate::message::MessageText;
use crate::secrets::Secrets;

pub(crate) async fn send(
    http: &HttpClient,
    secrets: &Secrets,
    place: &str,
    words: &MessageText,
) -> Result<(), Undelivered> {
    let address = secrets.read_or_take(place)?;
    let text = format!("*{}*\n{}", escape(&words.subject), escape(&words.text));
    let body = json!({ "text": text }).to_string();
    http.post(address.expose_secret(), HeaderMap::new(), body)
        .await
}

/// These three begin mentions and links.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
