//! What has arrived for one turn, sorted by what is done with it.

use std::time::Duration;

use policy::Timestamp;
use rollout::{CommandId, Notice, Report, Request};
use tokio::sync::oneshot;

use super::channel::{Look, Message};
use crate::error::Error;
use crate::inbox::Answer;

/// Where the answer to a request of this process goes.
pub(super) type Asked = oneshot::Sender<Result<Answer, Error>>;

/// The messages of one turn.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) reports: Vec<Report>,
    pub(super) notices: Vec<Notice>,
    pub(super) server_times: Vec<Timestamp>,
    pub(super) asks: Vec<(Box<Request>, Asked)>,
    pub(super) looks: Vec<Look>,
    pub(super) stop: Option<Duration>,
    pub(super) kill: bool,
}

impl Arrivals {
    /// Sorts a message in. An answer to a command of another generation than is awaited is not for this state.
    pub(super) fn take(&mut self, message: Message, awaited: impl Fn(CommandId) -> u64) {
        match message {
            Message::Report { generation, report } if generation == awaited(report.command) => {
                self.reports.push(report);
            }
            Message::Report { .. } | Message::Wake => {}
            Message::Notice(notice) => self.notices.push(notice),
            Message::ServerTime(at) => self.server_times.push(at),
            Message::Ask(request, asked) => self.asks.push((request, asked)),
            Message::Look(look) => self.looks.push(look),
            Message::Stop(grace) => {
                self.stop.get_or_insert(grace);
            }
            Message::Kill => self.kill = true,
        }
    }

    /// Answers the requests while nothing can be stored.
    pub(super) fn refuse(self, reason: &str) {
        for (_, asked) in self.asks {
            refuse(asked, reason);
        }
    }
}

/// Says that nothing can be stored. Whoever asked may have gone.
pub(super) fn refuse(asked: Asked, reason: &str) {
    let _ = asked.send(Err(Error::Degraded {
        reason: reason.to_owned(),
    }));
}
