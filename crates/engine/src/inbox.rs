//! How do people's requests reach the engine from other processes, and how do the answers come back (P35)?
//!
//! A request is a row of the `inbox` table. The process that holds the engine's lock takes it up; if no process does,
//! the asking one takes the lock itself and files the request, without a tick: a command line that only files a request
//! starts nothing. Start reading at [`ask`].

mod doorbell;

use std::thread;
use std::time::{Duration, Instant};

use rollout::{Event, Input, Notice, Rejected, Request};
use rusqlite::Connection;

pub(crate) use self::doorbell::Doorbell;
use crate::clock;
use crate::error::Error;
use crate::files::ReadFiles;
use crate::group::Group;
use crate::lock::{EngineLock, LockFor};
use crate::outbox::Audience;
use crate::place::StateDir;
use crate::store::{self, InboxId, Reader, Store, requests};

/// Waits between looks for the answer; after the last one it is tried anew to reach an engine, or to be it.
const LOOK_AFTER_MS: [u64; 8] = [2, 4, 8, 16, 32, 64, 64, 64];

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

/// Files a request and waits for its answer: from the engine if one runs, otherwise by filing it here and now, after the
/// project's files have been read: they say who may do what (R6).
///
/// Blocks; within a runtime call it on a thread for blocking work.
///
/// # Errors
/// [`Error::NoAnswer`] if nobody answered within `patience`: the request was withdrawn and has no effect.
/// A damaged, foreign or newer database; a disk that is full.
pub fn ask(
    state: &StateDir,
    request: &Request,
    patience: Duration,
    read: ReadFiles,
) -> Result<Answer, Error> {
    ask_telling(state, request, patience, read, &Audience::default())
}

/// As [`ask`]; if the request is filed here and now, this audience is told of what follows from it.
///
/// # Errors
/// As for [`ask`].
pub fn ask_telling(
    state: &StateDir,
    request: &Request,
    patience: Duration,
    mut read: ReadFiles,
    audience: &Audience,
) -> Result<Answer, Error> {
    let connection = store::open_for_writing(state)?;
    let id = requests::insert(&connection, request, patience)?;
    let begun = Instant::now();
    loop {
        let without_engine = forward(state, &mut read, audience)?;
        for pause in LOOK_AFTER_MS {
            if let Some(answer) = look(state, &connection, id, without_engine)? {
                return Ok(answer);
            }
            if begun.elapsed() >= patience && requests::withdraw(&connection, id)? {
                return Err(Error::NoAnswer);
            }
            thread::sleep(Duration::from_millis(pause));
        }
    }
}

/// Wakes the engine, or files all pending requests in its place; says whether it did.
fn forward(state: &StateDir, read: &mut ReadFiles, audience: &Audience) -> Result<bool, Error> {
    let Some(lock) = EngineLock::try_acquire(state, LockFor::Request)? else {
        doorbell::ring(state);
        return Ok(false);
    };
    match file_all(state, &lock, read, audience) {
        // The request of somebody who has just lost patience; the others are filed the next time round.
        Err(Error::Withdrawn) => Ok(true),
        filed => filed.map(|()| true),
    }
}

fn file_all(
    state: &StateDir,
    lock: &EngineLock,
    read: &mut ReadFiles,
    audience: &Audience,
) -> Result<(), Error> {
    let mut store = Store::open(state, lock)?;
    let mut product = store.load()?;
    let now = clock::wall();
    let at = store.last_at()?.map_or(now, |last| last.max(now));
    let mut group = Group::default();
    if let Some(suspicion) = clock::behind(now, at) {
        group.fact(&mut product, at, Input::Notice(suspicion));
    }
    if let Some(restored) = store.restored() {
        group.fact(&mut product, at, Input::Notice(restored));
    }
    let files = Notice::FilesRead(Box::new(read(&product)));
    group.fact(&mut product, at, Input::Notice(files));
    for pending in store.pending()? {
        group.pending(&mut product, at, pending);
    }
    let changes = group.changes(&product, audience);
    store.commit(&changes)
}

fn look(
    state: &StateDir,
    connection: &Connection,
    id: InboxId,
    without_engine: bool,
) -> Result<Option<Answer>, Error> {
    let Some(stored) = requests::answer(connection, id)? else {
        return Ok(None);
    };
    if let Some(message) = stored.trouble {
        return Err(Error::Bug { message });
    }
    let events = Reader::open(state)?.events(None, stored.after, stored.events)?;
    Ok(Some(Answer {
        events,
        rejected: stored.rejected,
        without_engine,
    }))
}
