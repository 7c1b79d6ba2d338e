//! The engine's thread: what it owns, and how it waits for its next turn.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use policy::CustomerId;
use rollout::{Command, CommandId, Event, Executor, Notice, Product, Report, RolloutId};
use tokio::sync::{broadcast, watch};

use super::arrivals::{Arrivals, Asked};
use super::channel::{EngineSender, Message};
use super::{Ended, EngineOptions, EngineState, ServerTime};
use crate::error::Error;
use crate::limits::{HEARTBEAT, MESSAGES_A_COMMIT, RETRY};
use crate::process::clock::{EngineClock, Reading};
use crate::process::crash::Crash;
use crate::process::state_dir::StateDir;
use crate::store::{InboxId, Store};

/// Where everything goes that leaves the engine.
pub(super) struct Outside {
    pub(super) executor: Box<dyn Executor + Send>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) state: watch::Sender<EngineState>,
    pub(super) sender: EngineSender,
}

/// What is durable, and what was loaded from it.
pub(super) struct Loaded {
    pub(super) place: StateDir,
    pub(super) store: Store,
    pub(super) product: Product,
    pub(super) clock: EngineClock,
}

/// The engine's thread and all it owns.
pub(super) struct EngineLoop {
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
    /// Commands whose intents are stored and that have not left, should the turn break off here.
    pub(super) leaving: BTreeMap<CommandId, Command>,
    /// Answers to changes, stepped in this instant and not stored yet: nobody would give them again.
    pub(super) unstored: Vec<(Report, Sent)>,
    /// Answers that have come and are not stepped yet.
    pub(super) unheard: VecDeque<Report>,
    /// What the outside has noticed and is not stored yet.
    pub(super) untold: Vec<Notice>,
    /// The request of another process that is being stepped.
    pub(super) stepping: Option<InboxId>,
    /// Who waits for the answer to the request of this process that is being stepped.
    pub(super) asking: Option<Asked>,
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
    /// Broken invariants so far that could not be laid to one customer or one request.
    pub(super) bugs: u32,
    /// Customers that broke an invariant, to be held as soon as that can be stored.
    pub(super) culprits: Vec<Culprit>,
    /// Whose command is handed to the executor.
    pub(super) dispatching: Option<(RolloutId, CustomerId)>,
    arriving: Receiver<Message>,
}

/// What the engine is doing.
pub(super) enum Mode {
    Driving,
    Degraded(Outage),
    Stopping(Stopping),
}

/// An engine that is ending.
pub(super) struct Stopping {
    /// Answers are waited for until this time since boot.
    pub(super) until: Duration,
    /// Why what came could not be stored; then memory was discarded.
    pub(super) trouble: Option<Error>,
    /// This process stood still when that time came: what has ended meanwhile was looked for once more.
    overslept: bool,
}

/// A time in which nothing can be stored (`outage`).
pub(super) struct Outage {
    pub(super) reason: String,
    /// Since boot.
    pub(super) retry_at: Duration,
}

/// A customer for whom something was being done when an invariant broke.
pub(super) struct Culprit {
    pub(super) run: RolloutId,
    pub(super) customer: CustomerId,
    pub(super) what: String,
}

impl Culprit {
    /// What the core is told of it.
    pub(super) fn notice(&self) -> Notice {
        Notice::Quarantined {
            rollout: self.run,
            customer: self.customer.clone(),
            what: self.what.clone(),
        }
    }

    pub(super) fn is(&self, run: RolloutId, customer: &CustomerId) -> bool {
        self.run == run && self.customer == *customer
    }
}

/// A command that has left.
pub(super) struct Sent {
    pub(super) run: RolloutId,
    pub(super) customer: CustomerId,
    pub(super) generation: u64,
    /// The whole command, if it changes something that may happen only once: its answer is wanted in any case.
    pub(super) change: Option<Command>,
}

