//! The engine's thread: waits, steps, commits, and only then lets answers and commands out.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use policy::{CustomerId, Timestamp};
use rollout::{
    Command, CommandId, CommandKind, Event, Executor, Input, Kind, Notice, Product, Report,
    Request, RunId,
};
use tokio::sync::{broadcast, oneshot, watch};

use super::inlet::{Inlet, Message};
use super::recovery::Outage;
use super::{Ended, EngineOptions, EngineState, ServerTime};
use crate::clock::{EngineClock, Reading};
use crate::crash::{Crash, CrashPoint};
use crate::error::Error;
use crate::group::{Filed, Group};
use crate::inbox::Answer;
use crate::limits::{
    ASK_SERVER_TIME, HEARTBEAT, MESSAGES_A_COMMIT, NOTICES_KEPT, REQUESTS_A_COMMIT, RETRY,
};
use crate::place::StateDir;
use crate::store::{InboxId, Store};

/// Where answers of the core go to.
pub(super) struct Outside {
    pub(super) executor: Box<dyn Executor + Send>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) state: watch::Sender<EngineState>,
    pub(super) inlet: Inlet,
}

/// The engine's thread and all it owns.
pub(super) struct Driver {
    pub(super) place: StateDir,
    pub(super) store: Store,
    pub(super) product: Product,
    pub(super) options: EngineOptions,
    pub(super) outside: Outside,
    pub(super) mode: Mode,
    /// How often the state has been loaded; answers to commands of an earlier one are not for this one.
    pub(super) generation: u64,
    /// Commands that have left and are not answered.
    pub(super) sent: BTreeMap<CommandId, Sent>,
    /// What the outside has noticed and is not stored yet.
    untold: Vec<Notice>,
    /// The request of another process that is being stepped.
    pub(super) stepping: Option<InboxId>,
    /// The next wait after a failed commit.
    pub(super) pause: Duration,
    /// Broken invariants so far.
    pub(super) bugs: u32,
    clock: EngineClock,
    arriving: Receiver<Message>,
    crash: Crash,
    /// When, since boot, the files are looked at and the server's time is asked for again.
    look_at: Duration,
    ask_time_at: Duration,
    inbox_seen: Option<i64>,
    /// The core wanted a tick at once, and nothing followed from it.
    stalled: bool,
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
    repeatable: bool,
}

type Asked = oneshot::Sender<Result<Answer, Error>>;

/// What has arrived for one turn.
#[derive(Default)]
struct Arrived {
    reports: Vec<Report>,
    notices: Vec<Notice>,
    server_times: Vec<Timestamp>,
    asks: Vec<(Box<Request>, Asked)>,
    looks: Vec<Box<dyn FnOnce(&Product) + Send>>,
    stop: Option<Duration>,
    kill: bool,
}

