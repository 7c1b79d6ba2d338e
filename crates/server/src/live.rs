//! What has just been written? One look at the state serves everybody who follows it.
//!
//! Nothing is kept for anybody: who reads more slowly than is written is told so, and reads the journal from where they are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use project::{Backend, Changes, Error, ErrorKind};
use rollout::RolloutId;
use serde::Deserialize;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// So many lines are read at once.
const PAGE: u32 = 500;

/// So much news is held for somebody who is slower.
const NEWS: usize = 2_048;

/// So often it is looked whether anything has ever been stored.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The pause after the state could not be read.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A line of the journal, as stored.
#[derive(Clone, Debug)]
pub(crate) struct LiveLine {
    /// Its number.
    pub(crate) seq: u64,
    /// Which rollout it is about, if one.
    pub(crate) rollout: Option<RolloutId>,
    /// The event as one JSON object.
    pub(crate) json: Arc<str>,
}

/// Something new.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// Something has happened.
    Line(LiveLine),
    /// Nothing has happened, but it is waited for something else than before.
    Otherwise,
}

/// Tells everybody who follows.
#[derive(Debug)]
pub(crate) struct Live {
    backend: Arc<dyn Backend>,
    stop: CancellationToken,
    /// Present once somebody follows.
    told: Mutex<Option<Sender<News>>>,
}

impl Live {
    /// Looks at nothing yet.
    pub(crate) fn new(backend: Arc<dyn Backend>, stop: CancellationToken) -> Self {
        Self {
            backend,
            stop,
            told: Mutex::new(None),
        }
    }

    /// Whatever is new from now on.
    pub(crate) fn follow(&self) -> Receiver<News> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = &*told {
            return told.subscribe();
        }
        let (sender, receiver) = broadcast::channel(NEWS);
        *told = Some(sender.clone());
        let (backend, stop) = (Arc::clone(&self.backend), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = look_on(&*backend, &sender) => {}
                () = stop.cancelled() => {}
            }
        });
        receiver
    }

    /// Where the journal ends; 0 where nothing has happened.
    pub(crate) async fn end(&self) -> Result<u64, Error> {
        match self.backend.head().await {
            Ok(head) => Ok(head.seq),
            Err(error) if error.kind() == ErrorKind::Absent => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// What the journal has behind a line; nothing where nothing has happened.
    pub(crate) async fn behind(
        &self,
        run: Option<RolloutId>,
        after: u64,
    ) -> Result<Vec<LiveLine>, Error> {
        match self.backend.lines(run, after, PAGE).await {
            Ok(lines) => Ok(lines.into_iter().map(LiveLine::of).collect()),
            Err(error) if error.kind() == ErrorKind::Absent => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl LiveLine {
    fn of(line: project::Line) -> Self {
        /// What of an event says whom it is for.
        #[derive(Deserialize)]
        struct About {
            rollout: Option<RolloutId>,
        }
        let about = serde_json::from_str::<About>(&line.json).ok();
        Self {
            seq: line.seq,
            rollout: about.and_then(|about| about.rollout),
            json: line.json.into(),
        }
    }
}

/// Reads what is new for as long as the server goes on. Whoever missed something reads the journal.
async fn look_on(backend: &dyn Backend, told: &Sender<News>) {
    let mut after = None;
    loop {
        let wait = match look(backend, &mut after, told).await {
            Ok(never) => match never {},
            Err(error) if error.kind() == ErrorKind::Absent => {
                after = Some(0);
                LOOK_EVERY
            }
            Err(error) => {
                tracing::warn!(error = error.message(), "the journal cannot be followed");
                AFTER_FAILURE
            }
        };
        sleep(wait).await;
    }
}

async fn look(
    backend: &dyn Backend,
    after: &mut Option<u64>,
    told: &Sender<News>,
) -> Result<std::convert::Infallible, Error> {
    let mut changes = backend.changes().await?;
    // Taken before the first wait: what is written meanwhile is told.
    if after.is_none() {
        *after = Some(backend.head().await?.seq);
    }
    loop {
        if !pass_on(&mut *changes, after, told).await? {
            // Nobody listens: that is no failure.
            let _ = told.send(News::Otherwise);
        }
        changes.next().await?;
    }
}

/// Passes on every new line; says whether there was one.
async fn pass_on(
    changes: &mut dyn Changes,
    after: &mut Option<u64>,
    told: &Sender<News>,
) -> Result<bool, Error> {
    let mut is_new = false;
    loop {
        let lines = changes.lines(None, after.unwrap_or_default(), PAGE).await?;
        let Some(last) = lines.last() else {
            return Ok(is_new);
        };
        (*after, is_new) = (Some(last.seq), true);
        for line in lines {
            // Nobody listens: that is no failure.
            let _ = told.send(News::Line(LiveLine::of(line)));
        }
    }
}
