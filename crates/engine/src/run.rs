//! The engine: one thread that owns the state, the database and the executor, and takes everything through one channel.
//!
//! Each turn of it is one instant: what has arrived is stepped (reports, then notices and requests, then one tick), all that
//! followed is committed in one transaction, and only then answers and commands leave. Start reading at [`start`]; one
//! turn is `EngineLoop::drive` in `instant`.

mod arrivals;
mod channel;
mod commit;
mod engine_loop;
mod handle;
mod instant;
mod outage;

use std::fmt;
use std::sync::mpsc;
use std::thread;

use rollout::Executor;
use tokio::runtime;
use tokio::sync::{broadcast, oneshot, watch};

pub use self::channel::EngineSender;
use self::engine_loop::{EngineLoop, Loaded, Outside};
pub use self::handle::{Ended, EngineHandle, EngineState};
use crate::error::Error;
use crate::limits::EVENTS_BUFFERED;
use crate::outbox::SharedAudience;
use crate::process::clock::{EngineClock, Reading};
use crate::process::crash::CrashAt;
use crate::process::lock::{EngineLock, LockFor};
use crate::process::state_dir::StateDir;
use crate::process::wake_socket::WakeSocket;
use crate::step::watched_files::WatchedFiles;
use crate::store::Store;

/// The name of the engine's thread.
const THREAD: &str = "engine";

/// How an engine is to run.
pub struct EngineOptions {
    /// The project's files, watched for edits (R6).
    pub files: Option<WatchedFiles>,
    /// Who is told what.
    pub audience: SharedAudience,
    /// Where the server's time comes from (P25).
    pub server_time: ServerTime,
    /// Ends when every rollout rests, or only a person could change anything.
    pub until_idle: bool,
    /// Dies there, for tests.
    pub crash_at: Option<CrashAt>,
    /// Reads the machine's clocks; tests and demonstrations bring their own.
    pub readings: Box<dyn FnMut() -> Reading + Send>,
}

/// How the wall clock earns trust (P25).
pub enum ServerTime {
    /// There is no server whose time could differ: the clock is trusted at once.
    Local,
    /// Called while the clock is not trusted: asks the server for something harmless without waiting, and hands the
    /// `Date` of each reply to [`EngineSender::server_time`].
    Ask(Box<dyn FnMut(&EngineSender) + Send>),
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            files: None,
            audience: SharedAudience::default(),
            server_time: ServerTime::Local,
            until_idle: false,
            crash_at: None,
            readings: Box::new(Reading::take),
        }
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineOptions")
            .field("files", &self.files)
            .field("until_idle", &self.until_idle)
            .field("crash_at", &self.crash_at)
            .finish_non_exhaustive()
    }
}

/// Becomes the engine of a project and drives its rollouts, from where the last one stopped, on a thread of its own.
///
/// The executor is made with an [`EngineSender`], through which it tells what concerns more than one command. It is used on
/// the engine's thread, within the runtime from which this is called; when the engine ends it is dropped, and must then stop
/// its work.
///
/// # Errors
/// [`Error::Held`] if there is an engine already (P40); a damaged, foreign or newer database (P41).
///
/// # Panics
/// Outside a tokio runtime.
pub fn start(
    state: &StateDir,
    mut options: EngineOptions,
    executor: impl FnOnce(&EngineSender) -> Box<dyn Executor + Send>,
) -> Result<EngineHandle, Error> {
    let lock = EngineLock::acquire(state, LockFor::Engine)?;
    let store = Store::open(state, &lock)?;
    let product = store.load()?;
    let notes = store.notes();
    let clock = EngineClock::start((options.readings)(), store.last_at()?);

    let (messages, arriving) = mpsc::channel();
    let (events, _) = broadcast::channel(EVENTS_BUFFERED);
    let (state_out, state_in) = watch::channel(EngineState::Driving);
    let (ended_out, ended_in) = oneshot::channel();
    let sender = EngineSender::new(messages, clock.time());
    let outside = Outside {
        executor: executor(&sender),
        events: events.clone(),
        state: state_out,
        sender: sender.clone(),
    };
    let loaded = Loaded {
        place: state.clone(),
        store,
        product,
        clock,
    };
    let engine = EngineLoop::new(loaded, options, outside, arriving);

    let wake_socket = WakeSocket::listen(state, sender.waker());
    let runtime = runtime::Handle::current();
    let run = move || {
        let _within = runtime.enter();
        let ended = engine.run();
        drop((wake_socket, lock));
        let _ = ended_out.send(ended);
    };
    let spawned = thread::Builder::new().name(THREAD.to_owned()).spawn(run);
    spawned.map_err(Error::file("given a thread", state.database()))?;
    Ok(EngineHandle::new(sender, events, state_in, ended_in, notes))
}
