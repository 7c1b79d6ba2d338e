//! One instant: everything that has arrived is stepped, in the order that the core asks for (R24).

use policy::Timestamp;
use rollout::{Command, Input, Notice, Report};

use super::ServerTime;
use super::arrivals::Arrivals;
use super::engine_loop::{EngineLoop, Mode, Stopping};
use crate::error::Error;
use crate::limits::{ASK_SERVER_TIME, HEARTBEAT, NOTICES_KEPT, REQUESTS_A_COMMIT};
use crate::process::clock::Reading;
use crate::step::commit_group::CommitGroup;
use crate::store::Store;

impl EngineLoop {
    /// What a process notices first, then reports, then what was noticed, then requests, then one tick; one commit; and out.
    pub(super) fn drive(
        &mut self,
        reading: Reading,
        first: Vec<Notice>,
        arrived: Arrivals,
    ) -> Result<(), Error> {
        self.hear(reading, &arrived.server_times);
        let at = self.clock.now(reading);
        let mut group = CommitGroup::default();
        self.step_followed(at, &mut group);
        for notice in first {
            group.fact(&mut self.product, at, Input::Notice(notice));
        }
        self.step_reports(at, &mut group);
        for notice in self.noticed(reading) {
            group.fact(&mut self.product, at, Input::Notice(notice));
        }
        self.step_inbox(at, &mut group)?;
        let mut filed = Vec::new();
        for (request, asked) in arrived.asks {
            self.asking = Some(asked);
            let answer = group.request(&mut self.product, at, &request);
            filed.extend(self.asking.take().map(|asked| (answer, asked)));
        }
        // Once a person has confirmed the wall clock, engine time follows it first.
        if !self.is_confirmed_by(&group) {
            self.tick(at, &mut group);
        }
        self.commit_and_send(reading, group, filed)?;
        self.untold.clear();
        self.culprits.clear();
        for look in arrived.looks {
            self.show(look);
        }
        Ok(())
    }

    /// Records how changing requests ended that had left before the stop. Reads are begun again by the next engine; nothing
    /// new is intended or begun by this one, which the core is told first.
    pub(super) fn wind_down(&mut self, reading: Reading) -> Result<(), Error> {
        let out = self.state_to_record_in()?;
        let at = self.clock.now(reading);
        let mut group = CommitGroup::default();
        let stopping = Notice::EngineStopping { out };
        group.fact(&mut self.product, at, Input::Notice(stopping));
        self.step_followed(at, &mut group);
        let sent = &self.sent;
        let is_change = |report: &Report| {
            let sent = sent.get(&report.command);
            sent.is_some_and(|sent| sent.change.is_some())
        };
        self.unheard.retain(is_change);
        self.step_reports(at, &mut group);
        self.commit_and_send(reading, group, Vec::new())
    }

    /// Reads the state again if it was discarded; says which commands the core does not know of then.
    fn state_to_record_in(&mut self) -> Result<Vec<Command>, Error> {
        let Mode::Stopping(Stopping { trouble, .. }) = &mut self.mode else {
            return Ok(Vec::new());
        };
        if trouble.is_none() {
            return Ok(Vec::new());
        }
        self.store = Store::reopen(&self.place, self.store.epoch())?;
        self.product = self.store.load()?;
        *trouble = None;
        Ok(self.changes_out())
    }

    /// Notices outlive a commit that fails: nobody would repeat them.
    pub(super) fn remember(&mut self, notices: Vec<Notice>) {
        self.untold.extend(notices);
        let surplus = self.untold.len().saturating_sub(NOTICES_KEPT);
        self.untold.drain(..surplus);
    }

    /// Engine time has followed the wall clock. Told before everything else: what has begun meanwhile must not seem over.
    fn step_followed(&mut self, at: Timestamp, group: &mut CommitGroup) {
        if let Some(jump) = self.clock.jumped() {
            let followed = Notice::ClockFollowed { from: at - jump };
            group.fact(&mut self.product, at, Input::Notice(followed));
        }
    }

    /// One after the other: should a step break off, the others are still there.
    fn step_reports(&mut self, at: Timestamp, group: &mut CommitGroup) {
        while let Some(report) = self.unheard.pop_front() {
            let sent = self.sent.remove(&report.command);
            if let Some(sent) = sent.filter(|sent| sent.change.is_some()) {
                self.unstored.push((report.clone(), sent));
            }
            group.fact(&mut self.product, at, Input::Report(report));
        }
    }

    /// Lets the wall clock earn trust (P25).
    fn hear(&mut self, reading: Reading, server_times: &[Timestamp]) {
        for server_time in server_times {
            self.clock.hear(reading, *server_time);
        }
        let is_local = matches!(self.options.server_time, ServerTime::Local);
        if is_local && self.clock.awaits_wall() {
            self.clock.confirm(reading);
        }
    }

    /// What was told, what the clocks say, and what the project's files say.
    fn noticed(&mut self, reading: Reading) -> Vec<Notice> {
        let mut notices = self.untold.clone();
        let since = Some(self.clock.sure_until());
        let suspicion = self.clock.suspect(reading);
        let doubt = self.clock.take_doubt().map(|reason| (reason, None));
        for (reason, since) in suspicion
            .map(|reason| (reason, since))
            .into_iter()
            .chain(doubt)
        {
            tracing::warn!(reason, "the wall clock is not trusted; nothing new starts");
            notices.push(Notice::ClockSuspected { reason, since });
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
            ask(&self.outside.sender);
        }
    }

    /// Requests of other processes, if anything was written by others since the last look.
    fn step_inbox(&mut self, at: Timestamp, group: &mut CommitGroup) -> Result<(), Error> {
        let version = self.store.data_version()?;
        if self.inbox_seen == Some(version) {
            return Ok(());
        }
        let pending = self.store.claim()?;
        self.inbox_seen = Some(version).filter(|_| pending.len() < REQUESTS_A_COMMIT);
        for pending in pending {
            self.stepping = Some(pending.id);
            group.pending(&mut self.product, at, pending);
        }
        self.stepping = None;
        Ok(())
    }

    /// A tick if one is due. One that changes nothing though the core wanted it is not repeated at once.
    fn tick(&mut self, at: Timestamp, group: &mut CommitGroup) {
        let is_due = self.product.wake_at().is_some_and(|wake_at| wake_at <= at);
        self.stalled = is_due && !group.fact(&mut self.product, at, Input::Tick);
    }
}
