//! What an answer says: success with a body, or a failure with a message, both bounded and without secrets.

use policy::redact::Cut;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::Call;
use crate::error::{ApiError, Error, Result, Unreadable};
use crate::limit::retry_after;
use crate::redact::Redactor;
use crate::wire;

/// Longest answer that is read, after decompression.
const MAX_REPLY: usize = 16 << 20;

/// Longest error answer that is read.
const MAX_ERROR: usize = 64 << 10;

/// Longest message and longest data of an [`ApiError`].
const MAX_MESSAGE: usize = 500;
const MAX_DATA: usize = 8 << 10;

/// A successful answer: its status, and its body as it came.
pub(crate) struct Reply {
    pub(crate) call: String,
    pub(crate) status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        wire::parse(&self.body).map_err(|source| self.unreadable(source))
    }

    pub(crate) fn unreadable(&self, source: Unreadable) -> Error {
        Error::Unreadable {
            call: self.call.clone(),
            source,
        }
    }
}

/// Reads a successful answer.
pub(super) async fn success(call: &Call, response: Response) -> Result<Reply> {
    let status = response.status();
    let body = read_up_to(response, MAX_REPLY).await;
    let body = body.map_err(|source| Error::Lost {
        call: call.name(),
        source: source.without_url(),
    })?;
    let reply = Reply {
        call: call.name(),
        status,
        body: body.bytes,
    };
    if body.cut {
        Err(reply.unreadable(Unreadable::TooLong { limit: MAX_REPLY }))
    } else {
        Ok(reply)
    }
}

/// Reads an answer that is not success.
pub(super) async fn failure(call: &Call, response: Response, key: SecretString) -> Error {
    let status = response.status();
    let headers = response.headers().clone();
    // A refusal whose body is lost is still a refusal.
    let body = read_up_to(response, MAX_ERROR).await.unwrap_or_default();
    refusal(call, status, &headers, &body, key)
}

/// An answer that is not success, once it has been read.
pub(super) fn refusal(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Body,
    key: SecretString,
) -> Error {
    let redactor = Redactor::new(call.secrets.iter().cloned().chain([key]));
    let error = api_error(status, headers, body, &redactor);
    Error::Api {
        call: call.name(),
        error: Box::new(error),
    }
}

#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) cut: bool,
}

impl Body {
    /// Where it is not whole.
    fn ends(&self) -> Cut {
        Cut {
            before: false,
            after: self.cut,
        }
    }
}

/// Reads a body, and no more of it than the limit.
pub(crate) async fn read_up_to(mut response: Response, limit: usize) -> reqwest::Result<Body> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(Body { bytes, cut: true });
        }
    }
    Ok(Body { bytes, cut: false })
}

fn api_error(
    status: StatusCode,
    headers: &HeaderMap,
    body: &Body,
    redactor: &Redactor,
) -> ApiError {
    let data: Option<Value> = serde_json::from_slice(&body.bytes).ok();
    let said = data.as_ref().and_then(|data| data.get("message")?.as_str());
    let message = match said {
        Some(said) => redactor.line(said, Cut::default(), MAX_MESSAGE),
        None => redactor.line(
            &String::from_utf8_lossy(&body.bytes),
            body.ends(),
            MAX_MESSAGE,
        ),
    };
    let data = data.map(|data| redactor.json(data));
    let request_id = headers
        .get("render-request-id")
        .and_then(|id| id.to_str().ok());
    ApiError {
        status: status.as_u16(),
        message: message.unwrap_or_else(|| reason(status)),
        request_id: request_id.map(|id| id.chars().take(MAX_MESSAGE).collect()),
        data: data.filter(|data| data.to_string().len() <= MAX_DATA),
        retry_after: retry_after(headers),
    }
}

fn reason(status: StatusCode) -> String {
    if status.is_redirection() {
        return "a redirect, which is never followed with the API key".to_owned();
    }
    status.canonical_reason().unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> ApiError {
        let redactor = Redactor::new(["hunter2".into()]);
        api_error(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            &Body {
                bytes: body.as_bytes().to_vec(),
                cut: false,
            },
            &redactor,
        )
    }

    #[test]
    fn the_message_comes_from_json_from_text_or_from_the_status() {
        assert_eq!(
            error(r#"{"message":"not found: srv-1"}"#).message,
            "not found: srv-1"
        );
        assert_eq!(
            error("<h1>\n bad\u{1b} gateway</h1>").message,
            "<h1> bad gateway</h1>"
        );
        assert_eq!(error("").message, "Bad Request");
    }

    #[test]
    fn a_message_is_redacted_before_it_is_cut() {
        let long = format!("{}hunter2", "x".repeat(MAX_MESSAGE - 3));
        let message = error(&long).message;
        assert!(!message.contains("hun"), "{message}");
        assert_eq!(message.len(), MAX_MESSAGE);
    }

    #[test]
    fn data_that_is_too_long_is_left_out() {
        let body = format!(r#"{{"message":"no","rest":"{}"}}"#, "x".repeat(MAX_DATA));
        assert_eq!(error(&body).data, None);
        assert_eq!(error(&body).message, "no");
    }
}