impl EngineLoop {
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
            leaving: BTreeMap::new(),
            unstored: Vec::new(),
            unheard: VecDeque::new(),
            untold: Vec::new(),
            stepping: None,
            asking: None,
            inbox_seen: None,
            stalled: false,
            look_at: Duration::ZERO,
            ask_time_at: Duration::ZERO,
            pause: RETRY.0,
            bugs: 0,
            culprits: Vec::new(),
            dispatching: None,
            arriving,
        }
    }

    /// Takes turns until it is over.
    pub(super) fn run(mut self) -> Result<Ended, Error> {
        let mut turned = self.guard(Self::begin);
        loop {
            if let Err(error) = turned {
                self.discard(error)?;
            }
            turned = match self.guard(|engine| Ok(engine.over())) {
                Ok(Some(ended)) => return ended,
                Ok(None) => {
                    let arrived = self.gather();
                    if arrived.kill {
                        return Ok(Ended::Stopped);
                    }
                    self.guard(|engine| engine.turn(arrived))
                }
                Err(error) => Err(error),
            };
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
        // Before anything else is done for them.
        let mut first: Vec<Notice> = self.culprits.iter().map(Culprit::notice).collect();
        first.extend(self.store.copy_notice());
        let is_trusted = self.clock.is_trusted();
        let unsure_since = (!is_trusted).then(|| self.clock.sure_until());
        let out = self.changes_out();
        first.push(Notice::EngineStarted { out, unsure_since });
        first.extend(is_trusted.then_some(Notice::ClockTrusted));
        self.drive(reading, first, Arrivals::default())?;
        self.leave();
        Ok(())
    }

    /// What this process has sent, or is about to send, that must not be sent again.
    pub(super) fn changes_out(&self) -> Vec<Command> {
        let out = self.sent.values().filter_map(|sent| sent.change.as_ref());
        out.chain(self.leaving.values()).cloned().collect()
    }

    /// Whether every change that has left is answered, and the answers are stored.
    fn is_answered(&self) -> bool {
        let mut sent = self.sent.values();
        self.unheard.is_empty() && self.leaving.is_empty() && sent.all(|one| one.change.is_none())
    }

    pub(super) fn read_clocks(&mut self) -> Reading {
        (self.options.readings)()
    }

    fn turn(&mut self, mut arrived: Arrivals) -> Result<(), Error> {
        let reading = self.read_clocks();
        if let Some(grace) = arrived.stop {
            tracing::info!("stopping: nothing new is begun");
            self.stop_within(reading.boot + grace);
        }
        self.remember(mem::take(&mut arrived.notices));
        self.unheard.extend(mem::take(&mut arrived.reports));
        match &self.mode {
            Mode::Driving => self.drive(reading, Vec::new(), arrived),
            Mode::Stopping(_) => self.wind_down(reading),
            Mode::Degraded(outage) => {
                arrived.refuse(&outage.reason);
                if outage.retry_at <= reading.boot {
                    self.reload()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// A second wish to stop changes nothing: what has left is still waited for, and no longer than before.
    fn stop_within(&mut self, until: Duration) {
        let trouble = match &self.mode {
            Mode::Stopping(_) => return,
            Mode::Driving => None,
            Mode::Degraded(outage) => Some(Error::Degraded {
                reason: outage.reason.clone(),
            }),
        };
        self.mode = Mode::Stopping(Stopping {
            until,
            trouble,
            overslept: false,
        });
        self.outside.state.send_replace(EngineState::Stopping);
    }

    /// Sleeps until something arrives or falls due, and takes all there is.
    fn gather(&mut self) -> Arrivals {
        let patience = self.patience();
        let first = self.arriving.recv_timeout(patience).ok();
        let mut arrived = Arrivals::default();
        for message in first
            .into_iter()
            .chain(self.arriving.try_iter())
            .take(MESSAGES_A_COMMIT)
        {
            arrived.take(message, |id| {
                let sent = self.sent.get(&id);
                sent.map_or(self.generation, |sent| sent.generation)
            });
        }
        arrived
    }

    fn patience(&mut self) -> Duration {
        let reading = self.read_clocks();
        let due_in = match &self.mode {
            Mode::Degraded(outage) => outage.retry_at.saturating_sub(reading.boot),
            Mode::Stopping(stopping) => match stopping.trouble {
                Some(_) => self.pause,
                None => stopping.until.saturating_sub(reading.boot),
            },
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

    fn over(&mut self) -> Option<Result<Ended, Error>> {
        let reading = self.read_clocks();
        match &self.mode {
            Mode::Degraded(_) => None,
            Mode::Stopping(_) if self.is_answered() => Some(Ok(Ended::Stopped)),
            Mode::Stopping(_) => self.out_of_time(reading),
            Mode::Driving => {
                let may_end = self.options.until_idle && self.is_answered();
                (may_end && self.is_idle(reading)).then_some(Ok(Ended::Idle))
            }
        }
    }

    /// How it ends if the time for answers is over. A process that stood still until long after it (it was stopped, or its
    /// machine slept) first lets come what has come.
    fn out_of_time(&mut self, reading: Reading) -> Option<Result<Ended, Error>> {
        let Mode::Stopping(stopping) = &mut self.mode else {
            return None;
        };
        let late = reading.boot.checked_sub(stopping.until)?;
        if late > HEARTBEAT && !stopping.overslept {
            stopping.overslept = true;
            stopping.until = reading.boot + HEARTBEAT;
            return None;
        }
        Some(stopping.trouble.take().map_or(Ok(Ended::Stopped), Err))
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
