//! How do people, what proves them, and where they are signed in read?

use serde_json::Value;
use utoipa::ToSchema;

use super::{Instant, Scope};

/// A token, without what is secret.
#[derive(ToSchema)]
pub(in crate::api) struct Token {
    /// Names it to whoever revokes it.
    id: String,
    #[schema(value_type = Object)]
    owner: Value,
    created_at: Instant,
    created_by: String,
    revoked_at: Option<Instant>,
    revoked_by: Option<String>,
    scopes: Vec<Scope>,
    expires_at: Option<Instant>,
    /// To the minute.
    used_at: Option<Instant>,
}

/// Somebody who is signed in.
#[derive(ToSchema)]
pub(in crate::api) struct Session {
    /// Names it to whoever ends it; nobody can use it.
    id: String,
    /// A person, or `service:NAME`.
    person: String,
    /// `browser`, `command_line` or `ci`.
    kind: String,
    /// A program's machine or run, in its own words.
    from: Option<String>,
    begun_at: Instant,
    /// To the minute.
    seen_at: Instant,
    ends_at: Instant,
    /// It is the one that asks.
    is_this: bool,
}

/// Who asks, and what proves it.
#[derive(ToSchema)]
pub(in crate::api) struct Actor {
    name: String,
    /// A service's token, which never approves.
    service: bool,
    #[schema(value_type = Option<Object>)]
    proof: Option<Value>,
    /// What that token was made for; absent: everything its owner may.
    scopes: Option<Vec<String>>,
}
