//! What Render says by itself: who lets it in, and who is woken by it (P52).
//!
//! A [`Receiver`] stands behind one path of a server. It is made before there is an engine, and given to
//! [`engine_host::start_with_hints`](crate::engine_host::start_with_hints); from then on a webhook is kept at Render, its
//! secret is known here, and what Render signs wakes whoever follows the deploy. The secret is read from Render whenever an
//! engine begins and stands in no file. Without any of this nothing is lost but seconds.

mod keeper;
mod registration;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::Config;
use policy::network::is_on_this_machine;
use policy::settings::RenderSettings;
pub use render::HeaderMap;
use render::executor::Hints;
use render::{WebhookRejected, WebhookVerifier};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::Error;
use crate::now;

pub(crate) use self::keeper::keep;
pub use self::registration::{Registered, registered, remove};

/// Where Render's messages are taken in. Cheap to clone.
///
/// ```
/// use project::hints::{HeaderMap, Receiver, Refused};
///
/// # fn example(render: &policy::settings::RenderSettings) -> Result<(), project::Error> {
/// let receiver = Receiver::at("https://releases.acme.example", render)?;
/// assert_eq!(receiver.url(), "https://releases.acme.example/render/webhook");
/// // Behind the route POST Receiver::PATH, with no more than Receiver::LONGEST bytes read of the body:
/// let refused = receiver.take(&HeaderMap::new(), b"{}").unwrap_err();
/// assert_eq!((refused, refused.status()), (Refused::NotReady, 503));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Receiver(Arc<Shared>);

struct Shared {
    url: String,
    gate: Mutex<Gate>,
}

/// Who is let in, and whom that wakes.
#[derive(Default)]
struct Gate {
    known: Option<(SecretString, WebhookVerifier)>,
    hints: Hints,
}

/// Why a message leads to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody knows yet what Render signs with.
    #[error("no webhook of Render is known yet")]
    NotReady,
    /// It is not let in.
    #[error(transparent)]
    Rejected(#[from] WebhookRejected),
}

impl Refused {
    /// The status to answer with. What Render itself sent is taken, even if it leads to nothing: it would only be sent again.
    pub fn status(self) -> u16 {
        match self {
            Self::NotReady => 503,
            Self::Rejected(why) if why.is_of_render() => 204,
            Self::Rejected(WebhookRejected::TooMuch) => 413,
            Self::Rejected(_) => 401,
        }
    }
}

impl Receiver {
    /// The path on which the server takes messages in, by POST, from anybody: who sent one is said by its signature.
    pub const PATH: &'static str = "/render/webhook";

    /// No message is longer, in bytes: a server reads no more of it.
    pub const LONGEST: usize = WebhookVerifier::LONGEST;

    /// One behind the public address of a server, such as `https://releases.acme.example`.
    ///
    /// # Errors
    /// [`Error::NotPublic`] if Render cannot send to it: it sends over TLS, and not to this machine unless it is simulated here.
    pub fn at(server: &str, render: &RenderSettings) -> Result<Self, Error> {
        let url = format!("{}{}", server.trim_end_matches('/'), Self::PATH);
        let is_public = url.starts_with("https://") && !is_on_this_machine(&url);
        if !is_public && !is_on_this_machine(&render.url) {
            return Err(Error::NotPublic(url));
        }
        let gate = Mutex::default();
        Ok(Self(Arc::new(Shared { url, gate })))
    }

    /// The same if the files want one (`render.webhooks`), or whoever serves the project has asked for it.
    ///
    /// # Errors
    /// As [`Receiver::at`].
    pub fn wanted(config: &Config, asked: bool, server: &str) -> Result<Option<Self>, Error> {
        let is_wanted = asked || config.webhooks;
        let receiver = is_wanted.then(|| Self::at(server, &config.project.render));
        receiver.transpose()
    }

    /// Where Render sends.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Takes a message in as it came: if Render signed it, a moment ago, and it is new, whoever follows a deploy of its service
    /// looks at once. Never waits.
    ///
    /// # Errors
    /// It is not let in; [`Refused::status`] says how to answer. Whoever sent it is told no more than that.
    pub fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let mut gate = self.gate();
        let (_, verifier) = gate.known.as_mut().ok_or(Refused::NotReady)?;
        let admitted = verifier.admit(headers, body, now());
        let hint = admitted.inspect_err(|why| tracing::debug!(%why, "a webhook was refused"))?;
        gate.hints.tell(&hint);
        Ok(())
    }

    /// Whether ends of deploys come with hints at present.
    pub fn are_arriving(&self) -> bool {
        self.gate().hints.are_arriving()
    }

    /// Wakes those who follow deploys for this engine from now on.
    pub(crate) fn wake(&self, hints: Hints) {
        self.gate().hints = hints;
    }

    /// Lets in what is signed with this secret. What was let in before is remembered for as long as it is the same one.
    fn trust(&self, secret: SecretString) -> Result<(), Error> {
        let mut gate = self.gate();
        let known = gate.known.as_ref();
        if known.is_some_and(|(known, _)| known.expose_secret() == secret.expose_secret()) {
            return Ok(());
        }
        let verifier = WebhookVerifier::new(&secret)?;
        gate.known = Some((secret, verifier));
        Ok(())
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.0.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("url", &self.0.url)
            .finish_non_exhaustive()
    }
}
