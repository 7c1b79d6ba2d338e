//! What the network does to a request and its answer: the faults that are armed for the way there and back.
//!
//! HTTP and clients in this process share it, so both meet the same faults and are recorded alike.

use policy::Span;

use crate::fault::{Outage, OutageScope, Trouble};
use crate::ids::Timestamp;
use crate::platform::Platform;
use crate::requests::{ApiError, Call, Done};

/// What a client in this process learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<T> {
    /// Render's answer.
    Delivered(T),
    /// Nothing; the request may have had its effect, or may still have it.
    Lost,
    /// The request surely never left.
    NeverSent,
    /// The request surely never left, and none will until then; absent: for good.
    Unreachable {
        /// When requests arrive again.
        until: Option<Timestamp>,
    },
}

/// What a client in this process gets: Render's answer or refusal, or less.
pub type Reply<T> = Delivery<Result<T, ApiError>>;

/// Trouble that the operation itself must take part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationFault {
    /// Answer 202 without a body.
    NoBody,
    /// The same, and the deploy is listed that much later.
    ListedLate(Span),
    /// Leave the newest out of the list.
    OmitsNewest,
}

/// How a reply reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyCondition {
    /// As it was sent.
    Whole,
    /// Later.
    Late(Span),
    /// Cut off.
    Malformed,
    /// Far too long.
    Huge(usize),
}

/// What came of a request.
pub(crate) enum Exchange<T> {
    /// It never left.
    NeverSent,
    /// It could not leave.
    Unreachable { until: Option<Timestamp> },
    /// Nothing came back.
    Nothing { reset: bool },
    /// A reply came back.
    Reply {
        outcome: Result<T, ApiError>,
        condition: ReplyCondition,
    },
}

impl Platform {
    /// Takes a request there and its answer back, with the faults that are armed.
    pub(crate) fn exchange<T>(
        &mut self,
        now: Timestamp,
        call: &Call,
        effect: impl FnOnce(&mut Self, Option<OperationFault>) -> Result<Done<T>, ApiError>,
    ) -> Exchange<T> {
        let service = call.service.as_ref();
        if let Some(Outage { until, .. }) = self.faults.outage(service, OutageScope::Api, now) {
            return Exchange::Unreachable { until };
        }
        let Some(trouble) = self.faults.take_trouble(call.op, service) else {
            let outcome = self.record_effect(now, call, |platform| effect(platform, None));
            return Exchange::whole(outcome);
        };
        let happen = |platform: &mut Self, fault| {
            platform.record_effect(now, call, |platform| effect(platform, fault))
        };
        let (outcome, condition) = match trouble {
            Trouble::NeverSent => return Exchange::NeverSent,
            Trouble::ArrivesLate { by } => {
                self.arrive_later(now + by.to_delta(), call);
                return Exchange::Nothing { reset: false };
            }
            Trouble::Reset { effect: false } => return Exchange::Nothing { reset: true },
            Trouble::Reset { effect: true } => {
                // The answer is on record; nobody hears it.
                let _unheard = happen(self, None);
                return Exchange::Nothing { reset: true };
            }
            Trouble::Lost => {
                let _unheard = happen(self, None);
                return Exchange::Nothing { reset: false };
            }
            Trouble::Status { status, effect } => {
                if effect {
                    let _unheard = happen(self, None);
                } else {
                    self.log.record(now, call, status, None);
                }
                (
                    Err(ApiError::new(status, "internal error")),
                    ReplyCondition::Whole,
                )
            }
            Trouble::RateLimited { retry_after } => {
                self.log.record(now, call, 429, None);
                (
                    Err(ApiError::rate_limited(retry_after)),
                    ReplyCondition::Whole,
                )
            }
            Trouble::AcceptedWithoutBody => (
                happen(self, Some(OperationFault::NoBody)),
                ReplyCondition::Whole,
            ),
            Trouble::ListedLate { by } => (
                happen(self, Some(OperationFault::ListedLate(by))),
                ReplyCondition::Whole,
            ),
            Trouble::OmitsNewest => (
                happen(self, Some(OperationFault::OmitsNewest)),
                ReplyCondition::Whole,
            ),
            Trouble::ReplyLate { by } => (happen(self, None), ReplyCondition::Late(by)),
            Trouble::Malformed => (happen(self, None), ReplyCondition::Malformed),
            Trouble::Huge { bytes } => (happen(self, None), ReplyCondition::Huge(bytes)),
        };
        Exchange::Reply { outcome, condition }
    }

    /// Lets a request have its effect, and records it.
    pub(crate) fn record_effect<T>(
        &mut self,
        now: Timestamp,
        call: &Call,
        effect: impl FnOnce(&mut Self) -> Result<Done<T>, ApiError>,
    ) -> Result<T, ApiError> {
        match effect(self) {
            Ok(done) => {
                self.log.record(now, call, done.status, done.deploy);
                Ok(done.value)
            }
            Err(error) => {
                self.log.record(now, call, error.status, None);
                Err(error)
            }
        }
    }
}

impl<T> Exchange<T> {
    fn whole(outcome: Result<T, ApiError>) -> Self {
        Self::Reply {
            outcome,
            condition: ReplyCondition::Whole,
        }
    }

    /// What a client in this process learns. It waits for nothing, so an answer that comes late is lost to it,
    /// and so is one that cannot be read.
    pub(crate) fn learned(self) -> Reply<T> {
        match self {
            Self::NeverSent => Delivery::NeverSent,
            Self::Unreachable { until } => Delivery::Unreachable { until },
            Self::Nothing { .. } => Delivery::Lost,
            Self::Reply { outcome, condition } => match condition {
                ReplyCondition::Whole => Delivery::Delivered(outcome),
                ReplyCondition::Late(_) | ReplyCondition::Malformed | ReplyCondition::Huge(_) => {
                    Delivery::Lost
                }
            },
        }
    }
}
