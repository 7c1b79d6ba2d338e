//! The task that delivers letters: claims what is due, hands it to the carrier, notes what became of it, and reminds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::letter::{Letter, LetterId};
use super::store::Outbox;
use super::unanswered::unanswered;
use crate::clock;
use crate::error::{Error, with_causes};
use crate::limits::{DELIVERIES_AT_ONCE, DELIVERY_TIMEOUT, OUTBOX_LOOK, RETRY};
use crate::monitor::MonitorStore;
use crate::place::StateDir;
use crate::store::Reader;

/// How a delivery ends.
pub type Carrying<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Carries letters to the outside.
pub trait Carrier: Send + Sync + 'static {
    /// Tries once to deliver a letter. It may arrive although this fails, and is then sent again under the same id.
    fn carry<'a>(&'a self, letter: &'a Letter) -> Carrying<'a>;
}

/// Why a letter was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undelivered {
    /// Why, without anything secret.
    pub reason: String,
    /// Whether another attempt would fail in the same way.
    pub is_hopeless: bool,
}

/// Delivers the letters of a project for as long as it lives.
#[derive(Debug)]
pub struct Postman(JoinHandle<()>);

impl Postman {
    /// Begins to deliver. Several processes may; each letter is taken by one of them.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(state: &StateDir, carrier: Arc<dyn Carrier>) -> Self {
        Self(tokio::spawn(rounds(state.clone(), carrier)))
    }

    /// Delivers what is due now, and returns when all of it was tried once.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn once(state: &StateDir, carrier: Arc<dyn Carrier>) -> Result<(), Error> {
        let outbox = open(state).await?;
        round(state, outbox, &carrier).await.map(|_| ())
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A database that cannot be used is tried again; the letters wait in it.
async fn rounds(state: StateDir, carrier: Arc<dyn Carrier>) {
    let mut pause = RETRY.0;
    loop {
        match deliver_for_ever(&state, &carrier).await {
            Ok(never) => match never {},
            Err(error) => tracing::warn!(error = with_causes(&error), "no letter is delivered"),
        }
        sleep(pause).await;
        pause = (2 * pause).min(RETRY.1);
    }
}

async fn deliver_for_ever(
    state: &StateDir,
    carrier: &Arc<dyn Carrier>,
) -> Result<std::convert::Infallible, Error> {
    let mut outbox = open(state).await?;
    loop {
        outbox = round(state, outbox, carrier).await?;
        sleep(OUTBOX_LOOK).await;
    }
}

async fn open(state: &StateDir) -> Result<Outbox, Error> {
    let state = state.clone();
    blocking(move || {
        let outbox = Outbox::open_or_make(&state)?;
        outbox.forget_old(clock::wall())?;
        Ok(outbox)
    })
    .await
}

/// Until nothing is due any more.
async fn round(
    state: &StateDir,
    mut outbox: Outbox,
    carrier: &Arc<dyn Carrier>,
) -> Result<Outbox, Error> {
    loop {
        let place = state.clone();
        let (returned, claimed) = blocking(move || {
            let now = clock::wall();
            let claimed = if outbox.is_due(now)? {
                remind(&place, &mut outbox)?;
                outbox.claim(now, DELIVERIES_AT_ONCE)?
            } else {
                Vec::new()
            };
            Ok((outbox, claimed))
        })
        .await?;
        outbox = returned;
        if claimed.is_empty() {
            return Ok(outbox);
        }
        let tried = deliver(carrier, claimed).await;
        outbox = blocking(move || {
            tried
                .iter()
                .try_for_each(|attempt| note(&outbox, attempt))?;
            Ok(outbox)
        })
        .await?;
    }
}

/// One attempt and how it ended.
type Attempt = (LetterId, u32, Result<(), Undelivered>);

async fn deliver(carrier: &Arc<dyn Carrier>, claimed: Vec<(Letter, u32)>) -> Vec<Attempt> {
    let mut under_way = JoinSet::new();
    for (letter, attempts) in claimed {
        let carrier = Arc::clone(carrier);
        under_way.spawn(async move {
            let tried = timeout(DELIVERY_TIMEOUT, carrier.carry(&letter)).await;
            let ended = tried.unwrap_or_else(|_| Err(late(DELIVERY_TIMEOUT)));
            (letter.id, attempts, ended)
        });
    }
    // A carrier that panics leaves its letter claimed; it is due again when the claim is over.
    let mut tried = Vec::new();
    while let Some(joined) = under_way.join_next().await {
        tried.extend(joined);
    }
    tried
}

fn late(limit: Duration) -> Undelivered {
    Undelivered {
        reason: format!("no answer within {} s", limit.as_secs()),
        is_hopeless: false,
    }
}

fn note(outbox: &Outbox, (id, attempts, ended): &Attempt) -> Result<(), Error> {
    let now = clock::wall();
    let Err(undelivered) = ended else {
        return outbox.delivered(id, now);
    };
    let reason = &undelivered.reason;
    let next = outbox.undelivered(id, *attempts, reason, undelivered.is_hopeless, now)?;
    if next.is_none() {
        tracing::error!(letter = %id, reason, "a notification is given up; `tranche notifications resend` sends it again");
    }
    Ok(())
}

/// Says again what nobody has answered.
fn remind(state: &StateDir, outbox: &mut Outbox) -> Result<(), Error> {
    let due = outbox.to_remind(clock::wall())?;
    if due.is_empty() {
        return Ok(());
    }
    let product = Reader::open(state)?.product()?;
    let alerts = MonitorStore::look(state)?;
    for letter in due {
        let is_open = |id| alerts.as_ref().is_some_and(|alerts| alerts.is_open(id));
        let about = unanswered(&letter, &product, is_open);
        let again = (!about.is_empty()).then(|| again(&letter, about));
        outbox.remind(&letter.id, again.as_ref())?;
    }
    Ok(())
}

fn again(letter: &Letter, about: Vec<serde_json::Value>) -> Letter {
    let reminder = letter.reminder + 1;
    let first = letter.id.0.split("-r").next().unwrap_or_default();
    Letter {
        id: LetterId(format!("{first}-r{reminder}")),
        at: clock::wall(),
        about,
        reminder,
        ..letter.clone()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => Err(Error::Bug {
            message: failed.to_string(),
        }),
    }
}
