//! What did one instant give? The steps of several inputs, to be committed together.

use std::collections::BTreeSet;

use policy::Timestamp;
use rollout::command::Sealed;
use rollout::{AttachmentId, Command, Event, Input, Product, Rejected, Request, RowKey, Step};

use crate::outbox::{Audience, Notification, notifications_of_events};
use crate::store::{Changes, InboxId, Pending, StoredAnswer};

/// The steps of one instant.
#[derive(Debug, Default)]
pub(crate) struct CommitGroup {
    /// Facts, in order.
    pub(crate) events: Vec<Event>,
    /// To be carried out after the commit.
    pub(crate) commands: Vec<Command>,
    touched: BTreeSet<RowKey>,
    attachments: Vec<(AttachmentId, Sealed)>,
    answers: Vec<(InboxId, StoredAnswer)>,
}

/// What a request led to: a range of this group's events.
#[derive(Debug)]
pub(crate) struct SteppedRequest {
    from: usize,
    to: usize,
    rejected: Option<Rejected>,
}

impl CommitGroup {
    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.touched.is_empty()
            && self.commands.is_empty()
            && self.answers.is_empty()
    }

    /// Steps an input that is never rejected: a report, a notice, a tick. Says whether anything followed.
    pub(crate) fn fact(&mut self, product: &mut Product, at: Timestamp, input: Input) -> bool {
        let step = product.step(at, input).expect("only requests are rejected");
        let follows =
            !(step.events.is_empty() && step.commands.is_empty() && step.touched.is_empty());
        self.take(step);
        follows
    }

    /// Steps a person's request; a refusal becomes an audit event (P49).
    pub(crate) fn request(
        &mut self,
        product: &mut Product,
        at: Timestamp,
        request: &Request,
    ) -> SteppedRequest {
        let from = self.events.len();
        let (step, rejected) = match product.step(at, Input::Request(request.clone())) {
            Ok(step) => (step, None),
            Err(rejected) => (product.denied(at, request, &rejected), Some(rejected)),
        };
        self.take(step);
        SteppedRequest {
            from,
            to: self.events.len(),
            rejected,
        }
    }

    /// Steps a request of another process and notes its answer.
    pub(crate) fn pending(&mut self, product: &mut Product, at: Timestamp, pending: Pending) {
        let answer = match pending.request {
            Ok(request) => {
                let filed = self.request(product, at, &request);
                StoredAnswer::of(self.events(&filed), filed.rejected)
            }
            Err(trouble) => StoredAnswer::trouble(trouble),
        };
        self.answers.push((pending.id, answer));
    }

    /// The events of one request.
    pub(crate) fn events(&self, filed: &SteppedRequest) -> &[Event] {
        &self.events[filed.from..filed.to]
    }

    /// What is to be stored, and what is to be told of it. The events go along; whoever still needs them puts them back.
    pub(crate) fn changes(&mut self, product: &Product, audience: &Audience) -> Changes {
        let touched = std::mem::take(&mut self.touched);
        let notifications = notifications_of_events(audience, &self.events, product);
        Changes {
            notifications: notifications.iter().map(Notification::row).collect(),
            events: std::mem::take(&mut self.events),
            rows: touched
                .into_iter()
                .map(|key| {
                    let json = product.row(&key);
                    (key, json)
                })
                .collect(),
            attachments: std::mem::take(&mut self.attachments),
            answers: std::mem::take(&mut self.answers),
        }
    }

    fn take(&mut self, step: Step) {
        let Step {
            events,
            commands,
            touched,
            attachments,
        } = step;
        self.events.extend(events);
        self.commands.extend(commands);
        self.touched.extend(touched);
        self.attachments.extend(attachments);
    }
}

impl SteppedRequest {
    /// The refusal, if it was one.
    pub(crate) fn rejected(self) -> Option<Rejected> {
        self.rejected
    }
}
