//! The task that delivers notifications: claims what is due, hands it to the transport, notes what became of it, and reminds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::destinations::{Destination, Destinations};
use super::notification::{Notification, NotificationId};
use super::retry;
use super::table::{Claimed, Outbox};
use super::transport::{Transport, Undelivered};
use super::unanswered::{Alerts, unanswered};
use crate::error::{Error, with_causes};
use crate::limits::{DELIVERY_TIMEOUT, OUTBOX_LOOK, RETRY};
use crate::process::clock;
use crate::process::state_dir::StateDir;
use crate::store::Reader;

/// Delivers the notifications of a project for as long as it lives.
#[derive(Debug)]
pub struct OutboxWorker(JoinHandle<()>);

impl OutboxWorker {
    /// Begins to deliver. Several processes may; each notification is taken by one of them.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(state: &StateDir, transport: Arc<dyn Transport>, alerts: Arc<dyn Alerts>) -> Self {
        Self(tokio::spawn(deliver_always(
            state.clone(),
            transport,
            alerts,
        )))
    }

    /// Delivers what is due now, and returns when all of it was tried once.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn once(
        state: &StateDir,
        transport: Arc<dyn Transport>,
        alerts: Arc<dyn Alerts>,
    ) -> Result<(), Error> {
        let mut deliveries = Deliveries::open(state, &transport, &alerts).await?;
        loop {
            deliveries.begin_due().await?;
            match deliveries.under_way.join_next_with_id().await {
                Some(ended) => deliveries.note(ended).await?,
                None => return Ok(()),
            }
        }
    }
}

impl Drop for OutboxWorker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A database that cannot be used is tried again; the notifications wait in it.
async fn deliver_always(state: StateDir, transport: Arc<dyn Transport>, alerts: Arc<dyn Alerts>) {
    let mut pause = RETRY.0;
    loop {
        match deliver_until_failure(&state, &transport, &alerts).await {
            Ok(never) => match never {},
            Err(error) => tracing::warn!(error = with_causes(&error), "no letter is delivered"),
        }
        sleep(pause).await;
        pause = (2 * pause).min(RETRY.1);
    }
}

/// Whatever ends is noted at once, and makes room for what waits; nothing waits for what others take their time over.
async fn deliver_until_failure(
    state: &StateDir,
    transport: &Arc<dyn Transport>,
    alerts: &Arc<dyn Alerts>,
) -> Result<Infallible, Error> {
    let mut deliveries = Deliveries::open(state, transport, alerts).await?;
    loop {
        deliveries.begin_due().await?;
        tokio::select! {
            Some(ended) = deliveries.under_way.join_next_with_id() => deliveries.note(ended).await?,
            () = sleep(OUTBOX_LOOK) => {}
        }
    }
}

/// One attempt and how it ended.
struct Attempt {
    id: NotificationId,
    attempts: u32,
    ended: Result<(), Undelivered>,
}

/// The notifications under way.
struct Deliveries {
    state: StateDir,
    transport: Arc<dyn Transport>,
    alerts: Arc<dyn Alerts>,
    outbox: Arc<Mutex<Outbox>>,
    destinations: Destinations,
    under_way: JoinSet<Attempt>,
    destination_of: HashMap<task::Id, Destination>,
}

impl Deliveries {
    async fn open(
        state: &StateDir,
        transport: &Arc<dyn Transport>,
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
            transport: Arc::clone(transport),
            alerts: Arc::clone(alerts),
            outbox: Arc::new(Mutex::new(outbox.await?)),
            destinations: Destinations::default(),
            under_way: JoinSet::new(),
            destination_of: HashMap::new(),
        })
    }

    /// Sends off everything that is due and whose destination is free.
    async fn begin_due(&mut self) -> Result<(), Error> {
        let (state, alerts) = (self.state.clone(), Arc::clone(&self.alerts));
        let mut destinations = mem::take(&mut self.destinations);
        let work = self.with_outbox(move |outbox| {
            let now = clock::wall();
            let mut claimed = Vec::new();
            if destinations.have_room() && outbox.is_due(now)? {
                remind(&state, outbox, &*alerts)?;
                claimed = outbox.claim(now, &mut destinations)?;
            }
            Ok((destinations, claimed))
        });
        let (destinations, claimed) = work.await?;
        self.destinations = destinations;
        for one in claimed {
            self.send_off(one);
        }
        Ok(())
    }

    fn send_off(&mut self, claimed: Claimed) {
        let transport = Arc::clone(&self.transport);
        let Claimed {
            notification,
            attempts,
            destination,
        } = claimed;
        let task = self.under_way.spawn(async move {
            let tried = timeout(DELIVERY_TIMEOUT, transport.deliver(&notification)).await;
            let ended = tried.unwrap_or_else(|_| Err(late(DELIVERY_TIMEOUT)));
            let id = notification.id;
            Attempt {
                id,
                attempts,
                ended,
            }
        });
        self.destination_of.insert(task.id(), destination);
    }

    async fn note(&mut self, ended: Result<(task::Id, Attempt), JoinError>) -> Result<(), Error> {
        let (task, attempt) = match ended {
            Ok((task, attempt)) => (task, Some(attempt)),
            // A transport that panics leaves its notification claimed; it is due again when the claim is over.
            Err(panicked) => (panicked.id(), None),
        };
        let wait = attempt.as_ref().and_then(Attempt::retry_after);
        let rest_until = wait.map(|wait| clock::wall() + retry::believed(wait));
        if let Some(destination) = self.destination_of.remove(&task) {
            self.destinations.leave(&destination, rest_until);
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
        is_permanent: false,
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
    for notification in due {
        let about = unanswered(&notification, &product, alerts);
        let again = (!about.is_empty()).then(|| again(&notification, about));
        outbox.remind(&notification.id, again.as_ref())?;
    }
    Ok(())
}

fn again(notification: &Notification, about: Vec<serde_json::Value>) -> Notification {
    let reminder = notification.reminder + 1;
    let first = notification.id.0.split("-r").next().unwrap_or_default();
    Notification {
        id: NotificationId(format!("{first}-r{reminder}")),
        at: clock::wall(),
        about,
        reminder,
        ..notification.clone()
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
