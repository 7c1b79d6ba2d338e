//! How often may somebody try? Counted by the address of whoever is at the other end.
//!
//! Secrets are too long to be guessed; a code that is typed by hand is not, and each try costs the server work.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::peer::Peer;
use crate::problem::Problem;

/// So many tries at once.
const BURST: u32 = 30;

/// One more after so long.
const EVERY: Duration = Duration::from_secs(2);

/// So many addresses are kept before those that have not tried lately are forgotten.
const KEPT: usize = 1000;

/// Who has tried how often.
#[derive(Debug)]
pub(crate) struct Tries {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
}

impl Default for Tries {
    fn default() -> Self {
        let burst = NonZeroU32::new(BURST).unwrap_or(NonZeroU32::MIN);
        // Time passes, so there is a quota.
        let quota = Quota::with_period(EVERY).unwrap_or(Quota::per_second(burst));
        Self {
            limiter: RateLimiter::keyed(quota.allow_burst(burst)),
        }
    }
}

impl Tries {
    /// Takes note of a try.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn note(&self, peer: Peer) -> Result<(), Problem> {
        if self.limiter.len() > KEPT {
            self.limiter.retain_recent();
        }
        let taken = self.limiter.check_key(&peer.counted_as());
        taken.map_err(|_| too_often())
    }
}

/// What has a route counted; those that only look are not.
pub(crate) async fn count(
    State(tries): State<Arc<Tries>>,
    request: Request,
    next: Next,
) -> Response {
    match tries.note(Peer::of(request.extensions())) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn too_often() -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "refused",
        "this was tried too often from here",
        "the same again in a minute".to_owned(),
    )
}
