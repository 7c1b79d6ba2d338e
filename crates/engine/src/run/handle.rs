//! An engine as seen from the rest of its process.

use std::sync::Arc;
use std::time::Duration;

use rollout::{Event, Product, Request};
use tokio::sync::{broadcast, oneshot, watch};

use super::channel::{EngineSender, Message};
use crate::error::Error;
use crate::inbox::Answer;

/// A running engine. Dropping it ends the engine at once, as a crash would; [`EngineHandle::stop`] is the graceful way.
#[derive(Debug)]
pub struct EngineHandle {
    sender: EngineSender,
    events: broadcast::Sender<Arc<Event>>,
    state: watch::Receiver<EngineState>,
    ended: oneshot::Receiver<Result<Ended, Error>>,
    notes: Vec<String>,
}

/// How it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// As it should.
    Driving,
    /// Nothing can be stored, so nothing is done; it is tried again (P42).
    Degraded {
        /// Why.
        reason: String,
    },
    /// It ends as soon as what has been sent is answered.
    Stopping,
}

/// Why an engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every rollout rests, or only a person could change anything.
    Idle,
    /// It was asked to.
    Stopped,
}

impl EngineHandle {
    pub(super) fn new(
        sender: EngineSender,
        events: broadcast::Sender<Arc<Event>>,
        state: watch::Receiver<EngineState>,
        ended: oneshot::Receiver<Result<Ended, Error>>,
        notes: Vec<String>,
    ) -> Self {
        Self {
            sender,
            events,
            state,
            ended,
            notes,
        }
    }

    /// What people should hear about what guards the database, found when it was opened.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Another way in, for whatever runs beside the executor.
    pub fn sender(&self) -> EngineSender {
        self.sender.clone()
    }

    /// Files a person's request; the answer is durable.
    ///
    /// # Errors
    /// [`Error::Degraded`] or [`Error::Stopped`]; what the core refuses is part of the answer.
    pub async fn ask(&self, request: Request) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        self.sender.send(Message::Ask(Box::new(request), answer));
        answered.await.unwrap_or(Err(Error::Stopped))
    }

    /// Looks at the state as committed last.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the engine has ended, or has no state at present.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Product) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (seen, seeing) = oneshot::channel();
        let look = move |product: &Product| {
            let _ = seen.send(look(product));
        };
        self.sender.send(Message::Look(Box::new(look)));
        seeing.await.map_err(|_| Error::Stopped)
    }

    /// Events from now on, each after its commit. Who lags behind reads on from the journal.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// How it goes, and every change of it.
    pub fn state(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }

    /// Asks it to end: nothing new is begun, and answers to what was sent are recorded if they come within `grace`.
    pub fn stop(&self, grace: Duration) {
        self.sender.send(Message::Stop(grace));
    }

    /// Ends it at once, as a crash would: nothing more is recorded. [`EngineHandle::ended`] tells when its lock is free.
    pub fn kill(&self) {
        self.sender.send(Message::Kill);
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// Why it could not go on: another engine has taken over, the data is damaged, an invariant is broken.
    pub async fn ended(&mut self) -> Result<Ended, Error> {
        if self.ended.is_terminated() {
            return Err(Error::Stopped);
        }
        (&mut self.ended).await.unwrap_or(Err(Error::Stopped))
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        self.kill();
    }
}
