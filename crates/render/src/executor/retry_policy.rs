//! How a call meets trouble: what is asked again, what is given up, and when the whole workspace is held (P45, P46).

use std::sync::Arc;
use std::time::Duration;

use rollout::Notice;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::polling::Backoff;
use super::sources::Sources;
use crate::client::Client;
use crate::error::{Error, Result, chain};

/// How much longer each pause after trouble is than the one before.
const GROWTH: f64 = 2.0;

/// The way to the workspace, as all commands share it. Cloning shares it.
#[derive(Clone)]
pub(super) struct Workspace(Arc<Shared>);

struct Shared {
    client: Client,
    sources: Arc<dyn Sources>,
    notices: Box<dyn Fn(Notice) + Send + Sync>,
    pauses: Backoff,
    hold_after: Duration,
    held: watch::Sender<bool>,
    runtime: Handle,
}

/// How one command reaches Render: at its own priority, and until it is stopped.
pub(super) struct RetryPolicy {
    pub(super) client: Client,
    workspace: Workspace,
}

/// What one call has met so far.
struct Trouble {
    since: Option<Instant>,
    pauses: Backoff,
    was_refused: bool,
    /// Render has answered something else meanwhile.
    is_alone: bool,
}

impl RetryPolicy {
    pub(super) fn new(client: Client, workspace: Workspace) -> Self {
        Self { client, workspace }
    }

    /// Asks until there is an answer, or a refusal that another attempt would meet again. For what may be repeated.
    pub(super) async fn ask<T, F>(&self, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut trouble = self.workspace.no_trouble();
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.handle_error(error, &mut trouble).await?,
            }
        }
    }

    /// Sends a change. It is sent again only after an answer that proves that nothing was done: the key, or the rate.
    pub(super) async fn change<T, F>(&self, send: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut trouble = self.workspace.no_trouble();
        loop {
            match send().await {
                Err(error) if error.is_unauthorized() || error.is_rate_limit() => {
                    self.handle_error(error, &mut trouble).await?;
                }
                done => return done,
            }
        }
    }

    /// Waits until a call may be made again that met this error, unless it would meet it again or is no longer wanted.
    async fn handle_error(&self, error: Error, trouble: &mut Trouble) -> Result<()> {
        let handled = self.workspace.handle_error(error, trouble);
        let call = "the next attempt".to_owned();
        let stopped = Err(Error::Stopped { call });
        self.client.unless_stopped(handled).await.unwrap_or(stopped)
    }
}

impl Workspace {
    pub(super) fn new(
        client: Client,
        sources: Arc<dyn Sources>,
        notices: impl Fn(Notice) + Send + Sync + 'static,
        pauses: [Duration; 2],
        hold_after: Duration,
    ) -> Self {
        let workspace = Self(Arc::new(Shared {
            client,
            sources,
            notices: Box::new(notices),
            pauses: Backoff::new(pauses[0], pauses[1], GROWTH),
            hold_after,
            held: watch::Sender::new(false),
            runtime: Handle::current(),
        }));
        workspace
            .0
            .runtime
            .spawn(workspace.clone().release_once_reachable());
        workspace
    }

    /// A process before this one may have left the workspace held: once Render answers, it is not.
    async fn release_once_reachable(self) {
        let retry = RetryPolicy::new(self.0.client.clone(), self.clone());
        if retry.ask(|| retry.client.user()).await.is_ok() {
            (self.0.notices)(Notice::WorkspaceReleased);
        }
    }

    fn no_trouble(&self) -> Trouble {
        Trouble {
            since: None,
            pauses: self.0.pauses.clone(),
            was_refused: false,
            is_alone: false,
        }
    }

    async fn handle_error(&self, error: Error, trouble: &mut Trouble) -> Result<()> {
        tracing::debug!(error = chain(&error), "Render could not be asked");
        if error.is_unauthorized() {
            return self.handle_refused_key(error, trouble).await;
        }
        if error.is_rate_limit() {
            // The client stays silent for as long as it was asked to.
            return Ok(());
        }
        // A proxy may garble an answer for a while.
        let garbled = matches!(error, Error::Unreadable { .. });
        let passing = garbled || error.is_transient();
        let is_said_here = error.is_gone() || !(passing || error.api().is_some());
        if is_said_here {
            return Err(error);
        }
        let since = *trouble.since.get_or_insert_with(Instant::now);
        if passing && since.elapsed() < self.0.hold_after {
            sleep(trouble.pauses.next()).await;
            return Ok(());
        }
        trouble.since = None;
        self.handle_outage(error, trouble).await
    }

    /// The key is refused: everything waits until one is accepted. If it is accepted elsewhere, only this call is refused.
    async fn handle_refused_key(&self, error: Error, trouble: &mut Trouble) -> Result<()> {
        let is_held = *self.0.held.borrow();
        if is_held || self.0.client.user().await.is_err() {
            self.hold(format!("the API key is refused: {}", chain(&error)));
            self.released().await;
            return Ok(());
        }
        if trouble.was_refused {
            return Err(error);
        }
        trouble.was_refused = true;
        Ok(())
    }

    /// A call has failed for long, or was refused: if nothing else works either, everything waits. Otherwise it is this
    /// call's alone, and whoever made it asks again later (R11).
    async fn handle_outage(&self, error: Error, trouble: &mut Trouble) -> Result<()> {
        if self.0.client.user().await.is_ok() {
            // It may have been out, and answer again.
            if std::mem::replace(&mut trouble.is_alone, true) {
                tracing::warn!(error = chain(&error), "Render answers, but not to this");
                return Err(error);
            }
            sleep(trouble.pauses.next()).await;
            return Ok(());
        }
        trouble.is_alone = false;
        self.hold(format!("Render cannot be reached: {}", chain(&error)));
        self.released().await;
        Ok(())
    }

    fn hold(&self, reason: String) {
        if self.0.held.send_replace(true) {
            return;
        }
        tracing::info!(reason, "the workspace is held");
        (self.0.notices)(Notice::WorkspaceHeld { reason });
        self.0.runtime.spawn(self.clone().recover());
    }

    async fn released(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.held.subscribe().wait_for(|held| !held).await;
    }

    /// Tries until Render answers, with the key as it is by then.
    async fn recover(self) {
        let mut pauses = self.0.pauses.clone();
        loop {
            self.read_key().await;
            match self.0.client.user().await {
                Ok(_) => break,
                Err(Error::Stopped { .. }) => return,
                Err(error) => tracing::debug!(error = chain(&error), "the workspace stays held"),
            }
            self.0.client.unless_stopped(sleep(pauses.next())).await;
        }
        tracing::info!("the workspace is released");
        (self.0.notices)(Notice::WorkspaceReleased);
        self.0.held.send_replace(false);
    }

    async fn read_key(&self) {
        let sources = Arc::clone(&self.0.sources);
        let key = spawn_blocking(move || sources.api_key()).await;
        let used = key.map(|key| key.and_then(|key| self.0.client.set_key(&key)));
        match used {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "no other key"),
            Err(error) => tracing::warn!(%error, "the key was not read"),
        }
    }
}
