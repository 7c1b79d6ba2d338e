//! How a request reaches Render and comes back: paced, bounded, redacted, repeated only where that is harmless.

mod answer;
mod socket;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Repeat};
use crate::error::{Error, Result, Sent};
use crate::limit::{Limiter, OnBehalfOf, Permit, Priority, Waits, server_date};
use crate::settings::{Settings, is_local};

pub(crate) use answer::{Reply, read_up_to};
use answer::{failure, success};
pub(crate) use socket::Socket;

/// A connection must stand after this part of the time limit, so that running out of time while connecting is told from
/// running out of time after the request left.
const CONNECT_PART: u32 = 3;

/// An idle connection is dropped before the usual proxy closes it under a request of ours.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// First and longest pause between attempts.
const BACKOFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(15)];

/// Render's API. Clones share connections, budgets and the server's clock; make one client a key.
///
/// ```no_run
/// # async fn example() -> render::Result<()> {
/// use render::{Client, Settings, key_from_env};
///
/// let client = Client::new(&Settings::new(key_from_env()?))?;
/// println!("{} is connected", client.user().await?.email);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    priority: Priority,
    whose: Option<Arc<OnBehalfOf>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    base: Url,
    key: RwLock<Key>,
    timeout: Duration,
    max_retries: usize,
    limiter: Limiter,
    server_time: watch::Sender<Option<ServerTime>>,
}

/// The key, and the header that carries it.
#[derive(Clone, Debug)]
struct Key {
    secret: SecretString,
    header: HeaderValue,
}

