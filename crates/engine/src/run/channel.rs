//! The one channel into the engine.

use std::fmt;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use policy::{CustomerId, Timestamp};
use rollout::{Command, Notice, Product, Reply, Report, Request, RolloutId};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::inbox::Answer;
use crate::process::clock::EngineTime;

/// What can arrive at the engine.
pub(super) enum Message {
    /// A command ended, issued since the state was loaded so many times.
    Report { generation: u64, report: Report },
    /// The outside noticed something by itself.
    Notice(Notice),
    /// The server told its time.
    ServerTime(Timestamp),
    /// A person asks, in this process.
    Ask(Box<Request>, oneshot::Sender<Result<Answer, Error>>),
    /// Somebody wants to see the state.
    Look(Look),
    /// Look again: the inbox, the clock.
    Wake,
    /// End gracefully, within this time.
    Stop(Duration),
    /// End at once, as a crash would.
    Kill,
}

/// Called with the state as committed last.
pub(super) type Look = Box<dyn FnOnce(&Product) + Send>;

/// The sending end of the channel into the engine; clones share it. What is sent to an engine that has ended is lost.
#[derive(Clone)]
pub struct EngineSender {
    messages: Sender<Message>,
    time: EngineTime,
}

impl EngineSender {
    pub(super) fn new(messages: Sender<Message>, time: EngineTime) -> Self {
        Self { messages, time }
    }

    /// Engine time, by which commands say until when.
    pub fn time(&self) -> EngineTime {
        self.time.clone()
    }

    /// Something that concerns more than one command: the workspace is held or released.
    pub fn notice(&self, notice: Notice) {
        self.send(Message::Notice(notice));
    }

    /// The `Date` of a reply that has just arrived (P25).
    pub fn server_time(&self, at: Timestamp) {
        self.send(Message::ServerTime(at));
    }

    /// Makes the engine look at clock and inbox now.
    pub fn wake(&self) {
        self.send(Message::Wake);
    }

    pub(super) fn waker(&self) -> impl Fn() + Send + 'static {
        let sender = self.clone();
        move || sender.wake()
    }

    /// Where the answer to a command goes. If whoever carries it out panics, its customer is held: nobody knows how it ended.
    pub(super) fn reply(&self, generation: u64, command: &Command) -> Reply {
        let sender = self.clone();
        let lost = Lost {
            sender: self.clone(),
            run: command.rollout,
            customer: command.customer.clone(),
        };
        Box::new(move |report| {
            let _answered = lost;
            sender.send(Message::Report { generation, report });
        })
    }

    /// Whoever waits for an answer notices that the engine has ended.
    pub(super) fn send(&self, message: Message) {
        let _ = self.messages.send(message);
    }
}

/// Dropped with the answer, or without one.
struct Lost {
    sender: EngineSender,
    run: RolloutId,
    customer: CustomerId,
}

impl Drop for Lost {
    fn drop(&mut self) {
        // A command that was stopped, or whose executor ends, is dropped in peace. On the engine's own thread the engine
        // catches the panic itself.
        if thread::panicking() && thread::current().name() != Some(super::THREAD) {
            let what = "the command in hand broke an invariant".to_owned();
            self.sender.notice(Notice::Quarantined {
                rollout: self.run,
                customer: self.customer.clone(),
                what,
            });
        }
    }
}

impl fmt::Debug for EngineSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineSender").finish_non_exhaustive()
    }
}
