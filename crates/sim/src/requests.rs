//! What is asked of Render, and in which words: operations, calls, refusals, rate limits, and the log of what arrived.
//!
//! Everything else in this crate speaks of requests in these types; nothing in here knows what Render does about them.

mod call;
mod limits;
mod log;
mod query;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::DeployId;

pub use call::{Call, Op};
pub use limits::Allowance;
pub(crate) use limits::Limiter;
pub use log::{Request, RequestLog};
pub use query::Bounds;
pub(crate) use query::Query;

/// A request as it arrives.
#[derive(Clone, Debug, Default)]
pub struct ApiRequest {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The path below `/v1`, as sent.
    pub path: String,
    /// What follows the question mark, as sent.
    pub query: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
    /// The body; empty: none.
    pub body: Vec<u8>,
}

impl ApiRequest {
    /// A request with a key and perhaps a JSON body.
    pub fn new(method: &str, target: &str, key: &str, body: Option<&Value>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: Some(format!("Bearer {key}")),
            body: body.map_or_else(Vec::new, |body| body.to_string().into_bytes()),
        }
    }
}

/// Render's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {message}")]
pub struct ApiError {
    /// The status.
    pub status: u16,
    /// The message.
    pub message: String,
    /// Seconds to wait, with 429.
    pub retry_after: Option<u32>,
}

impl ApiError {
    /// A refusal with a status and a message.
    pub fn new(status: u16, message: &str) -> Self {
        Self {
            status,
            message: message.to_owned(),
            retry_after: None,
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(404, &format!("not found: {what}"))
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, message)
    }

    pub(crate) fn rate_limited(retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, "rate limit exceeded")
        }
    }
}

/// What came of an operation, and what the request log wants to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Done<T> {
    pub(crate) status: u16,
    pub(crate) value: T,
    /// The deploy it created.
    pub(crate) deploy: Option<DeployId>,
}

impl<T> Done<T> {
    pub(crate) fn new(status: u16, value: T) -> Self {
        Self {
            status,
            value,
            deploy: None,
        }
    }
}