impl Driver {
    pub(super) fn new(
        place: StateDir,
        store: Store,
        product: Product,
        clock: EngineClock,
        options: EngineOptions,
        outside: Outside,
        arriving: Receiver<Message>,
    ) -> Self {
        let crash = Crash::new(options.crash_at);
        Self {
            place,
            store,
            product,
            options,
            outside,
            mode: Mode::Driving,
            generation: 0,
            sent: BTreeMap::new(),
            untold: Vec::new(),
            stepping: None,
            pause: RETRY.0,
            bugs: 0,
            clock,
            arriving,
            crash,
            look_at: Duration::ZERO,
            ask_time_at: Duration::ZERO,
            inbox_seen: None,
            stalled: false,
        }
    }

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
            self.clock.trust(reading);
        }
        if let Some(files) = &mut self.options.files {
            files.forget();
        }
        (self.look_at, self.ask_time_at, self.inbox_seen) = (Duration::ZERO, Duration::ZERO, None);
        let mut notices = vec![Notice::EngineStarted];
        if self.clock.is_trusted() {
            notices.push(Notice::ClockTrusted);
        }
        self.drive(reading, notices, Arrived::default())
    }

    pub(super) fn read_clocks(&mut self) -> Reading {
        (self.options.readings)()
    }

    /// Hands a command to the executor.
    pub(super) fn dispatch(&mut self, command: Command) {
        if let CommandKind::Stop { command } = &command.kind {
            self.sent.remove(command);
        } else {
            let (run, customer) = (command.run, command.customer.clone());
            self.sent.insert(
                command.id,
                Sent {
                    run,
                    customer,
                    repeatable: command.kind.is_repeatable(),
                },
            );
        }
        let reply = self.outside.inlet.reply(self.generation);
        self.outside.executor.execute(command, reply);
    }

    /// Sleeps until something arrives or falls due, and takes all there is.
    fn gather(&mut self) -> Arrived {
        let mut arrived = Arrived::default();
        let patience = self.patience();
        let first = self.arriving.recv_timeout(patience).ok();
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

    fn turn(&mut self, mut arrived: Arrived) -> Result<(), Error> {
        let reading = self.read_clocks();
        if let Some(grace) = arrived.stop.take() {
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

    /// One instant: reports, then what was noticed, then requests, then one tick (R24); one commit; and out.
    fn drive(
        &mut self,
        reading: Reading,
        first: Vec<Notice>,
        arrived: Arrived,
    ) -> Result<(), Error> {
        let at = self.clock.now(reading);
        let mut group = Group::default();
        self.step_reports(at, arrived.reports, &mut group);
        for notice in self.noticed(reading, first, &arrived.server_times) {
            group.fact(&mut self.product, at, Input::Notice(notice));
        }
        self.step_inbox(at, &mut group)?;
        let asks = arrived.asks.into_iter();
        let filed = asks
            .map(|(request, asked)| (group.request(&mut self.product, at, &request), asked))
            .collect();
        self.tick(at, &mut group);
        self.commit_and_deliver(reading, group, filed)?;
        self.untold.clear();
        for look in arrived.looks {
            look(&self.product);
        }
        Ok(())
    }

    /// Records how changing requests ended that were sent before the stop. Reads are simply begun again by the next engine.
    fn wind_down(&mut self, reading: Reading, mut arrived: Arrived) -> Result<(), Error> {
        arrived.asks.clear();
        let mut group = Group::default();
        let reports = arrived.reports.into_iter().filter(|report| {
            self.sent
                .get(&report.command)
                .is_some_and(|sent| !sent.repeatable)
        });
        let reports = reports.collect();
        let at = self.clock.now(reading);
        self.step_reports(at, reports, &mut group);
        group.commands.clear();
        self.commit_and_deliver(reading, group, Vec::new())
    }

    fn step_reports(&mut self, at: Timestamp, reports: Vec<Report>, group: &mut Group) {
        for report in reports {
            self.sent.remove(&report.command);
            group.fact(&mut self.product, at, Input::Report(report));
        }
    }

    /// Notices outlive a commit that fails: nobody would repeat them.
    fn remember(&mut self, notices: Vec<Notice>) {
        self.untold.extend(notices);
        let surplus = self.untold.len().saturating_sub(NOTICES_KEPT);
        self.untold.drain(..surplus);
    }

    /// What was told, what the clocks say, and what the project's files say.
    fn noticed(
        &mut self,
        reading: Reading,
        first: Vec<Notice>,
        server_times: &[Timestamp],
    ) -> Vec<Notice> {
        let mut notices = first;
        notices.extend(self.untold.iter().cloned());
        for server_time in server_times {
            if self.clock.hear(reading, *server_time) {
                notices.push(Notice::ClockTrusted);
            }
        }
        if let Some(reason) = self.clock.suspect(reading) {
            tracing::warn!(reason, "the wall clock is not trusted; nothing new starts");
            notices.push(Notice::ClockSuspected { reason });
        }
        self.ask_server_time(reading);
        if reading.boot >= self.look_at {
            self.look_at = reading.boot + HEARTBEAT;
            let read = self
                .options
                .files
                .as_mut()
                .and_then(|files| files.look(&self.product));
            notices.extend(read.map(|read| Notice::FilesRead(Box::new(read))));
        }
        notices
    }

    fn ask_server_time(&mut self, reading: Reading) {
        if self.clock.is_trusted() || reading.boot < self.ask_time_at {
            return;
        }
        if let ServerTime::Ask(ask) = &mut self.options.server_time {
            self.ask_time_at = reading.boot + ASK_SERVER_TIME;
            ask(&self.outside.inlet);
        }
    }

    /// Requests of other processes, if anything was written by others since the last look.
    fn step_inbox(&mut self, at: Timestamp, group: &mut Group) -> Result<(), Error> {
        let version = self.store.data_version()?;
        if self.inbox_seen == Some(version) {
            return Ok(());
        }
        let pending = self.store.pending()?;
        self.inbox_seen = Some(version).filter(|_| pending.len() < REQUESTS_A_COMMIT);
        for pending in pending {
            self.stepping = Some(pending.id);
            group.pending(&mut self.product, at, pending);
        }
        self.stepping = None;
        Ok(())
    }

    fn tick(&mut self, at: Timestamp, group: &mut Group) {
        let is_due = self.product.wake_at().is_some_and(|wake_at| wake_at <= at);
        self.stalled = is_due && !group.fact(&mut self.product, at, Input::Tick);
    }

    fn commit_and_deliver(
        &mut self,
        reading: Reading,
        mut group: Group,
        filed: Vec<(Filed, Asked)>,
    ) -> Result<(), Error> {
        if let Err(error) = self.commit(&mut group) {
            let reason = error.to_string();
            filed
                .into_iter()
                .for_each(|(_, asked)| refuse(asked, &reason));
            return Err(error);
        }
        self.deliver(reading, group, filed);
        Ok(())
    }

    fn commit(&mut self, group: &mut Group) -> Result<(), Error> {
        if group.is_empty() {
            return Ok(());
        }
        self.crash.pass(CrashPoint::Before);
        let changes = group.changes(&self.product);
        self.store.commit(&changes)?;
        self.crash.pass(CrashPoint::After);
        self.pause = RETRY.0;
        Ok(())
    }

    fn deliver(&mut self, reading: Reading, mut group: Group, filed: Vec<(Filed, Asked)>) {
        if group
            .events
            .iter()
            .any(|event| event.fact.kind == Kind::ClockTrusted)
            && !self.clock.is_trusted()
        {
            self.clock.trust(reading);
        }
        for (filed, asked) in filed {
            let events = group.events(&filed).to_vec();
            let _ = asked.send(Ok(Answer {
                events,
                rejected: filed.rejected(),
            }));
        }
        let has_left = !group.commands.is_empty();
        for command in mem::take(&mut group.commands) {
            self.dispatch(command);
        }
        for event in group.events {
            let _ = self.outside.events.send(Arc::new(event));
        }
        if has_left {
            self.crash.pass(CrashPoint::Sent);
        }
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
                let at = self.clock.now(reading);
                let is_due =
                    !self.stalled && self.product.wake_at().is_some_and(|wake_at| wake_at <= at);
                (self.options.until_idle && !is_due && self.product.is_idle())
                    .then_some(Ended::Idle)
            }
        }
    }
}

impl Arrived {
    fn take(&mut self, message: Message, current: u64) {
        match message {
            Message::Report { generation, report } if generation == current => {
                self.reports.push(report)
            }
            Message::Report { .. } | Message::Ring => {}
            Message::Notice(notice) => self.notices.push(notice),
            Message::ServerTime(at) => self.server_times.push(at),
            Message::Ask(request, asked) => self.asks.push((request, asked)),
            Message::Look(look) => self.looks.push(look),
            Message::Stop(grace) => self.stop = Some(grace),
            Message::Kill => self.kill = true,
        }
    }

    fn refuse(self, reason: &str) {
        self.asks
            .into_iter()
            .for_each(|(_, asked)| refuse(asked, reason));
    }
}

fn refuse(asked: Asked, reason: &str) {
    let _ = asked.send(Err(Error::Degraded {
        reason: reason.to_owned(),
    }));
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("place", &self.place)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
