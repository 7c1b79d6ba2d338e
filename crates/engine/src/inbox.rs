//! How do people's requests reach the engine from other processes, and how do the answers come back (P35)?
//!
//! A request is a row of the `inbox` table. The process that holds the engine's lock takes it up; if no process does,
//! the asking one takes the lock itself and files the request, without a tick: a command line that only files a request
//! starts nothing. Start reading at [`ask`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use policy::Timestamp;
use rollout::{Event, Input, Notice, Rejected, Request};
use rusqlite::Connection;

use crate::error::Error;
use crate::outbox::Audience;
use crate::process::clock;
use crate::process::lock::{EngineLock, LockFor};
use crate::process::state_dir::StateDir;
use crate::process::wake_socket;
use crate::step::commit_group::CommitGroup;
use crate::step::watched_files::ReadFiles;
use crate::store::{self, InboxId, Reader, Store, requests};

/// Waits between looks for the answer; after the last one it is tried anew to reach an engine, or to be it.
const LOOK_AFTER_MS: [u64; 8] = [2, 4, 8, 16, 32, 64, 64, 64];

/// So long it is tried to withdraw a request, beside the waiting for locks.
const TAKING_BACK: Duration = Duration::from_secs(2);

/// The pause between two such attempts.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The answer to a request; it is durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What followed from it; for a refusal its audit event (P49).
    pub events: Vec<Event>,
    /// Why it was refused, if it was.
    pub rejected: Option<Rejected>,
    /// No engine ran, so it was filed without one: what is to be done about it waits for one.
    pub without_engine: bool,
}

/// How long an answer is waited for. Clones share that it may be over before.
#[derive(Clone, Debug)]
pub struct AnswerTimeout {
    limit: Duration,
    is_over: Arc<AtomicBool>,
}

impl AnswerTimeout {
    /// Somebody waits no longer, for instance because of Ctrl-C.
    pub fn cancel(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl From<Duration> for AnswerTimeout {
    fn from(limit: Duration) -> Self {
        Self {
            limit,
            is_over: Arc::default(),
        }
    }
}

/// Files a request and waits for its answer: from the engine if one runs, otherwise by filing it here and now, after the
/// project's files have been read: they say who may do what (R6).
///
/// Blocks; within a runtime call it on a thread for blocking work.
///
/// # Errors
/// A database that cannot be used: nothing was filed. Whatever goes wrong afterwards, the request is withdrawn:
/// [`Error::NoAnswer`] if nobody answered in time, [`Error::Interrupted`], [`Error::NotDone`]. Then it has no effect, now or
/// later. Where even that is impossible, [`Error::Undecided`] says so.
pub fn ask(
    state: &StateDir,
    request: &Request,
    timeout: Duration,
    read: ReadFiles,
) -> Result<Answer, Error> {
    let (timeout, audience) = (timeout.into(), Audience::default());
    ask_and_notify(state, request, &timeout, read, &audience)
}

/// As [`ask`]; if the request is filed here and now, this audience is told of what follows from it.
///
/// # Errors
/// As for [`ask`].
pub fn ask_and_notify(
    state: &StateDir,
    request: &Request,
    timeout: &AnswerTimeout,
    mut read: ReadFiles,
    audience: &Audience,
) -> Result<Answer, Error> {
    let connection = store::open_for_writing(state)?;
    let filed = requests::insert(&connection, request, timeout.limit);
    let (id, until) = filed.map_err(|error| error.in_file(state.database()))?;
    let filed = FiledRequest {
        state,
        connection,
        id,
        until,
    };
    let waited = filed.wait(timeout, || forward(state, &mut read, audience));
    waited.or_else(|error| filed.take_back(error))
}

/// A request of ours in the inbox.
struct FiledRequest<'s> {
    state: &'s StateDir,
    connection: Connection,
    id: InboxId,
    /// When it lapses by itself.
    until: Timestamp,
}

impl FiledRequest<'_> {
    fn wait(
        &self,
        timeout: &AnswerTimeout,
        mut forward: impl FnMut() -> Result<bool, Error>,
    ) -> Result<Answer, Error> {
        let begun = Instant::now();
        loop {
            let without_engine = forward()?;
            for pause in LOOK_AFTER_MS {
                if let Some(answer) = self.look(without_engine)? {
                    return Ok(answer);
                }
                if timeout.is_over.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                if begun.elapsed() >= timeout.limit {
                    return Err(Error::NoAnswer);
                }
                thread::sleep(Duration::from_millis(pause));
            }
        }
    }

