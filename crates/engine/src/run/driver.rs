//! The engine's thread: what it owns, and how it waits for its next turn.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use policy::CustomerId;
use rollout::{CommandId, Event, Executor, Notice, Product, RunId};
use tokio::sync::{broadcast, watch};

use super::arrived::Arrived;
use super::inlet::{Inlet, Message};
use super::recovery::Outage;
use super::{Ended, EngineOptions, EngineState, ServerTime};
use crate::clock::{EngineClock, Reading};
use crate::crash::Crash;
use crate::error::Error;
use crate::limits::{HEARTBEAT, MESSAGES_A_COMMIT, RETRY};
use crate::place::StateDir;
use crate::store::{InboxId, Store};

/// Where everything goes that leaves the engine.
pub(super) struct Outside {
    pub(super) executor: Box<dyn Executor + Send>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) state: watch::Sender<EngineState>,
    pub(super) inlet: Inlet,
}

/// What is durable, and what was loaded from it.
pub(super) struct Loaded {
    pub(super) place: StateDir,
    pub(super) store: Store,
    pub(super) product: Product,
    pub(super) clock: EngineClock,
}

/// The engine's thread and all it owns.
pub(super) struct Driver {
    pub(super) place: StateDir,
    pub(super) store: Store,
    pub(super) product: Product,
    pub(super) clock: EngineClock,
    pub(super) options: EngineOptions,
    pub(super) outside: Outside,
    pub(super) crash: Crash,
    pub(super) mode: Mode,
    /// How often memory was discarded; answers to commands of an earlier state are not for this one.
    pub(super) generation: u64,
    /// Commands that have left and are not answered.
    pub(super) sent: BTreeMap<CommandId, Sent>,
    /// What the outside has noticed and is not stored yet.
    pub(super) untold: Vec<Notice>,
    /// The request of another process that is being stepped.
    pub(super) stepping: Option<InboxId>,
    /// What the database looked like when the inbox was last read.
    pub(super) inbox_seen: Option<i64>,
    /// The core wanted a tick at once, and nothing followed from it.
    pub(super) stalled: bool,
    /// When, since boot, the files are looked at again.
    pub(super) look_at: Duration,
    /// When, since boot, the server is asked for its time again.
    pub(super) ask_time_at: Duration,
    /// The wait after the next failed commit.
    pub(super) pause: Duration,
    /// Broken invariants so far.
    pub(super) bugs: u32,
    arriving: Receiver<Message>,
}

/// What the engine is doing.
pub(super) enum Mode {
    Driving,
    Degraded(Outage),
    /// Until this time since boot.
    Stopping(Duration),
}

/// A command that has left.
pub(super) struct Sent {
    pub(super) run: RunId,
    pub(super) customer: CustomerId,
    pub(super) repeatable: bool,
}

impl Driver {
    pub(super) fn new(
        loaded: Loaded,
        options: EngineOptions,
        outside: Outside,
        arriving: Receiver<Message>,
    ) -> Self {
        let Loaded {
            place,
            store,
            product,
            clock,
        } = loaded;
        Self {
            place,
            store,
            product,
            clock,
            crash: Crash::new(options.crash_at),
            options,
            outside,
            mode: Mode::Driving,
            generation: 0,
            sent: BTreeMap::new(),
            untold: Vec::new(),
            stepping: None,
            inbox_seen: None,
            stalled: false,
            look_at: Duration::ZERO,
            ask_time_at: Duration::ZERO,
            pause: RETRY.0,
            bugs: 0,
            arriving,
        }
    }

    /// Takes turns until it is over.
    pub(super) fn run(mut self) -> Result<Ended, Error> {
        let mut turned = self.guard(Self::begin);
        loop {
            if let Err(error) = turned {
                self.fall_back(error)?;
            }
            if let Some(ended) = self.over() {
                return Ok(ended);
            }
            let arrived = self.gather();
            if arrived.kill {
                return Ok(Ended::Stopped);
            }
            turned = self.guard(|driver| driver.turn(arrived));
        }
    }

    /// The first instant of a state that was loaded: commands are derived anew from it.
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        let reading = self.read_clocks();
        if matches!(self.options.server_time, ServerTime::Local) {
            self.clock.confirm(reading);
        }
        if let Some(files) = &mut self.options.files {
            files.forget();
        }
        (self.look_at, self.ask_time_at, self.inbox_seen) = (Duration::ZERO, Duration::ZERO, None);
        let mut first: Vec<Notice> = self.store.restored().into_iter().collect();
        if self.clock.is_trusted() {
            first.extend([Notice::EngineStarted, Notice::ClockTrusted]);
        } else {
            let since = self.clock.sure_until();
            first.push(Notice::EngineStartedUnsure { since });
        }
        self.drive(reading, first, Arrived::default())
    }

    pub(super) fn read_clocks(&mut self) -> Reading {
        (self.options.readings)()
    }

    fn turn(&mut self, mut arrived: Arrived) -> Result<(), Error> {
        let reading = self.read_clocks();
        if let Some(grace) = arrived.stop {
            tracing::info!("stopping: nothing new is begun");
            self.mode = Mode::Stopping(reading.boot + grace);
            self.outside.state.send_replace(EngineState::Stopping);
        }
        self.remember(mem::take(&mut arrived.notices));
        match &self.mode {
            Mode::Driving => self.drive(reading, Vec::new(), arrived),
            Mode::Stopping(_) => self.wind_down(reading, arrived),
            Mode::Degraded(outage) => {
                arrived.refuse(&outage.reason);
                if outage.retry_at <= reading.boot {
                    self.recover()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Sleeps until something arrives or falls due, and takes all there is.
    fn gather(&mut self) -> Arrived {
        let patience = self.patience();
        let first = self.arriving.recv_timeout(patience).ok();
        let mut arrived = Arrived::default();
        for message in first
            .into_iter()
            .chain(self.arriving.try_iter())
            .take(MESSAGES_A_COMMIT)
        {
            arrived.take(message, self.generation);
        }
        arrived
    }

    fn patience(&mut self) -> Duration {
        let reading = self.read_clocks();
        let due_in = match &self.mode {
            Mode::Degraded(outage) => outage.retry_at.saturating_sub(reading.boot),
            Mode::Stopping(until) => until.saturating_sub(reading.boot),
            Mode::Driving => {
                let at = self.clock.now(reading);
                let wake_at = self.product.wake_at().filter(|_| !self.stalled);
                wake_at.map_or(HEARTBEAT, |wake_at| {
                    (wake_at - at).to_std().unwrap_or_default()
                })
            }
        };
        due_in.min(HEARTBEAT)
    }

    fn over(&mut self) -> Option<Ended> {
        let reading = self.read_clocks();
        match &self.mode {
            Mode::Degraded(_) => None,
            Mode::Stopping(until) => {
                let is_answered = self.sent.values().all(|sent| sent.repeatable);
                (is_answered || *until <= reading.boot).then_some(Ended::Stopped)
            }
            Mode::Driving => {
                let is_idle = self.options.until_idle && self.is_idle(reading);
                is_idle.then_some(Ended::Idle)
            }
        }
    }

    /// While the clock is not trusted nothing moves, but it is a clock and no person that is waited for.
    fn is_idle(&mut self, reading: Reading) -> bool {
        let at = self.clock.now(reading);
        let is_due = self.product.wake_at().is_some_and(|wake_at| wake_at <= at);
        let is_quiet = self.stalled || !is_due;
        let knows_time = self.clock.is_trusted() || self.product.is_finished();
        is_quiet && knows_time && self.product.is_idle()
    }
}