/// What Render's clock said, and when that arrived here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerTime {
    /// `Date` of a reply; whole seconds.
    pub at: DateTime<Utc>,
    /// When it arrived, by the monotonic clock.
    pub received_at: Instant,
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Self> {
        let base = settings.origin()?;
        let shared = Shared {
            http: http(settings, &base)?,
            base,
            key: RwLock::new(Key::new(&settings.api_key)?),
            timeout: settings.timeout,
            max_retries: settings.max_retries,
            limiter: Limiter::new(settings.startup_spread),
            server_time: watch::Sender::new(None),
        };
        Ok(Self {
            shared: Arc::new(shared),
            priority: Priority::Normal,
            whose: None,
            stop: CancellationToken::new(),
        })
    }

    /// How long an answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.shared.timeout
    }

    /// The same client with another claim on the budget that is kept for rollbacks.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self {
            priority,
            ..self.clone()
        }
    }

    /// The same client, whose waits for Render's limits are this customer's.
    pub(crate) fn on_behalf_of(&self, whose: OnBehalfOf) -> Self {
        Self {
            whose: Some(Arc::new(whose)),
            ..self.clone()
        }
    }

    /// The same client, which sends nothing more once this is cancelled. What has left by then is waited for.
    pub(crate) fn with_stop(&self, stop: CancellationToken) -> Self {
        Self {
            stop,
            ..self.clone()
        }
    }

    /// Waits for something else than an answer; `None` if nothing more is to be sent.
    pub(crate) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        // A future that is ready at once must not outrun the wish to stop.
        if self.stop.is_cancelled() {
            return None;
        }
        self.stop.run_until_cancelled(wait).await
    }

    /// Goes on with another key, in every clone: the old one was rotated (P46).
    ///
    /// # Errors
    /// When it holds characters that no key has.
    pub fn set_key(&self, key: &SecretString) -> Result<()> {
        let key = Key::new(key)?;
        *self
            .shared
            .key
            .write()
            .unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    /// The key, to be kept out of what others print.
    pub(crate) fn secret(&self) -> SecretString {
        self.key().secret
    }

    /// Whether its origin is this machine, as a simulated Render's is.
    pub fn is_local(&self) -> bool {
        is_local(&self.shared.base)
    }

    /// What Render's clock said in the newest reply, for the check of our own (P25).
    pub fn last_server_time(&self) -> Option<ServerTime> {
        *self.shared.server_time.borrow()
    }

    /// Tells of every `Date` that arrives; slow readers see the newest.
    pub fn server_times(&self) -> watch::Receiver<Option<ServerTime>> {
        self.shared.server_time.subscribe()
    }

    /// Which requests of this client and its clones wait for Render's limits, and every change of that.
    pub fn waits(&self) -> watch::Receiver<Waits> {
        self.shared.limiter.waits()
    }

    /// Waits until a call may be sent.
    pub(crate) async fn permit(&self, call: &Call) -> Result<Permit<'_>> {
        let whose = self.whose.as_deref();
        let permit = (self.shared.limiter).permit(&call.class, self.priority, whose);
        let stopped = || Error::Stopped { call: call.name() };
        self.unless_stopped(permit).await.ok_or_else(stopped)
    }

    /// Whether at least half of the budget for reads is left, so that figures that are merely nice to have may be read.
    pub fn has_spare_reads(&self) -> bool {
        self.shared.limiter.has_spare_reads()
    }

    /// Sends a call, again if that is harmless, and returns a successful answer.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply> {
        let url = call.url(&self.shared.base)?;
        let backoff = ExponentialBuilder::default()
            .with_min_delay(BACKOFF[0])
            .with_max_delay(BACKOFF[1])
            .with_max_times(self.shared.max_retries)
            .with_jitter();
        (|| self.attempt(&call, &url))
            .retry(backoff)
            .sleep(self.sleeper())
            .when(|error| may_repeat(call.repeat, error))
            .adjust(|error, pause| pause.map(|pause| pause_after(error, pause)))
            .notify(|error, pause| tracing::warn!(%error, ?pause, "trying again"))
            .await
    }

    /// Sends a call and reads the JSON it answers with.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        self.send(call).await?.json()
    }

    /// The same; `None` if what is asked for does not exist.
    pub(crate) async fn json_if_any<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>> {
        match self.json(call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a call whose answer says nothing beyond success.
    pub(crate) async fn done(&self, call: Call) -> Result<()> {
        self.send(call).await.map(drop)
    }

    async fn attempt(&self, call: &Call, url: &Url) -> Result<Reply> {
        let mut permit = self.permit(call).await?;
        let key = self.key();
        let response = self
            .request(call, url, &key)
            .send()
            .await
            .map_err(|error| Error::transport(call.name(), error))?;
        permit.learn(response.status(), response.headers());
        self.note_time(response.headers());
        let reply = if response.status().is_success() {
            success(call, response).await
        } else {
            Err(failure(call, response, key.secret).await)
        };
        match &reply {
            Ok(reply) => tracing::debug!(
                call = reply.call,
                status = reply.status.as_u16(),
                "Render answered"
            ),
            Err(error) => tracing::debug!(%error, "Render did not do it"),
        }
        reply
    }

    /// Pauses between attempts end when nothing more is to be sent.
    fn sleeper(&self) -> impl backon::Sleeper<Sleep: Send> + use<> {
        let stop = self.stop.clone();
        move |pause| {
            let stop = stop.clone();
            async move { stop.run_until_cancelled(sleep(pause)).await.unwrap_or(()) }
        }
    }

    fn key(&self) -> Key {
        let key = self.shared.key.read();
        key.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn request(&self, call: &Call, url: &Url, key: &Key) -> reqwest::RequestBuilder {
        let request = self
            .shared
            .http
            .request(call.method.clone(), url.clone())
            .header(AUTHORIZATION, key.header.clone())
            .header(ACCEPT, "application/json");
        match call.body_text() {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body),
            None => request,
        }
    }

    fn note_time(&self, headers: &HeaderMap) {
        if let Some(at) = server_date(headers) {
            self.shared.server_time.send_replace(Some(ServerTime {
                at,
                received_at: Instant::now(),
            }));
        }
    }
}

impl Key {
    fn new(key: &SecretString) -> Result<Self> {
        let header = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
        let mut header = header.map_err(|_| {
            Error::Settings("the API key holds characters that no key has".to_owned())
        })?;
        header.set_sensitive(true);
        Ok(Self {
            secret: key.clone(),
            header,
        })
    }
}

fn http(settings: &Settings, base: &Url) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .timeout(settings.timeout)
        .connect_timeout(settings.timeout / CONNECT_PART)
        .pool_idle_timeout(IDLE_CONNECTION)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never());
    // A proxy would read the key of a request that is not encrypted.
    let builder = if base.scheme() == "http" {
        builder.no_proxy()
    } else {
        builder
    };
    builder
        .build()
        .map_err(|error| Error::Settings(error.without_url().to_string()))
}

/// After a 429 it is the limiter that waits, and tells of it.
fn pause_after(error: &Error, pause: Duration) -> Duration {
    match error.is_rate_limit() {
        true => Duration::ZERO,
        false => pause.max(error.retry_after().unwrap_or_default()),
    }
}

fn may_repeat(repeat: Repeat, error: &Error) -> bool {
    match repeat {
        Repeat::Harmless => error.is_transient(),
        Repeat::OnlyIfNotSent => {
            error.is_transient() && (error.sent() == Sent::NotSent || error.is_rate_limit())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_not_show_its_key() {
        let client =
            Client::new(&Settings::new("rnd_secret".into())).map(|client| format!("{client:?}"));
        assert!(client.is_ok_and(|shown| !shown.contains("rnd_secret")));
    }
}
