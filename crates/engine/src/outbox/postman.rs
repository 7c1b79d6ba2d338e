//! The task that delivers letters: claims what is due, hands it to the carrier, notes what became of it, and reminds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::lanes::{Lane, Lanes};
use super::letter::{Letter, LetterId};
use super::retry;
use super::store::{Claimed, Outbox};
use super::unanswered::{Alerts, unanswered};
use crate::clock;
use crate::error::{Error, with_causes};
use crate::limits::{DELIVERY_TIMEOUT, OUTBOX_LOOK, RETRY};
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
    /// How long whoever was told asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Delivers the letters of a project for as long as it lives.
#[derive(Debug)]
pub struct Postman(JoinHandle<()>);

impl Postman {
    /// Begins to deliver. Several processes may; each letter is taken by one of them.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(state: &StateDir, carrier: Arc<dyn Carrier>, alerts: Arc<dyn Alerts>) -> Self {
        Self(tokio::spawn(rounds(state.clone(), carrier, alerts)))
    }

    /// Delivers what is due now, and returns when all of it was tried once.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn once(
        state: &StateDir,
        carrier: Arc<dyn Carrier>,
        alerts: Arc<dyn Alerts>,
    ) -> Result<(), Error> {
        let mut round = Round::open(state, &carrier, &alerts).await?;
        loop {
            round.begin_due().await?;
            match round.under_way.join_next_with_id().await {
                Some(ended) => round.note(ended).await?,
                None => return Ok(()),
            }
        }
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A database that cannot be used is tried again; the letters wait in it.
async fn rounds(state: StateDir, carrier: Arc<dyn Carrier>, alerts: Arc<dyn Alerts>) {
    let mut pause = RETRY.0;
    loop {
        match deliver_for_ever(&state, &carrier, &alerts).await {
            Ok(never) => match never {},
            Err(error) => tracing::warn!(error = with_causes(&error), "no letter is delivered"),
        }
        sleep(pause).await;
        pause = (2 * pause).min(RETRY.1);
    }
}

/// Whatever ends is noted at once, and makes room for what waits; nothing waits for what others take their time over.
async fn deliver_for_ever(
    state: &StateDir,
    carrier: &Arc<dyn Carrier>,
    alerts: &Arc<dyn Alerts>,
) -> Result<Infallible, Error> {
    let mut round = Round::open(state, carrier, alerts).await?;
    loop {
        round.begin_due().await?;
        tokio::select! {
            Some(ended) = round.under_way.join_next_with_id() => round.note(ended).await?,
            () = sleep(OUTBOX_LOOK) => {}
        }
    }
}

/// One attempt and how it ended.
struct Attempt {
    id: LetterId,
    attempts: u32,
    ended: Result<(), Undelivered>,
}

/// The letters under way.
struct Round {
    state: StateDir,
    carrier: Arc<dyn Carrier>,
    alerts: Arc<dyn Alerts>,
    outbox: Arc<Mutex<Outbox>>,
    lanes: Lanes,
    under_way: JoinSet<Attempt>,
    ways: HashMap<task::Id, Lane>,
}

impl Round {
    async fn open(
        state: &StateDir,
        carrier: &Arc<dyn Carrier>,
        alerts: &Arc<dyn Alerts>,
    ) -> Result<Self, Error> {
        let place = state.clone();
        let outbox = blocking(move || {
            let outbox = Outbox::open_or_make(&place)?;
            outbox.forget_old(clock::wall())?;
            Ok(outbox)
        });
        Ok(Self {
            state: state.clone(),
            carrier: Arc::clone(carrier),
            alerts: Arc::clone(alerts),
            outbox: Arc::new(Mutex::new(outbox.await?)),
            lanes: Lanes::default(),
            under_way: JoinSet::new(),
            ways: HashMap::new(),
        })
    }

    /// Sends off everything that is due and whose way is free.
    async fn begin_due(&mut self) -> Result<(), Error> {
        let (state, alerts) = (self.state.clone(), Arc::clone(&self.alerts));
        let mut lanes = mem::take(&mut self.lanes);
        let work = self.with_outbox(move |outbox| {
            let now = clock::wall();
            let mut claimed = Vec::new();
            if lanes.have_room() && outbox.is_due(now)? {
                remind(&state, outbox, &*alerts)?;
                claimed = outbox.claim(now, &mut lanes)?;
            }
            Ok((lanes, claimed))
        });
        let (lanes, claimed) = work.await?;
        self.lanes = lanes;
        for one in claimed {
            self.send_off(one);
        }
        Ok(())
    }

    fn send_off(&mut self, claimed: Claimed) {
        let carrier = Arc::clone(&self.carrier);
        let Claimed {
            letter,
            attempts,
            lane,
        } = claimed;
        let task = self.under_way.spawn(async move {
            let tried = timeout(DELIVERY_TIMEOUT, carrier.carry(&letter)).await;
            let ended = tried.unwrap_or_else(|_| Err(late(DELIVERY_TIMEOUT)));
            let id = letter.id;
            Attempt {
                id,
                attempts,
                ended,
            }
        });
        self.ways.insert(task.id(), lane);
    }

    async fn note(&mut self, ended: Result<(task::Id, Attempt), JoinError>) -> Result<(), Error> {
        let (task, attempt) = match ended {
            Ok((task, attempt)) => (task, Some(attempt)),
            // A carrier that panics leaves its letter claimed; it is due again when the claim is over.
            Err(panicked) => (panicked.id(), None),
        };
        let wait = attempt.as_ref().and_then(Attempt::retry_after);
        let rest_until = wait.map(|wait| clock::wall() + retry::believed(wait));
        if let Some(lane) = self.ways.remove(&task) {
            self.lanes.leave(&lane, rest_until);
        }
        match attempt {
            Some(attempt) => self.with_outbox(move |outbox| note(outbox, &attempt)).await,
            None => Ok(()),
        }
    }

    async fn with_outbox<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Outbox) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let outbox = Arc::clone(&self.outbox);
        blocking(move || work(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

impl Attempt {
    fn retry_after(&self) -> Option<Duration> {
        self.ended.as_ref().err()?.retry_after
    }
}

fn late(limit: Duration) -> Undelivered {
    Undelivered {
        reason: format!("no answer within {} s", limit.as_secs()),
        is_hopeless: false,
        retry_after: None,
    }
}

fn note(outbox: &Outbox, attempt: &Attempt) -> Result<(), Error> {
    let (id, now) = (&attempt.id, clock::wall());
    let Err(undelivered) = &attempt.ended else {
        return outbox.delivered(id, now);
    };
    let next = outbox.undelivered(id, attempt.attempts, undelivered, now)?;
    if next.is_none() {
        let reason = &undelivered.reason;
        tracing::error!(letter = %id, reason, "a notification is given up; `tranche notifications resend` sends it again");
    }
    Ok(())
}

/// Says again what nobody has answered.
fn remind(state: &StateDir, outbox: &mut Outbox, alerts: &dyn Alerts) -> Result<(), Error> {
    let due = outbox.to_remind(clock::wall())?;
    if due.is_empty() {
        return Ok(());
    }
    let product = Reader::open(state)?.product()?;
    for letter in due {
        let about = unanswered(&letter, &product, alerts);
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