    /// "Failed" has to mean "will not happen": the request is withdrawn before anybody is told. If it has been answered
    /// meanwhile, that answer is the one that counts; if neither can be found out, that is what is told.
    fn take_back(&self, error: Error) -> Result<Answer, Error> {
        let begun = Instant::now();
        loop {
            match requests::withdraw(&self.connection, self.id) {
                Ok(true) => {
                    let says_so = matches!(error, Error::NoAnswer | Error::Interrupted);
                    return Err(if says_so {
                        error
                    } else {
                        Error::NotDone(Box::new(error))
                    });
                }
                Ok(false) => return self.answered(),
                Err(_) if begun.elapsed() < TAKING_BACK => thread::sleep(LOOK_AGAIN),
                Err(source) => {
                    return Err(Error::Undecided {
                        until: self.until,
                        source: Box::new(source),
                    });
                }
            }
        }
    }

    /// The answer of a request that has one.
    fn answered(&self) -> Result<Answer, Error> {
        match self.look(false) {
            Ok(Some(answer)) => Ok(answer),
            // The engine's own word that nothing was changed.
            Err(error @ Error::Bug { .. }) => Err(error),
            Ok(None) => Err(Error::Unread(Box::new(Error::Damaged {
                what: "an answered request has no answer".to_owned(),
            }))),
            Err(error) => Err(Error::Unread(Box::new(error))),
        }
    }

    fn look(&self, without_engine: bool) -> Result<Option<Answer>, Error> {
        let Some(stored) = requests::answer(&self.connection, self.id)? else {
            return Ok(None);
        };
        if let Some(message) = stored.trouble {
            return Err(Error::Bug { message });
        }
        let events = Reader::open(self.state)?.events(None, stored.after, stored.events)?;
        Ok(Some(Answer {
            events,
            rejected: stored.rejected,
            without_engine,
        }))
    }
}

/// Wakes the engine, or files all pending requests in its place; says whether it did.
fn forward(state: &StateDir, read: &mut ReadFiles, audience: &Audience) -> Result<bool, Error> {
    let Some(lock) = EngineLock::try_acquire(state, LockFor::Request)? else {
        wake_socket::wake(state);
        return Ok(false);
    };
    file_all(state, &lock, read, audience)?;
    Ok(true)
}

fn file_all(
    state: &StateDir,
    lock: &EngineLock,
    read: &mut ReadFiles,
    audience: &Audience,
) -> Result<(), Error> {
    let mut store = Store::open_for_request(state, lock)?;
    let mut product = store.load()?;
    let now = clock::wall();
    let at = store.last_at()?.map_or(now, |last| last.max(now));
    let mut group = CommitGroup::default();
    if let Some(suspicion) = clock::behind(now, at) {
        group.fact(&mut product, at, Input::Notice(suspicion));
    }
    if let Some(notice) = store.copy_notice() {
        group.fact(&mut product, at, Input::Notice(notice));
    }
    let files = Notice::FilesRead(Box::new(read(&product)));
    group.fact(&mut product, at, Input::Notice(files));
    // What is to be done about them is left to an engine: nothing is intended here (P7).
    for pending in store.claim()? {
        group.pending(&mut product, at, pending);
    }
    let changes = group.changes(&product, audience);
    store.commit(&changes)
}
