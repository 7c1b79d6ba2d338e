//! With which keys does a CI system sign? They are found where it says so itself, and kept by their names.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::refused;
use crate::problem::Problem;
use crate::sign_in::web::{NoAnswer, Web};

/// A key that is not known has them asked for again, but not more often than this.
const AGAIN: Duration = Duration::from_mins(1);

/// They are asked for again after so long in any case: one that is not signed with any more is not believed for ever.
const KEPT: Duration = Duration::from_hours(1);

/// The keys of systems, by issuer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    keys: JwkSet,
    at: Instant,
}

/// What a system says of itself.
#[derive(Debug, Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Keys {
    /// The key of that name. Only issuers that the files name are ever asked.
    pub(super) async fn find(
        &self,
        web: &Web,
        issuer: &str,
        name: Option<&str>,
    ) -> Result<DecodingKey, Problem> {
        let name =
            name.ok_or_else(|| refused("its token does not name the key it is signed with"))?;
        let mut known = self.known.lock().await;
        let is_old = |one: &Known| {
            let age = one.at.elapsed();
            age >= KEPT || (age >= AGAIN && one.keys.find(name).is_none())
        };
        if known.get(issuer).is_none_or(is_old) {
            let keys = fetch(web, issuer)
                .await
                .map_err(|error| unreachable(issuer, &error))?;
            let at = Instant::now();
            known.insert(issuer.to_owned(), Known { keys, at });
        }
        let found = known.get(issuer).and_then(|known| known.keys.find(name));
        let key = found.and_then(|key| DecodingKey::from_jwk(key).ok());
        key.ok_or_else(|| refused("its token is signed with a key that its issuer does not have"))
    }
}

async fn fetch(web: &Web, issuer: &str) -> Result<JwkSet, NoAnswer> {
    let place = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let discovered: Discovered = web.json(&place).await?;
    if discovered.issuer != issuer {
        let text = format!("it calls itself {}", discovered.issuer);
        return Err(NoAnswer::Nonsense(text));
    }
    web.json(&discovered.jwks_uri).await
}

fn unreachable(issuer: &str, error: &NoAnswer) -> Problem {
    let cause = project::error::with_causes(error);
    tracing::warn!(
        issuer,
        error = cause,
        "the keys of a CI system cannot be read"
    );
    Problem::new(
        StatusCode::BAD_GATEWAY,
        "unreachable",
        format!("the keys of {issuer} cannot be read, so nobody is let in: {error}"),
        "the same again, once it answers".to_owned(),
    )
}
