//! Commit, and only then let answers and commands out (P7, P42).

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use rollout::{Command, CommandId, CommandKind, Kind};

use super::arrivals::{Asked, refuse};
use super::engine_loop::{EngineLoop, Sent};
use crate::error::Error;
use crate::inbox::Answer;
use crate::limits::RETRY;
use crate::process::clock::Reading;
use crate::process::crash::CrashPoint;
use crate::step::commit_group::{CommitGroup, SteppedRequest};

impl EngineLoop {
    /// Stores what one instant gave, then sends what follows from it.
    pub(super) fn commit_and_send(
        &mut self,
        reading: Reading,
        mut group: CommitGroup,
        filed: Vec<(SteppedRequest, Asked)>,
    ) -> Result<(), Error> {
        if let Err(error) = self.commit(&mut group) {
            let reason = error.to_string();
            for (_, asked) in filed {
                refuse(asked, &reason);
            }
            return Err(error);
        }
        self.send(reading, group, filed);
        Ok(())
    }

    /// Stops all reads that run: they begin anew, and answers that come all the same are not heard. A change that has left
    /// runs to its end, and its answer is kept until it can be stored.
    pub(super) fn stop_what_runs(&mut self) {
        self.generation += 1;
        let is_change = |sent: &Sent| sent.change.is_some();
        let (changes, reads) = mem::take(&mut self.sent)
            .into_iter()
            .partition(|(_, sent)| is_change(sent));
        self.sent = changes;
        let reads: BTreeMap<CommandId, Sent> = reads;
        for (id, sent) in reads {
            let stop = Command {
                id,
                rollout: sent.run,
                customer: sent.customer,
                urgent: false,
                kind: CommandKind::Stop { command: id },
            };
            // One that cannot be stopped is no reason to let the others run on; its answer is not heard either.
            let stopped = self.guard(|engine| {
                engine.dispatch(stop);
                Ok(())
            });
            if let Err(error) = stopped {
                tracing::error!(%error, command = id.0, "a command could not be stopped");
            }
        }
    }

    fn commit(&mut self, group: &mut CommitGroup) -> Result<(), Error> {
        if group.is_empty() {
            self.clock.is_stored();
            self.unstored.clear();
            return Ok(());
        }
        self.crash.pass(CrashPoint::Before);
        let product = &self.product;
        let changes = self
            .options
            .audience
            .look(|audience| group.changes(product, audience));
        self.store.commit(&changes)?;
        group.events = changes.events;
        self.clock.is_stored();
        self.unstored.clear();
        self.crash.pass(CrashPoint::After);
        self.pause = RETRY.0;
        Ok(())
    }

    fn send(
        &mut self,
        reading: Reading,
        mut group: CommitGroup,
        filed: Vec<(SteppedRequest, Asked)>,
    ) {
        if group.events.is_empty() && group.commands.is_empty() && filed.is_empty() {
            return;
        }
        let commands = mem::take(&mut group.commands);
        let changes = commands.iter().filter(|one| !one.kind.is_repeatable());
        self.leaving
            .extend(changes.map(|one| (one.id, one.clone())));
        self.follow_clock(reading, &group);
        for (filed, asked) in filed {
            let events = group.events(&filed).to_vec();
            let _ = asked.send(Ok(Answer {
                events,
                rejected: filed.rejected(),
                without_engine: false,
            }));
        }
        for command in commands {
            self.leaving.remove(&command.id);
            self.dispatch(command);
        }
        for event in group.events {
            let _ = self.outside.events.send(Arc::new(event));
        }
        self.crash.pass(CrashPoint::Sent);
    }

    /// Sends what an earlier turn had stored and, breaking off, not sent; unless it is not wanted any more.
    pub(super) fn leave(&mut self) {
        while let Some((id, command)) = self.leaving.pop_first() {
            if self.product.in_flight().any(|out| out.id == id) {
                self.dispatch(command);
            }
        }
    }

    /// A person may have confirmed the wall clock (P25).
    fn follow_clock(&mut self, reading: Reading, group: &CommitGroup) {
        if self.is_confirmed_by(group) {
            self.clock.trust(reading);
        }
    }

    /// Whether a person has confirmed the wall clock, and engine time does not follow it yet.
    pub(super) fn is_confirmed_by(&self, group: &CommitGroup) -> bool {
        let mut kinds = group.events.iter().map(|event| event.line.kind);
        !self.clock.is_trusted() && kinds.any(|kind| kind == Kind::ClockTrusted)
    }

    fn dispatch(&mut self, command: Command) {
        let whose = (command.rollout, command.customer.clone());
        let reply = self.outside.sender.reply(self.generation, &command);
        let sent = if let CommandKind::Stop { command: stopped } = &command.kind {
            // Nobody waits for an answer to it, nor to what it stops.
            self.sent.remove(stopped);
            None
        } else {
            let is_change = !command.kind.is_repeatable();
            Some(Sent {
                run: command.rollout,
                customer: command.customer.clone(),
                generation: self.generation,
                change: is_change.then(|| command.clone()),
            })
        };
        let id = command.id;
        self.dispatching = Some(whose);
        self.outside.executor.execute(command, reply);
        self.dispatching = None;
        if let Some(sent) = sent {
            self.sent.insert(id, sent);
        }
    }
}
