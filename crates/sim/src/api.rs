//! Render's public API over the platform: from a request to a reply, without a socket.

mod logs;
mod metrics;
mod page;
mod perform;
mod view;

use serde_json::{Value, json};

use crate::ids::Timestamp;
use crate::network_faults::{Exchange, ReplyCondition};
use crate::platform::Platform;
use crate::requests::Call;

pub use crate::requests::{ApiError, ApiRequest, Op};

/// A reply as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReply {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; absent: none, and no content type either.
    pub body: Option<String>,
}

impl ApiReply {
    /// A reply with a JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body.to_string()),
        }
    }

    /// A reply without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` without one.
    pub fn value(&self) -> Value {
        let body = self.body.as_deref().unwrap_or("null");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reply.
    Reply(ApiReply),
    /// A reply, but late.
    Late(ApiReply, policy::Span),
    /// The connection ends without a reply.
    Dropped,
    /// The connection is reset.
    Reset,
}

impl Platform {
    /// Answers a request as Render would, or as the faults that are armed have it.
    pub fn handle(&mut self, now: Timestamp, request: &ApiRequest) -> Answer {
        let now = self.advance(now);
        let call = Call::parse(request);
        let key = request.authorization.as_deref().and_then(bearer);
        let exchange = self.exchange(now, &call, |platform, fault| {
            platform.admit(now, key, &call)?;
            perform::perform(platform, now, &call, fault)
        });
        match exchange {
            Exchange::Nothing { reset: true } => Answer::Reset,
            Exchange::Nothing { reset: false }
            | Exchange::NeverSent
            | Exchange::Unreachable { .. } => Answer::Dropped,
            Exchange::Reply { outcome, condition } => {
                let reply = outcome.unwrap_or_else(|error| refused(&error));
                let reply = self.with_headers(now, reply, key, &call);
                deliver(reply, condition)
            }
        }
    }

    /// Lets a request that its client gave up have its effect.
    pub(crate) fn arrive(&mut self, at: Timestamp, call: &Call) {
        // The answer is on record; nobody waits for it.
        let _unheard = self.record_effect(at, call, |platform| {
            perform::perform(platform, at, call, None)
        });
    }

    /// Authentication and rate limits.
    fn admit(&mut self, now: Timestamp, key: Option<&str>, call: &Call) -> Result<(), ApiError> {
        let known = key.filter(|key| self.settings().api_keys.iter().any(|known| known == key));
        let Some(key) = known else {
            return Err(ApiError::new(401, "unauthorized"));
        };
        let class = call.class(&self.settings().assumptions);
        let limits = self.settings().limits;
        let allowance = self.limiter.spend(now, key, &class, &limits);
        if allowance.granted {
            return Ok(());
        }
        Err(ApiError::rate_limited(allowance.reset))
    }

    /// Adds what every reply carries.
    fn with_headers(
        &mut self,
        now: Timestamp,
        mut reply: ApiReply,
        key: Option<&str>,
        call: &Call,
    ) -> ApiReply {
        let class = call.class(&self.settings().assumptions);
        let limits = self.settings().limits;
        let allowance = self
            .limiter
            .look(now, key.unwrap_or_default(), &class, &limits);
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        reply.headers.extend([
            ("Ratelimit-Limit", allowance.limit.to_string()),
            ("Ratelimit-Remaining", allowance.remaining.to_string()),
            ("Ratelimit-Reset", allowance.reset.to_string()),
            ("Render-Request-Id", self.request_id(now)),
            ("Date", date),
        ]);
        if reply.body.is_some() {
            reply
                .headers
                .push(("Content-Type", "application/json; charset=utf-8".to_owned()));
        }
        reply
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    authorization.strip_prefix("Bearer ").map(str::trim)
}

fn refused(error: &ApiError) -> ApiReply {
    let mut reply = ApiReply::json(error.status, &json!({ "message": error.message }));
    let wait = error.retry_after.map(|s| ("Retry-After", s.to_string()));
    reply.headers.extend(wait);
    reply
}

fn deliver(mut reply: ApiReply, condition: ReplyCondition) -> Answer {
    match condition {
        ReplyCondition::Whole => Answer::Reply(reply),
        ReplyCondition::Late(by) => Answer::Late(reply, by),
        ReplyCondition::Malformed => {
            reply.body = Some("{\"id\": \"dep-".to_owned());
            Answer::Reply(reply)
        }
        ReplyCondition::Huge(bytes) => {
            reply.body = Some(format!("[\"{}\"]", "x".repeat(bytes)));
            Answer::Reply(reply)
        }
    }
}
