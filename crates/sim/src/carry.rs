//! The way of a request to Render and of its answer back, with whatever goes wrong on it.
//!
//! HTTP and clients in this process share it, so both meet the same faults and are recorded alike.

use policy::Span;

use crate::api::{ApiError, Call, Done};
use crate::fault::{Reach, Trouble};
use crate::ids::Timestamp;
use crate::platform::Platform;

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
pub(crate) enum Quirk {
    /// Answer 202 without a body.
    NoBody,
    /// The same, and the deploy is listed that much later.
    ListedLate(Span),
    /// Leave the newest out of the list.
    OmitsNewest,
}

/// How a reply reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
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
pub(crate) enum Carried<T> {
    /// It never left.
    NeverSent,
    /// It could not leave.
    Unreachable { until: Option<Timestamp> },
    /// Nothing came back.
    Nothing { reset: bool },
    /// A reply came back.
    Reply {
        outcome: Result<T, ApiError>,
        ending: Ending,
    },
}

impl Platform {
    /// Carries a request there and its answer back.
    pub(crate) fn carry<T>(
        &mut self,
        now: Timestamp,
        call: &Call,
        effect: impl FnOnce(&mut Self, Option<Quirk>) -> Result<Done<T>, ApiError>,
    ) -> Carried<T> {
        let service = call.service.as_ref();
        if let Some(outage) = self.faults.outage(service, Reach::Api, now) {
            return Carried::Unreachable {
                until: outage.until,
            };
        }
        let Some(trouble) = self.faults.take_trouble(call.op, service) else {
            let outcome = self.record_effect(now, call, |platform| effect(platform, None));
            return Carried::whole(outcome);
        };
        let happen = |platform: &mut Self, quirk| {
            platform.record_effect(now, call, |platform| effect(platform, quirk))
        };
        let (outcome, ending) = match trouble {
            Trouble::NeverSent => return Carried::NeverSent,
            Trouble::ArrivesLate { by } => {
                self.arrive_later(now + by.to_delta(), call);
                return Carried::Nothing { reset: false };
            }
            Trouble::Reset { effect: false } => return Carried::Nothing { reset: true },
            Trouble::Reset { effect: true } => {
                // The answer is on record; nobody hears it.
                let _unheard = happen(self, None);
                return Carried::Nothing { reset: true };
            }
            Trouble::Lost => {
                let _unheard = happen(self, None);
                return Carried::Nothing { reset: false };
            }
            Trouble::Status { status, effect } => {
                if effect {
                    let _unheard = happen(self, None);
                } else {
                    self.log.record(now, call, status, None);
                }
                (Err(ApiError::new(status, "internal error")), Ending::Whole)
            }
            Trouble::RateLimited { retry_after } => {
                self.log.record(now, call, 429, None);
                (Err(ApiError::rate_limited(retry_after)), Ending::Whole)
            }
            Trouble::AcceptedWithoutBody => (happen(self, Some(Quirk::NoBody)), Ending::Whole),
            Trouble::ListedLate { by } => {
                (happen(self, Some(Quirk::ListedLate(by))), Ending::Whole)
            }
            Trouble::OmitsNewest => (happen(self, Some(Quirk::OmitsNewest)), Ending::Whole),
            Trouble::ReplyLate { by } => (happen(self, None), Ending::Late(by)),
            Trouble::Malformed => (happen(self, None), Ending::Malformed),
            Trouble::Huge { bytes } => (happen(self, None), Ending::Huge(bytes)),
        };
        Carried::Reply { outcome, ending }
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

impl<T> Carried<T> {
    fn whole(outcome: Result<T, ApiError>) -> Self {
        Self::Reply {
            outcome,
            ending: Ending::Whole,
        }
    }

    /// What a client in this process learns. It waits for nothing, so an answer that comes late is lost to it,
    /// and so is one that cannot be read.
    pub(crate) fn learned(self) -> Reply<T> {
        match self {
            Self::NeverSent => Delivery::NeverSent,
            Self::Unreachable { until } => Delivery::Unreachable { until },
            Self::Nothing { .. } => Delivery::Lost,
            Self::Reply { outcome, ending } => match ending {
                Ending::Whole => Delivery::Delivered(outcome),
                Ending::Late(_) | Ending::Malformed | Ending::Huge(_) => Delivery::Lost,
            },
        }
    }
}
